#include "moesim/figure/figure.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"

namespace moesim {
namespace {

using nlohmann::json;

const RunInfo kRun{.version = "1.2.3", .git_commit = "abc", .engine = "analytic", .arguments = {}, .inputs = {}};

const ResultFile kCompare{.name = "compare.json", .json = R"({
  "baseline": "wide",
  "variants": [
    {"name": "wide", "scenario": "demo", "mode": "training", "step_time_s": 2.0, "interval_s": [1.5, 2.6], "speedup": 1,
     "breakdown": [{"name": "dispatch", "time_s": 0.7}, {"name": "combine", "time_s": 0.8},
                   {"name": "experts", "time_s": 0.4}, {"name": "launch", "time_s": 0.1}]},
    {"name": "narrow", "scenario": "demo", "mode": "training", "step_time_s": 1.0, "interval_s": [0.8, 1.25],
     "speedup": 2, "speedup_interval": [1.8, 2.2],
     "breakdown": [{"name": "dispatch", "time_s": 0.3}, {"name": "combine", "time_s": 0.2},
                   {"name": "descend", "time_s": 0.5}]}],
  "provenance": {"version": "1.2.2", "git_commit": "def", "arguments": ["/opt/bin/moesim", "compare", "demo.yaml", "--format", "json", "-o", "x"]}})"};

const ResultFile kValidate{.name = "validate.json", .json = R"({"cases": [
  {"case": "a", "part": "layer.forward", "measured_s": 0.001, "predicted_s": 0.0011, "lo_s": 0.0009, "hi_s": 0.0013, "error": 0.1},
  {"case": "b", "part": "layer.forward", "measured_s": 0.01, "predicted_s": 0.02, "lo_s": 0.015, "hi_s": 0.025, "error": 1.0}]})"};

const ResultFile kExplain{.name = "explain.json", .json = R"({"scenario": "demo", "variant": "", "resources": [
  {"name": "nic_bandwidth", "title": "NIC bandwidth", "independent": true, "elasticity": 0.75},
  {"name": "nic_count", "title": "NICs per machine", "independent": false, "elasticity": 0.8},
  {"name": "memory_bandwidth", "title": "GPU memory bandwidth", "independent": true, "elasticity": 0.25}]})"};

// A speed-up that falls from 4 to 0.25 while the bandwidth grows from 1 to 100 GB/s passes 1 on the way.
const ResultFile kOneAxis{
    .name = "sweep.csv",
    .table = ResultTable{.columns = {"cluster.nic.bandwidth_Bps", "wide.step_time_s", "narrow.step_time_s",
                                     "narrow.speedup", "narrow.speedup_interval_lo", "narrow.speedup_interval_hi"},
                         .rows = {{"1000000000", "4", "1", "4", "3.5", "4.5"},
                                  {"10000000000", "2", "1", "2", "1.8", "2.2"},
                                  {"100000000000", "1", "4", "0.25", "0.2", "0.3"}}}};

const ResultFile kTwoAxes{
    .name = "grid.csv",
    .table = ResultTable{.columns = {"model.moe.top_k", "parallelism.ep", "narrow.speedup"},
                         .rows = {{"1", "8", "0.8"}, {"1", "16", "1.5"}, {"8", "8", "2.5"}, {"8", "16", ""}}}};

json spec_of(const ResultFile& result, const FigureOptions& options = {}) {
  return json::parse(figure_spec({result}, options, kRun));
}

/// All values under a key, at any depth.
void collect(const json& node, const std::string& key, std::vector<json>& found) {
  if (node.is_object()) {
    for (const auto& [name, value] : node.items()) {
      if (name == key) found.push_back(value);
      collect(value, key, found);
    }
  } else if (node.is_array()) {
    for (const json& value : node) collect(value, key, found);
  }
}

struct Golden {
  const char* name;
  const ResultFile* result;
  FigureOptions options = {};
};

class Goldens : public testing::TestWithParam<Golden> {};

/// MOESIM_UPDATE_FIGURES=1 writes what is there now; the change is then read in the diff.
TEST_P(Goldens, SpecificationIsAsReviewed) {
  const std::string spec = figure_spec({*GetParam().result}, GetParam().options, kRun);
  const std::string path = std::string(MOESIM_FIGURE_GOLDENS) + "/" + GetParam().name + ".vl.json";
  if (std::getenv("MOESIM_UPDATE_FIGURES") != nullptr) std::ofstream(path) << spec;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(spec, expected.str()) << path;
}

INSTANTIATE_TEST_SUITE_P(Figures, Goldens,
                         testing::Values(Golden{"breakdown", &kCompare}, Golden{"measured", &kValidate},
                                         Golden{"sensitivity", &kExplain}, Golden{"speedup", &kOneAxis},
                                         Golden{"heat_map", &kTwoAxes}),
                         [](const auto& golden) { return std::string(golden.param.name); });

class EveryFigure : public testing::TestWithParam<Golden> {};

TEST_P(EveryFigure, HasTitleCaptionUnitsAndNoAddressToFetch) {
  const json spec = spec_of(*GetParam().result);
  EXPECT_FALSE(spec.at("title").at("text").get<std::string>().empty());
  EXPECT_THAT(spec.at("title").at("subtitle").dump(), testing::HasSubstr("moesim 1.2."));
  EXPECT_TRUE(spec.at("background").is_null());
  std::vector<json> addresses;
  collect(spec, "url", addresses);
  EXPECT_TRUE(addresses.empty());
}

