#include "moesim/sweep/search.hpp"

#include <gtest/gtest.h>

#include "moesim/analytic/step_time_bound.hpp"
#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/memory.hpp"

#include "sweep/search_space.hpp"
#include "sweep/sweep_files.hpp"

namespace moesim {
namespace {

// Small enough for every layout to be predicted under the sanitizers too: 8 GPUs of a machine.
const std::filesystem::path kScenario =
    std::filesystem::path(MOESIM_SOURCE_DIR) / "configs/scenarios/deepseek_moe_16b_h100.yaml";
const std::vector<Override> kOneMachine = {
    {"cluster.nodes=1"}, {"parallelism.dp=8"}, {"parallelism.ep=8"}, {"workload.global_batch=32"}};

SearchResult search(SearchOptions options) { return search_layouts(kScenario, kOneMachine, testing::roots(), options); }

TEST(Search, BoundsFindWhatPredictingEverythingFinds) {
  for (const bool gpu_time : {false, true}) {
    SearchOptions options{.gpus = {8}, .gpu_time = gpu_time, .top = 7};
    const SearchResult bounded = search(options);
    options.exhaustive = true;
    const SearchResult all = search(options);
    ASSERT_EQ(bounded.best.size(), all.best.size());
    ASSERT_FALSE(all.best.empty());
    for (std::size_t i = 0; i < all.best.size(); ++i) EXPECT_DOUBLE_EQ(bounded.best[i].value, all.best[i].value);
    EXPECT_EQ(bounded.layouts, all.layouts);
    EXPECT_LT(bounded.predicted, all.predicted / 2);
    EXPECT_EQ(all.predicted + all.too_large + all.invalid, all.layouts);
    EXPECT_EQ(bounded.predicted + bounded.too_large + bounded.invalid + bounded.pruned, bounded.layouts);
  }
}

TEST(Search, TheParetoFrontIsThatOfEverything) {
  SearchOptions options{.gpus = {2, 4}, .pareto = true};
  const SearchResult bounded = search(options);
  options.exhaustive = true;
  const SearchResult all = search(options);
  ASSERT_EQ(bounded.pareto.size(), all.pareto.size());
  ASSERT_GT(all.pareto.size(), 1U);
  for (std::size_t i = 0; i < all.pareto.size(); ++i) {
    EXPECT_DOUBLE_EQ(bounded.pareto[i].prediction->step_time.time.value,
                     all.pareto[i].prediction->step_time.time.value);
    EXPECT_DOUBLE_EQ(bounded.pareto[i].prediction->memory.total.value, all.pareto[i].prediction->memory.total.value);
  }
  for (const FoundLayout& a : all.pareto) {  // no member beats another
    for (const FoundLayout& b : all.pareto) {
      if (&a == &b) continue;
      EXPECT_FALSE(a.prediction->step_time.time < b.prediction->step_time.time &&
                   a.prediction->memory.total < b.prediction->memory.total && a.gpus <= b.gpus);
    }
  }
}

TEST(Search, WhatIsFoundFits) {
  for (const FoundLayout& one : search({.top = 20}).best) EXPECT_TRUE(one.prediction->memory.fits);
}

TEST(Search, StructuresOfEqualSizeAreSearchedTogetherWithTheirLayouts) {
  // BigMac's experts keep their weights whatever r is; the two projections cost 2 x hidden x r hidden a layer.
  const SearchResult result = search({.gpus = {8},
                                      .structure = {{"model.moe.low_rank_ratio", {"0.125", "0.25", "0.5"}}},
                                      .equal_parameters = true,
                                      .top = 3,
                                      .variant = "bigmac"});
  ASSERT_FALSE(result.best.empty());
  EXPECT_EQ(result.best.front().settings.front().first, "model.moe.low_rank_ratio");
}

TEST(Search, TheScenariosOwnLayoutNeedNotDivideTheCluster) {
  SearchOptions options;
  options.top = 1;
  const std::vector<Override> two_machines = {{"cluster.nodes=2"}, {"workload.global_batch=32"}};  // its dp x ep: 32
  const SearchResult found = search_layouts(kScenario, two_machines, testing::roots(), options);
  ASSERT_EQ(found.best.size(), 1U);
  EXPECT_EQ(found.best.front().gpus, 16);
}

// Rings of context parallelism, exchanges and the weights of ZeRO-3 hide behind each other on one NIC.
TEST(Predict, TrafficHiddenBehindTraffic_StillNeedsTheLinks) {
  const std::vector<Override> crowded = {
      {"cluster.nodes=32"},        {"parallelism.tp=2"},           {"parallelism.cp=16"},
      {"parallelism.ep=8"},        {"parallelism.dp=8"},           {"parallelism.zero=3"},
      {"workload.micro_batch=16"}, {"workload.global_batch=1024"}, {"workload.recompute=none"}};
  const Prediction prediction = predict(load_scenario(kScenario, crowded, testing::roots()).front());
  ASSERT_TRUE(prediction.busiest_link);
  EXPECT_GT(prediction.busiest_link->utilization, 0.9);
  EXPECT_LE(prediction.busiest_link->utilization, 1 + 1e-9);
}

TEST(StepTimeBound, NoShippedScenarioIsFaster) {
  for (const std::string& name : shipped_names("scenarios", testing::roots())) {
    for (const Scenario& scenario : load_scenario(
             std::filesystem::path(MOESIM_SOURCE_DIR) / "configs/scenarios" / (name + ".yaml"), {}, testing::roots())) {
      const Seconds bound = step_time_bound(scenario);
      EXPECT_GT(bound.value, 0) << name;
      EXPECT_LE(bound.value, predict(scenario).step_time.time.value * (1 + 1e-9)) << name << ' ' << scenario.variant;
    }
  }
}

TEST(LayoutGroups, DegreesDivideTheGpusAndTheModel) {
  const Scenario scenario = load_scenario(kScenario, {}, testing::roots()).front();
  for (const LayoutGroup& group : layout_groups(scenario, 32)) {
    int product = 1;
    for (const auto& [key, value] : group.shared) {
      if (key == "parallelism.tp" || key == "parallelism.pp" || key == "parallelism.cp" || key == "parallelism.dp") {
        product *= std::stoi(value);
      }
      if (key == "parallelism.ep") {
        EXPECT_EQ(scenario.model.moe->experts % std::stoi(value), 0);
      }
    }
    EXPECT_EQ(product, 32);
    EXPECT_FALSE(group.layouts.empty());
  }
}

}  // namespace
}  // namespace moesim
