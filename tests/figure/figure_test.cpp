#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "moesim/base/diagnostic.hpp"

#include "figure/example_results.hpp"
#include "figure/parts.hpp"

namespace moesim {
namespace {

using namespace examples;  // NOLINT(google-build-using-namespace): the examples of this folder

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

class Goldens : public ::testing::TestWithParam<Golden> {};

/// MOESIM_UPDATE_FIGURES=1 writes what is there now; the change is then read in the diff.
TEST_P(Goldens, SpecificationIsAsReviewed) {
  const std::string spec = figure_spec({*GetParam().result}, GetParam().options, kRun);
  const std::string path = std::string(MOESIM_FIGURE_GOLDENS) + "/" + GetParam().name + ".vl.json";
  if (std::getenv("MOESIM_UPDATE_FIGURES") != nullptr) std::ofstream(path) << spec;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(spec, expected.str()) << path;
}

const auto kExamples =
    ::testing::Values(Golden{"breakdown", &kCompare}, Golden{"measured", &kValidate}, Golden{"sensitivity", &kExplain},
                      Golden{"speedup", &kOneAxis}, Golden{"heat_map", &kTwoAxes}, Golden{"timeline", &kTrace},
                      Golden{"links", &kTrace, {.kind = FigureKind::links}}, Golden{"pareto", &kSearch},
                      Golden{"residuals", &kResiduals}, Golden{"roofline", &kPredict, {.kind = FigureKind::roofline}},
                      Golden{"expert_load", &kPredict, {.kind = FigureKind::expert_load}});
std::string name_of(const ::testing::TestParamInfo<Golden>& golden) { return golden.param.name; }

INSTANTIATE_TEST_SUITE_P(Figures, Goldens, kExamples, name_of);

class EveryFigure : public ::testing::TestWithParam<Golden> {};

TEST_P(EveryFigure, HasTitleCaptionUnitsAndNoAddressToFetch) {
  const json spec = spec_of(*GetParam().result, GetParam().options);
  EXPECT_FALSE(spec.at("title").at("text").get<std::string>().empty());
  EXPECT_THAT(spec.at("title").at("subtitle").dump(), ::testing::HasSubstr("moesim 1.2."));
  EXPECT_TRUE(spec.at("background").is_null());
  std::vector<json> addresses;
  collect(spec, "url", addresses);
  EXPECT_TRUE(addresses.empty());
}

INSTANTIATE_TEST_SUITE_P(Figures, EveryFigure, kExamples, name_of);

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
              ::testing::HasSubstr("Speed-up over model.moe.top_k"));
}

TEST(Pareto, LayoutsThatAreBeatenOnAsManyGpus_AreNotOfTheFront) {
  const json values = spec_of(kSearch).at("data").at("values");
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values.at(0).at("layout"), "zero 1");
  EXPECT_EQ(values.at(0).at("front"), true);
  EXPECT_EQ(values.at(1).at("layout"), "ep 8, recompute full, zero 1, all to all flat");
  EXPECT_EQ(values.at(1).at("front"), false);
  EXPECT_EQ(values.at(2).at("front"), true);
  EXPECT_EQ(values.at(3).at("gpus"), "16 GPUs");
  EXPECT_EQ(values.at(3).at("front"), true);
}

// search writes the same as JSON, with numbers instead of their text.
TEST(Pareto, JsonOfSearch_GivesTheSameMarks) {
  json items = json::array();
  for (const std::vector<std::string>& row : kSearch.table->rows) {
    json item;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool text = c < 6;
      item[kSearch.table->columns[c]] = text ? json(row[c]) : json(std::stod(row[c]));
    }
    items.push_back(std::move(item));
  }
  const ResultFile as_json{.name = "search.json", .json = json{{"list", "pareto"}, {"items", items}}.dump()};
  const json expected = spec_of(kSearch).at("data").at("values");
  const json values = spec_of(as_json).at("data").at("values");
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const char* const key : {"gpus", "time", "memory", "front", "interval"}) {
      EXPECT_EQ(values[i].at(key), expected[i].at(key));
    }
  }
}

// 2e10 FLOP in 4e-4 s are 50 TFLOPS at 200 FLOP/B, right of the ridge at 100.
TEST(Roofline, Kernels_StandAtTheirIntensityAndRate) {
  const json panels = spec_of(kPredict, {.kind = FigureKind::roofline}).at("vconcat");
  ASSERT_EQ(panels.size(), 2U);
  const json products = panels.at(0).at("layer").at(2).at("data").at("values");
  ASSERT_EQ(products.size(), 2U);
  EXPECT_DOUBLE_EQ(products.at(0).at("intensity").get<double>(), 200);
  EXPECT_NEAR(products.at(0).at("rate").get<double>(), 50, 1e-9);
  EXPECT_NEAR(products.at(0).at("share").get<double>(), 0.4, 1e-12);
  EXPECT_EQ(products.at(0).at("label"), "1");
  const json moved = panels.at(1).at("layer").at(2).at("data").at("values");
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_NEAR(moved.at(0).at("bandwidth").get<double>(), 500, 1e-9);
}