INSTANTIATE_TEST_SUITE_P(Figures, EveryFigure,
                         testing::Values(Golden{"breakdown", &kCompare}, Golden{"measured", &kValidate},
                                         Golden{"sensitivity", &kExplain}, Golden{"speedup", &kOneAxis},
                                         Golden{"heat_map", &kTwoAxes}));

// Parts of a bar add up to its time: 0.7 + 0.8 all-to-all, 0.4 experts, 0.1 other.
TEST(Breakdown, PartsOfABar_AddUpToItsTime) {
  const json spec = spec_of(kCompare);
  double sum = 0;
  for (const json& value : spec.at("layer").at(0).at("data").at("values")) {
    if (value.at("variant") != "wide") continue;
    sum += value.at("time").get<double>();
    if (value.at("part") == "all-to-all") {
      EXPECT_DOUBLE_EQ(value.at("time").get<double>(), 1.5);
    }
  }
  EXPECT_DOUBLE_EQ(sum, 2.0);
}

TEST(Breakdown, Baseline_HasNoSpeedup) {
  const json totals = spec_of(kCompare).at("layer").at(2).at("data").at("values");
  EXPECT_EQ(totals.at(0).at("label"), "2 s");
  EXPECT_EQ(totals.at(1).at("label"), "1 s, 2.00 times as fast (1.80 to 2.20)");
}

// From 2 at 10 GB/s to 0.25 at 100 GB/s, straight over the logarithm: 1 is passed at 10 x 10^(1 / 1.75) GB/s.
TEST(Speedup, BreakEven_IsMarkedWhereTheLineCrossesOne) {
  std::vector<json> labels;
  const json spec = spec_of(kOneAxis);
  for (const json& layer : spec.at("layer")) {
    if (layer.contains("data") && layer.at("data").dump().find("break-even") != std::string::npos) {
      labels.push_back(layer.at("data").at("values").at(0));
    }
  }
  ASSERT_FALSE(labels.empty());
  EXPECT_NEAR(labels.front().at("x").get<double>(), 10 * std::pow(10, 1 / 1.75), 1e-9);
  EXPECT_EQ(labels.front().at("label"), "break-even at 37.3 GB/s");
}

TEST(HeatMap, PointsThatTheSweepLeftOut_AreEmptyCells) {
  EXPECT_EQ(spec_of(kTwoAxes).at("data").at("values").size(), 3U);
}

TEST(HeatMap, Where_LeavesOneAxis_WhichIsALine) {
  const FigureOptions options{.where = {{"parallelism.ep", "8"}}};
  EXPECT_THAT(spec_of(kTwoAxes, options).at("title").at("text").get<std::string>(),
              testing::HasSubstr("Speed-up over model.moe.top_k"));
}

TEST(Units, Columns_AreShownInTheUnitThatFits) {
  EXPECT_EQ(figure::column_title("x.bandwidth_Bps", figure::column_unit("x.bandwidth_Bps", 5e10)),
            "x.bandwidth [GB/s]");
  EXPECT_EQ(figure::column_title("step_time_s", figure::column_unit("step_time_s", 0.02)), "step_time [ms]");
  EXPECT_EQ(figure::column_title("tokens_per_s", figure::column_unit("tokens_per_s", 1e5)), "tokens_per_s");
}

struct Wrong {
  ResultFile result;
  FigureOptions options;
  const char* says;
};

TEST(Refusals, WhatCannotBeDrawn_IsNamed) {
  const std::vector<Wrong> all = {
      {{.name = "x", .json = "{"}, {}, "no result of moesim in JSON"},
      {{.name = "x", .json = "[1]"}, {}, "no result of moesim in JSON"},
      {{.name = "x", .json = "{}"}, {}, "none of the results"},
      {{.name = "x", .json = R"({"variants": []})"}, {}, "no variant"},
      {{.name = "x", .json = R"({"variants": [{"name": 3}]})"}, {}, "name"},
      {{.name = "x", .json = R"({"cases": [{"case": "a"}]})"}, {}, "measured_s"},
      {kTwoAxes, {.x = "nothing"}, "is no column"},
      {kTwoAxes, {.where = {{"parallelism.ep", "9"}}}, "no row"},
      {kTwoAxes, {.value = "mfu"}, "is no column"},
      {{.name = "x", .table = ResultTable{.columns = {"a", "b"}, .rows = {{"1", "2"}}}}, {}, "no column that"},
      {{.name = "x", .table = ResultTable{.columns = {"a", "speedup"}, .rows = {{"1", "2"}, {"2", "many"}}}},
       {},
       "\"many\" is no number"}};
  for (const Wrong& one : all) {
    try {
      static_cast<void>(figure_spec({one.result}, one.options, kRun));
      ADD_FAILURE() << one.says;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(one.says));
    }
  }
}

TEST(Page, TextThatLooksLikeMarkup_StaysText) {
  FigureOptions options{.title = "</script><b>&"};
  const std::string page = figure_page(figure_spec({kCompare}, options, kRun), "/* scripts */");
  EXPECT_THAT(page, testing::HasSubstr("<title>&lt;/script>&lt;b>&amp;</title>"));
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("</script><b>")));
  EXPECT_THAT(page, testing::HasSubstr("default-src 'none'"));
}

}  // namespace
}  // namespace moesim
