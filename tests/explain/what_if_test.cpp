#include "moesim/explain/what_if.hpp"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>

#include "moesim/analytic/predict.hpp"

#include "explain/shipped.hpp"

namespace moesim {
namespace {

constexpr double kRounding = 1e-6;  // of a 32-bit float

const WhatIfAxis* find(const WhatIfAxes& axes, const std::string& name) {
  const auto found = std::ranges::find(axes.stops, name, &WhatIfAxis::name);
  return found == axes.stops.end() ? nullptr : &*found;
}

/// A few stops of the paper's scenario: 2 x 2 x 2 points.
WhatIfAxes few_axes() {
  WhatIfAxes axes = what_if_axes("paper_training", {}, kRoots);
  const auto keep = [&axes](const std::string& name, std::vector<std::string> stops) {
    WhatIfAxis& axis = *std::ranges::find(axes.stops, name, &WhatIfAxis::name);
    axis.stops = std::move(stops);
    axis.now = axis.stops.size() - 1;
  };
  keep("ep", {"8", "32"});
  keep("top_k", {"2", "8"});
  keep("batch", {"64"});
  keep("low_rank_ratio", {"0.5", "0.25"});
  return axes;
}

// Every point at every bandwidth of the grid, against the scenario loaded with the same settings and predicted whole.
TEST(WhatIf, AtItsPointsItIsTheModel) {
  const WhatIf grid = what_if("paper_training", {}, kRoots, few_axes(), {.jobs = 2, .check_points = 0});
  ASSERT_EQ(grid.reason_of, std::vector<int>(8, -1));
  for (std::size_t point = 0; point < grid.reason_of.size(); ++point) {
    const std::vector<std::size_t> stop = {point / 4, point / 2 % 2, 0, point % 2};
    ASSERT_EQ(grid.point(stop), point);
    const std::vector<double>& bandwidths = grid.layers[stop[0]].bandwidths;
    for (std::size_t node = 0; node < bandwidths.size(); node += 4) {
      std::vector<Override> overrides = {{"cluster.nic.bandwidth=" + std::to_string(bandwidths[node]) + "B/s"}};
      for (std::size_t axis = 0; axis < stop.size(); ++axis) {
        overrides.push_back({grid.axes.stops[axis].keys.front() + "=" + grid.axes.stops[axis].stops[stop[axis]]});
      }
      const std::vector<Scenario> scenarios = load_scenario("paper_training", overrides, kRoots);
      const Prediction baseline = predict(scenarios.front());
      for (std::size_t v = 0; v < scenarios.size(); ++v) {
        const Prediction whole = predict(scenarios[v]);
        const auto expect = [&](WhatIfNumber which, double value) {
          EXPECT_NEAR(grid.number(point, v, which, bandwidths[node]), value, kRounding * std::max(value, 1e-3))
              << kWhatIfNumbers.at(static_cast<std::size_t>(which)) << " of " << grid.variants[v] << " at " << point;
        };
        expect(WhatIfNumber::step_time, whole.step_time.time.value);
        expect(WhatIfNumber::spread, whole.step_time.spread);
        expect(WhatIfNumber::all_to_all, whole.all_to_all.value);
        if (v > 0) {
          const Speedup faster = speedup(baseline, whole);
          expect(WhatIfNumber::speedup_spread, std::log(faster.hi / faster.value));
        }
        const WhatIfPlan& plan = grid.plans[point * scenarios.size() + v];
        EXPECT_NEAR(plan.memory, whole.memory.total.value, 1);
        EXPECT_NEAR(plan.capacity, whole.memory.capacity.value, 1);
        EXPECT_NEAR(plan.tokens, whole.tokens_per_s * whole.step_time.time.value, 1e-3);
      }
    }
  }
}

// What the page promises: between two bandwidths of the grid no time and no speed-up is off by 1 % or more.
TEST(WhatIf, BetweenBandwidthsItIsWithinOnePercent) {
  for (const char* scenario : {"paper_training", "paper_deepspeed", "paper_tutel", "deepseek_moe_16b_h100"}) {
    WhatIfAxes axes = what_if_axes(scenario, {}, kRoots);
    for (WhatIfAxis& axis : axes.stops) {  // thinned, so that the test takes a second
      if (axis.name == "ep" || axis.stops.size() < 4) continue;
      axis.stops = {axis.stops.front(), axis.stops[axis.now], axis.stops.back()};
      axis.now = 1;
    }
    const WhatIf grid = what_if(scenario, {}, kRoots, std::move(axes), {.jobs = 2, .check_points = 400});
    EXPECT_EQ(grid.error.points, 400U);
    EXPECT_LT(grid.error.step_time, 0.01) << scenario;
    EXPECT_LT(grid.error.speedup, 0.01) << scenario;
    EXPECT_LT(grid.error.all_to_all, 0.01) << scenario;
    EXPECT_GT(grid.error.step_time, 1e-4) << scenario << ": nothing was interpolated";
    for (const WhatIfLayer& layer : grid.layers) {
      EXPECT_TRUE(std::ranges::is_sorted(layer.bandwidths));
      EXPECT_LT(layer.bandwidths.size(), 60U);
    }
  }
}

TEST(WhatIf, IsTheSameForAnyNumberOfThreads) {
  const WhatIf one = what_if("paper_training", {}, kRoots, few_axes(), {.jobs = 1, .check_points = 5});
  const WhatIf three = what_if("paper_training", {}, kRoots, few_axes(), {.jobs = 3, .check_points = 5});
  ASSERT_EQ(one.layers.size(), three.layers.size());
  for (std::size_t layer = 0; layer < one.layers.size(); ++layer) {
    EXPECT_EQ(one.layers[layer].bandwidths, three.layers[layer].bandwidths);
    EXPECT_EQ(one.layers[layer].numbers, three.layers[layer].numbers);
  }
  EXPECT_EQ(one.error.step_time, three.error.step_time);
}

// 32 ranks with micro-batches of 2 cannot share 48 sequences: the point says so, its neighbours are there.
TEST(WhatIf, PointsThatAreNoScenariosSayWhy) {
  WhatIfAxes axes = few_axes();
  WhatIfAxis& batch = *std::ranges::find(axes.stops, "batch", &WhatIfAxis::name);
  batch.stops = {"48", "64"};
  batch.now = 1;
  const WhatIf grid = what_if("paper_training", {}, kRoots, std::move(axes), {.check_points = 20});
  ASSERT_EQ(grid.reasons.size(), 1U);
  EXPECT_THAT(grid.reasons.front(), ::testing::HasSubstr("workload.global_batch = 48"));
  EXPECT_EQ(grid.reason_of[grid.point({1, 1, 0, 1})], 0);
  EXPECT_EQ(grid.reason_of[grid.point({1, 1, 1, 1})], -1);
  EXPECT_EQ(grid.error.points, 20U);
}

TEST(WhatIfAxes, OfThePaper) {
  const WhatIfAxes axes = what_if_axes("paper_training", {}, kRoots);
  ASSERT_TRUE(axes.bandwidth);
  EXPECT_EQ(axes.bandwidth->now.value, 12.5e9);
  EXPECT_TRUE(axes.absent.empty());
  ASSERT_NE(find(axes, "low_rank_ratio"), nullptr);
  EXPECT_THAT(find(axes, "low_rank_ratio")->keys, ::testing::ElementsAre("variants.bigmac.model.moe.low_rank_ratio"));
  EXPECT_THAT(find(axes, "ep")->stops, ::testing::ElementsAre("1", "2", "4", "8", "16", "32"));
  EXPECT_EQ(find(axes, "ep")->now, 5U);
  EXPECT_THAT(find(axes, "batch")->stops, ::testing::ElementsAre("64", "128", "256", "512"));
}

// One machine: no network. Each variant names a model of its own, so that a key of the model has to name the variant.
TEST(WhatIfAxes, OfOneMachineWithTwoModels) {
  const WhatIfAxes axes = what_if_axes("mixtral_8x7b_h100_inference", {}, kRoots);
  EXPECT_FALSE(axes.bandwidth);
  ASSERT_EQ(axes.absent.size(), 1U);
  EXPECT_THAT(axes.absent.front().why, ::testing::HasSubstr("one machine"));
  EXPECT_THAT(find(axes, "top_k")->keys,
              ::testing::ElementsAre("variants.vanilla.model.moe.top_k", "variants.bigmac.model.moe.top_k"));
  EXPECT_THAT(find(axes, "batch")->keys, ::testing::ElementsAre("workload.batch"));
}

TEST(WhatIfAxes, WithoutANarrowVariantThereIsNoRatio) {
  const std::vector<Override> wide = {{"variants=~"}};
  const WhatIfAxes axes = what_if_axes("paper_training", wide, kRoots);
  EXPECT_EQ(find(axes, "low_rank_ratio"), nullptr);
  EXPECT_THAT(axes.absent, ::testing::Contains(::testing::Field(&AbsentAxis::why, ::testing::HasSubstr("narrower"))));
  const WhatIf grid = what_if("paper_training", wide, kRoots, axes, {.check_points = 0});
  EXPECT_EQ(grid.variants.size(), 1U);
}

// One axis less, drawn by hand: a power law is met exactly, and a 0 does not spoil what is beside it.
TEST(WhatIf, StraightInLogLog) {
  WhatIf grid{.axes = {.bandwidth = BandwidthAxis{.keys = {"k"}, .now = {2}}, .stops = {}, .absent = {}},
              .variants = {""},
              .reasons = {},
              .reason_of = {-1},
              .plans = {WhatIfPlan{}},
              .layers = {{.bandwidths = {1, 4}, .numbers = {8, 0, 0, 0, 0, 0, 2, 0, 6, 0, 0, 0}}},
              .error = {}};
  EXPECT_NEAR(grid.number(0, 0, WhatIfNumber::step_time, 2), 4, 1e-12);
  EXPECT_NEAR(grid.number(0, 0, WhatIfNumber::step_time, 1), 8, 1e-12);
  EXPECT_NEAR(grid.number(0, 0, WhatIfNumber::step_time, 4), 2, 1e-12);
  EXPECT_NEAR(grid.number(0, 0, WhatIfNumber::all_to_all, 2), 3, 1e-12);
}

}  // namespace
}  // namespace moesim