// Of the peaks that some kernel has: bf16 alone. Up to the ridge the roof is the bandwidth's slope.
TEST(Roofline, Roof_IsTheLowerOfSlopeAndPeak) {
  const json lines =
      spec_of(kPredict, {.kind = FigureKind::roofline}).at("vconcat").at(0).at("layer").at(0).at("data").at("values");
  ASSERT_EQ(lines.size(), 3U);
  for (const json& point : lines) {
    EXPECT_NEAR(point.at("y").get<double>(), std::min(point.at("x").get<double>(), 100.0), 1e-9);  // TFLOPS
  }
}

TEST(ExpertLoad, ExpertsAndRanks_FallFromTheHeaviest) {
  const json spec = spec_of(kPredict, {.kind = FigureKind::expert_load});
  const json experts = spec.at("vconcat").at(0).at("layer").at(0).at("data").at("values");
  ASSERT_EQ(experts.size(), 4U);
  EXPECT_EQ(experts.at(0).at("rows"), 200);
  EXPECT_EQ(experts.at(3).at("rows"), 40);
  EXPECT_EQ(experts.at(3).at("rank"), 1);
  EXPECT_THAT(spec.at("vconcat").at(0).dump(), ::testing::HasSubstr("mean 100, max/mean 2"));
  EXPECT_THAT(spec.at("vconcat").at(1).dump(), ::testing::HasSubstr("mean 200, max/mean 1.5"));
  EXPECT_THAT(spec.at("title").dump(), ::testing::HasSubstr("the capacity: 2 %."));
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
      {kTrace, {.where = {{"rank", "7"}}}, "is no rank"},
      {kTrace, {.where = {{"from", "3"}}}, "is no time"},
      {kTrace, {.where = {{"from", "3s"}, {"to", "4s"}}}, "behind the end"},
      {kTrace, {.where = {{"from", "3us"}, {"to", "3us"}}}, "empty window"},
      {kTrace, {.where = {{"layer", "1"}}}, "one of: rank, stream"},
      {kTrace, {.where = {{"stream", "copies"}}}, "no operator"},
      {kTrace, {.kind = FigureKind::links, .where = {{"link", "nvlink"}}}, "no link"},
      {{.name = "x", .json = R"({"traceEvents": 3})"}, {}, "nothing happens"},
      {{.name = "x", .json = R"({"traceEvents": [)"}, {}, "no Chrome trace"},
      {{.name = "x", .json = R"({"traceEvents": [{"ph":"X"}, {"ph":"X","pid":1,"ts":-1}, 3, []]})"},
       {},
       "nothing happens"},
      {{.name = "x", .json = R"({"list": "devices", "items": [{"name": "a40"}]})"}, {}, "step_time_s"},
      {{.name = "x", .json = R"({"list": "pareto", "items": []})"}, {}, "items"},
      {kResiduals, {.where = {{"law", "gemm.fp8"}}}, "one of: gemm.bf16, memory.copy"},
      {kSearch, {.kind = FigureKind::residuals}, "has no residuals"},
      {kCompare, {.kind = FigureKind::roofline}, "device"},
      {kCompare, {.kind = FigureKind::roofline, .where = {{"variant", "deep"}}}, "wide, narrow"},
      {kCompare, {.kind = FigureKind::expert_load}, "expert_load"},
      {{.name = "x", .json = R"({"scenario": "a", "expert_load": null})"},
       {.kind = FigureKind::expert_load},
       "no experts"},
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
      EXPECT_THAT(error.what(), ::testing::HasSubstr(one.says));
    }
  }
}

TEST(Page, TextThatLooksLikeMarkup_StaysText) {
  FigureOptions options{.title = "</script><b>&"};
  const std::string page = figure_page(figure_spec({kCompare}, options, kRun), "/* scripts */");
  EXPECT_THAT(page, ::testing::HasSubstr("<title>&lt;/script>&lt;b>&amp;</title>"));
  EXPECT_THAT(page, ::testing::Not(::testing::HasSubstr("</script><b>")));
  EXPECT_THAT(page, ::testing::HasSubstr("default-src 'none'"));
}

}  // namespace
}  // namespace moesim
