#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "moesim/report/collective_report.hpp"
#include "moesim/report/kernel_report.hpp"
#include "moesim/report/listing.hpp"

#include "report/csv.hpp"
#include "report/samples.hpp"

namespace moesim {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::sample_run;

CollectiveReport sample_collective() {
  CollectiveReport report{.kind = CollectiveKind::all_to_all, .algorithm = "flat", .cluster = "box", .ranks = 8};
  report.points.push_back({.bytes_per_rank = {64.0 * 1024 * 1024},
                           .estimate = {.estimate = {{0.032}, 0.1}, .bound = {0.03}, .bottleneck = {}},
                           .links = {{"host0/a->host0/b", {58720256}, 0.9}, {"host0/b->host0/a", {29360128}, 0.45}}});
  return report;
}

TEST(Bandwidths, AreThoseOfNcclTests) {
  const Bandwidths exchange = bandwidths(CollectiveKind::all_to_all, 8, {8e9}, {2});
  EXPECT_DOUBLE_EQ(exchange.algorithm.value, 4e9);
  EXPECT_DOUBLE_EQ(exchange.bus.value, 3.5e9);
  EXPECT_DOUBLE_EQ(bandwidths(CollectiveKind::all_reduce, 4, {8e9}, {2}).bus.value, 6e9);
  EXPECT_EQ(bandwidths(CollectiveKind::all_to_all, 1, {8e9}, {0}).algorithm.value, 0);
}

TEST(CollectiveJson, OneSize_IsTheObjectOfTheContract) {
  const json object = json::parse(to_json(sample_collective(), sample_run()));
  EXPECT_EQ(object["collective"], "all_to_all");
  EXPECT_EQ(object["ranks"], 8);
  EXPECT_EQ(object["engine"], "analytic");
  EXPECT_EQ(object["time_s"], 0.032);
  EXPECT_EQ(object["interval_s"].size(), 2U);
  EXPECT_DOUBLE_EQ(object["algbw_Bps"].get<double>(), 64.0 * 1024 * 1024 / 0.032);
  EXPECT_DOUBLE_EQ(object["busbw_Bps"].get<double>(), 64.0 * 1024 * 1024 / 0.032 * 7 / 8);
  EXPECT_EQ(object["bottleneck"], (json{{"link", "host0/a->host0/b"}, {"utilization", 0.9}}));
  EXPECT_EQ(object["links"][1], (json{{"link", "host0/b->host0/a"}, {"bytes", 29360128.0}, {"utilization", 0.45}}));
}

TEST(CollectiveJson, SeveralSizes_AreAnArray) {
  CollectiveReport report = sample_collective();
  report.points.push_back(report.points.front());
  const json array = json::parse(to_json(report, sample_run()));
  ASSERT_TRUE(array.is_array());
  EXPECT_EQ(array.size(), 2U);
}

TEST(CollectiveJson, OneRank_HasNoBottleneck) {
  CollectiveReport report = sample_collective();
  report.ranks = 1;
  report.points.front().links.clear();
  report.points.front().estimate = {};
  const json object = json::parse(to_json(report, sample_run()));
  EXPECT_EQ(object["bottleneck"], nullptr);
  EXPECT_EQ(object["algbw_Bps"], 0.0);
}

TEST(CollectiveTable, ShowsNcclTestsColumnsAndLinks) {
  const std::string table = to_table(sample_collective(), sample_run(), {});
  EXPECT_THAT(table, HasSubstr("all_to_all, flat, 8 ranks of box"));
  EXPECT_THAT(table, HasSubstr("algbw"));
  EXPECT_THAT(table, HasSubstr("64.00 MiB  32.0 ms"));
  EXPECT_THAT(table, HasSubstr("host0/b->host0/a"));
}

FittedLaw sample_law() {
  FittedLaw law;
  law.name = "gemm.bf16";
  law.provenance = {
      .source = "a table", .samples = 100, .median_error = 0.04, .p90_error = 0.1, .validation = "5 folds"};
  return law;
}

KernelReport sample_kernel(const FittedLaw& law) {
  return {.kernel = "gemm",
          .device = "a40",
          .shape = {{"m", 4096.0}, {"dtype", "bf16"}},
          .estimate = {.estimate = {{1e-3}, 0.1}, .bound = Bound::compute, .extrapolated = false, .law = &law},
          .work = Flops{1e11},
          .peak = FlopsPerSecond{149.7e12},
          .moved = {},
          .memory_bandwidth = {696e9}};
}

TEST(KernelJson, HasTheKeysOfTheContract) {
  const FittedLaw law = sample_law();
  const json object = json::parse(to_json(sample_kernel(law), sample_run()));
  EXPECT_EQ(object["kernel"], "gemm");
  EXPECT_EQ(object["time_s"], 1e-3);
  EXPECT_EQ(object["interval_s"].size(), 2U);
  EXPECT_EQ(object["bound"], "compute");
  EXPECT_EQ(object["shape"], (json{{"m", 4096.0}, {"dtype", "bf16"}}));
  EXPECT_EQ(object["law"], "gemm.bf16");
  EXPECT_EQ(object["calibration"]["samples"], 100);
}

TEST(KernelJson, OutsideTheSamples_SaysExtrapolatedAndWhatLimits) {
  const FittedLaw law = sample_law();
  KernelReport report = sample_kernel(law);
  report.estimate.extrapolated = true;
  const json object = json::parse(to_json(report, sample_run()));
  EXPECT_EQ(object["bound"], "extrapolated");
  EXPECT_EQ(object["limited_by"], "compute");
}

TEST(KernelTable, SaysRateShareOfPeakAndLaw) {
  const FittedLaw law = sample_law();
  const std::string table = to_table(sample_kernel(law), sample_run(), {});
  EXPECT_THAT(table, HasSubstr("100.0 TFLOPS, 66.8 % of the peak of 149.7 TFLOPS"));
  EXPECT_THAT(table, HasSubstr("gemm.bf16: 100 samples, median error 4.0 %"));
}

TEST(KernelTable, WithoutLaw_SaysSo) {
  const FittedLaw law = sample_law();
  KernelReport report = sample_kernel(law);
  report.estimate.law = nullptr;
  EXPECT_THAT(to_table(report, sample_run(), {}), HasSubstr("data-sheet roofline"));
  EXPECT_EQ(json::parse(to_json(report, sample_run()))["law"], nullptr);
}

Listing sample_listing() {
  return {.what = "devices",
          .columns = {{"name", "name"}, {"memory_B", "memory, GB", 1e9}, {"file", ""}},
          .rows = {{std::string("a40"), 48e9, std::string("a,b.yaml")},
                   {std::string("none"), std::monostate{}, std::string()}}};
}

TEST(Listing, Table_ScalesNumbersAndHidesUntitledColumns) {
  const std::string table = to_table(sample_listing(), sample_run(), {});
  EXPECT_THAT(table, HasSubstr("memory, GB"));
  EXPECT_THAT(table, HasSubstr("a40           48\n"));
  EXPECT_THAT(table, ::testing::Not(HasSubstr("yaml")));
}

TEST(Listing, Json_KeepsUnitsOfTheKeys) {
  const json object = json::parse(to_json(sample_listing(), sample_run()));
  EXPECT_EQ(object["list"], "devices");
  EXPECT_EQ(object["items"][0], (json{{"name", "a40"}, {"memory_B", 48e9}, {"file", "a,b.yaml"}}));
  EXPECT_EQ(object["items"][1]["memory_B"], nullptr);
}

TEST(Listing, Csv_QuotesWhatNeedsIt) {
  EXPECT_EQ(to_csv(sample_listing(), sample_run()), "name,memory_B,file\na40,48000000000,\"a,b.yaml\"\nnone,,\n");
}

TEST(CsvCell, QuotesSeparatorsQuotesAndLineEnds) {
  EXPECT_EQ(csv::cell("plain"), "plain");
  EXPECT_EQ(csv::cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv::cell("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv::cell("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv::cell(0.1), "0.1");
}

}  // namespace
}  // namespace moesim
