#include "moesim/report/prediction_report.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "moesim/base/diagnostic.hpp"

#include "report/samples.hpp"
#include "report/text.hpp"

namespace moesim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::sample_comparison;
using testing::sample_run;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

std::string after_first_blank_line(const std::string& text) { return text.substr(text.find("\n\n") + 2); }

TEST(PredictionTable, TwoCases_StandSideBySide) {
  const std::string table = to_table(sample_comparison(), sample_run(), {});
  // The whole of the first two sections, to be reviewed by eye.
  EXPECT_THAT(after_first_blank_line(table),
              ::testing::StartsWith(
                  R"(                            fine_grained                                bigmac
  step time                       2.00 s  1.81 – 2.21 s               500.0 ms  452 – 553 ms
  speed-up                      baseline                                4.00 x  3.50 – 4.50
  tokens per second              262,144                             1,048,576
  TFLOPS per GPU                    42.5  28.4 % MFU                       170  28.4 % MFU
  all-to-all                      1.80 s  90.0 %                      300.0 ms  60.0 %
  exposed communication           1.85 s  92.5 %                      320.0 ms  64.0 %

Where the time goes
  attention                    100.00 ms    5.0 % █▎                 100.00 ms   20.0 % ████▉
  descend                              –                              20.00 ms    4.0 % █
  dispatch                     900.00 ms   45.0 % ███████████        150.00 ms   30.0 % ███████▍
  experts                       50.00 ms    2.5 % ▋                   60.00 ms   12.0 % ██▉
  combine                      900.00 ms   45.0 % ███████████        150.00 ms   30.0 % ███████▍
  ascend                               –                              20.00 ms    4.0 % █
  gradient reduction            50.00 ms    2.5 % ▋                          –
  all                         2000.00 ms                             500.00 ms
)"));
}

TEST(PredictionTable, MemoryThatDoesNotFit_SaysByHowMuchAndFromWhichTermOn) {
  const std::string table = to_table(sample_comparison(), sample_run(), {});
  EXPECT_THAT(table, HasSubstr("yes  16.00 GiB free"));
  EXPECT_THAT(table, HasSubstr("NO  4.00 GiB too much"));
  EXPECT_THAT(table, ::testing::ContainsRegex("no room from here on +– +activations"));
}

TEST(PredictionTable, AssumptionsOfAllCases_AreSaidOnce) {
  const std::string table = to_table(sample_comparison(), sample_run(), {});
  EXPECT_EQ(table.find("routing is balanced"), table.rfind("routing is balanced"));
  EXPECT_THAT(table, HasSubstr("  - [bigmac] projections are not fused\n"));
}

TEST(PredictionTable, EveryLine_FitsTheWidth) {
  for (const int cases : {1, 2, 3, 5}) {
    PredictionReport report = sample_comparison();
    report.cases.resize(2);
    while (report.cases.size() < static_cast<std::size_t>(cases)) {
      report.cases.push_back(report.cases.back());
      report.cases.back().name = "variant" + std::to_string(report.cases.size());
    }
    if (cases == 1) report.cases.resize(1);
    for (const int width : {80, 100, 160}) {
      const std::string table = to_table(report, sample_run(), {.width = width});
      for (const std::string& line : lines_of(table)) {
        EXPECT_LE(text::width(line), static_cast<std::size_t>(width)) << line;
      }
      for (const ReportedCase& one : report.cases) EXPECT_THAT(table, HasSubstr(one.name));
    }
  }
}

TEST(PredictionTable, ExactEstimate_PrintsNoInterval) {
  PredictionReport report = sample_comparison();
  for (ReportedCase& one : report.cases) one.prediction.step_time.spread = 0;
  report.cases[1].speedup = Speedup{.value = 4, .lo = 4, .hi = 4};
  const std::string table = to_table(report, sample_run(), {});
  EXPECT_THAT(table, HasSubstr("2.00 s"));
  EXPECT_THAT(table, Not(HasSubstr("2.00 – 2.00")));
  EXPECT_THAT(table, Not(HasSubstr("4.00 – 4.00")));
}

TEST(PredictionTable, SettingsThatDiffer_NameTheirCase) {
  PredictionReport report = sample_comparison();
  report.cases[1].setting.cluster = "other_2x8";
  const std::string table = to_table(report, sample_run(), {});
  EXPECT_THAT(table, HasSubstr("sample_4x8, GPU a40 (fine_grained)"));
  EXPECT_THAT(table, HasSubstr("other_2x8, GPU a40 (bigmac)"));
}

TEST(PredictionTable, Color_ChangesNothingButEscapes) {
  const std::string plain = to_table(sample_comparison(), sample_run(), {});
  std::string colored = to_table(sample_comparison(), sample_run(), {.color = true});
  EXPECT_NE(plain, colored);
  for (const std::string escape : {"\x1b[1m", "\x1b[2m", "\x1b[0m"}) {
    for (std::size_t at = colored.find(escape); at != std::string::npos; at = colored.find(escape)) {
      colored.erase(at, escape.size());
    }
  }
  EXPECT_EQ(plain, colored);
}

TEST(PredictionTable, MixedModes_AreRefused) {
  PredictionReport report = sample_comparison();
  report.cases[1].prediction.mode = Mode::inference;
  EXPECT_THROW((void)to_table(report, sample_run(), {}), ContractViolation);
}

TEST(PredictionTable, Inference_ShowsPrefillDecodeAndThroughput) {
  PredictionReport report = sample_comparison();
  for (ReportedCase& one : report.cases) {
    one.prediction.mode = Mode::inference;
    one.setting.workload = InferenceWorkload{.batch = 32, .prompt_tokens = 128, .generated_tokens = 64};
    one.prediction.inference =
        InferenceTimes{.prefill = {{0.25}, 0.1}, .decode_token = {{0.004}, 0.2}, .throughput_tokens_per_s = 12345};
  }
  const std::string table = to_table(report, sample_run(), {});
  EXPECT_THAT(table, ::testing::ContainsRegex("prefill .first token. +250.0 ms  226 – 276 ms"));
  EXPECT_THAT(table, ::testing::ContainsRegex("decode, each token +4.00 ms  3.27 – 4.89 ms"));
  EXPECT_THAT(table, ::testing::ContainsRegex("generated tokens/s +12,345"));
  EXPECT_THAT(table, HasSubstr("32 prompts of 128 tokens, 64 tokens generated for each"));
}

TEST(PredictionJson, Predict_HasTheKeysOfTheContract) {
  PredictionReport report = sample_comparison();
  report.baseline.reset();
  report.cases.resize(1);
  const json object = json::parse(to_json(report, sample_run()));
  for (const char* const key : {"scenario",
                                "mode",
                                "engine",
                                "step_time_s",
                                "interval_s",
                                "tokens_per_s",
                                "tflops_per_gpu",
                                "mfu",
                                "all_to_all_share",
                                "exposed_communication_s",
                                "breakdown",
                                "memory_per_gpu_B",
                                "fits",
                                "calibration",
                                "variant",
                                "all_to_all_s",
                                "parameters",
                                "flops",
                                "all_to_all_bytes",
                                "busiest_link",
                                "memory",
                                "assumptions",
                                "errors",
                                "provenance"}) {
    EXPECT_TRUE(object.contains(key)) << key;
  }
  EXPECT_EQ(object["scenario"], "sample");
  EXPECT_EQ(object["mode"], "training");
  EXPECT_EQ(object["engine"], "analytic");
  EXPECT_EQ(object["step_time_s"], 2.0);
  EXPECT_EQ(object["interval_s"][0], 2.0 * std::exp(-0.1));
  EXPECT_EQ(object["interval_s"][1], 2.0 * std::exp(0.1));
  EXPECT_EQ(object["breakdown"][1], (json{{"name", "dispatch"}, {"time_s", 0.9}}));
  EXPECT_EQ(object["memory_per_gpu_B"], 32.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(object["fits"], true);
  EXPECT_EQ(object["first_overflow"], nullptr);
  EXPECT_EQ(object["busiest_link"]["link"], "host0/nic0->switch");
  EXPECT_EQ(object["provenance"]["inputs"][0]["hash"], "00000000deadbeef");
  EXPECT_FALSE(object.contains("prefill_s"));
}

TEST(PredictionJson, Inference_AddsItsTimes) {
  PredictionReport report = sample_comparison();
  report.baseline.reset();
  report.cases.resize(1);
  report.cases[0].prediction.mode = Mode::inference;
  report.cases[0].prediction.inference =
      InferenceTimes{.prefill = {{0.25}, 0.1}, .decode_token = {{0.004}, 0.2}, .throughput_tokens_per_s = 12345};
  const json object = json::parse(to_json(report, sample_run()));
  EXPECT_EQ(object["mode"], "inference");
  EXPECT_EQ(object["prefill_s"], 0.25);
  EXPECT_EQ(object["decode_token_s"], 0.004);
  EXPECT_EQ(object["throughput_tokens_per_s"], 12345);
}

TEST(PredictionJson, Compare_NamesBaselineAndSpeedups) {
  const json object = json::parse(to_json(sample_comparison(), sample_run()));
  EXPECT_EQ(object["baseline"], "fine_grained");
  ASSERT_EQ(object["variants"].size(), 2U);
  EXPECT_EQ(object["variants"][0]["name"], "fine_grained");
  EXPECT_EQ(object["variants"][0]["speedup"], 1.0);
  EXPECT_EQ(object["variants"][0]["speedup_interval"], (json{1.0, 1.0}));
  EXPECT_EQ(object["variants"][1]["speedup"], 4.0);
  EXPECT_EQ(object["variants"][1]["speedup_interval"], (json{3.5, 4.5}));
  EXPECT_EQ(object["variants"][1]["first_overflow"], "activations");
}

TEST(PredictionJson, Numbers_SurviveInFullPrecision) {
  PredictionReport report = sample_comparison();
  report.cases[0].prediction.step_time.time = {0.1 + 0.2};
  const json object = json::parse(to_json(report, sample_run()));
  EXPECT_EQ(object["variants"][0]["step_time_s"].get<double>(), 0.1 + 0.2);
}

TEST(PredictionJson, NotANumber_IsOurBugAndNeverPrinted) {
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    PredictionReport report = sample_comparison();
    report.cases[0].prediction.tokens_per_s = bad;
    EXPECT_THROW((void)to_json(report, sample_run()), ContractViolation);
    EXPECT_THROW((void)to_csv(report, sample_run()), ContractViolation);
  }
}

TEST(PredictionJson, BytesThatAreNotText_StillGiveJson) {
  PredictionReport report = sample_comparison();
  report.cases[0].name = "\xff\xfe";
  EXPECT_TRUE(json::accept(to_json(report, sample_run())));
}

TEST(PredictionCsv, Columns_HaveTheNamesOfTheKeys) {
  const std::vector<std::string> lines = lines_of(to_csv(sample_comparison(), sample_run()));
  ASSERT_EQ(lines.size(), 3U);
  const std::vector<std::string> header = cells_of(lines[0]);
  for (const char* const column : {"name",
                                   "scenario",
                                   "variant",
                                   "mode",
                                   "engine",
                                   "step_time_s",
                                   "interval_s_lo",
                                   "interval_s_hi",
                                   "speedup",
                                   "tokens_per_s",
                                   "tflops_per_gpu",
                                   "mfu",
                                   "all_to_all_share",
                                   "all_to_all_s",
                                   "exposed_communication_s",
                                   "breakdown_attention_s",
                                   "breakdown_optimizer_s",
                                   "memory_per_gpu_B",
                                   "fits",
                                   "memory_weights_B",
                                   "version"}) {
    EXPECT_THAT(header, ::testing::Contains(column));
  }
  for (const std::string& line : lines) EXPECT_EQ(cells_of(line).size(), header.size());
  const auto at = [&](std::size_t row, const std::string& column) {
    return cells_of(lines[row])[static_cast<std::size_t>(std::ranges::find(header, column) - header.begin())];
  };
  EXPECT_EQ(at(1, "step_time_s"), "2");
  EXPECT_EQ(at(2, "breakdown_descend_s"), "0.02");
  EXPECT_EQ(at(2, "fits"), "false");
  EXPECT_EQ(at(2, "memory_activations_B"), "53687091200");
}

}  // namespace
}  // namespace moesim
