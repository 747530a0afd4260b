#include "sim/overlap.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/build.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

// A product of 16 us takes twice as long; measured from 16 to 256 us.
Calibration with_overlap(double communication) {
  FittedLaw law{.name = "overlap.bf16", .coefficients = {}, .ranges = {}, .spreads = {}, .provenance = {}};
  law.coefficients = {{"doubling_s", 16e-6},    {"power", 0.5},       {"attention_slowdown", 1.1},
                      {"memory_slowdown", 1.3}, {"kernel_wait", 0.5}, {"communication_slowdown", communication}};
  law.ranges = {{"kernel_s", {16e-6, 256e-6}}};
  return {.name = "test", .device = "test", .laws = {law}};
}

Scenario scenario_with(const Calibration& calibration, int hosts, Parallelism parallelism) {
  Scenario scenario = testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), hosts, parallelism);
  std::get<TrainingWorkload>(scenario.workload).global_batch = 32;
  scenario.kernels = std::make_shared<const KernelModel>(scenario.kernels->device(), calibration);
  return scenario;
}

KernelWork product(DType type, double launches = 1) {
  return {.shape = GemmShape{.m = 1, .n = 1, .k = 1, .dtype = type}, .launches = launches};
}

// 1 + sqrt(16 us / t): 2 at 16 us, 1.5 at 64 us, 1.25 at 256 us.
TEST(OverlapLaw, LongProducts_LoseLess) {
  const Scenario scenario = scenario_with(with_overlap(1.2), 1, {.ep = 8, .dp = 8});
  const OverlapLaw law(scenario, {});
  EXPECT_DOUBLE_EQ(law.compute_slowdown(product(DType::bf16), {16e-6}), 2);
  EXPECT_DOUBLE_EQ(law.compute_slowdown(product(DType::fp16), {64e-6}), 1.5);
  EXPECT_DOUBLE_EQ(law.compute_slowdown(product(DType::bf16, 4), {256e-6}), 1.5);  // four of 64 us
  EXPECT_DOUBLE_EQ(law.compute_slowdown(product(DType::bf16), {1}), 1.25);         // as the longest measured
  EXPECT_DOUBLE_EQ(law.compute_slowdown(product(DType::bf16), {1e-9}), 2);         // as the shortest measured
  EXPECT_DOUBLE_EQ(law.compute_slowdown(product(DType::fp32), {64e-6}), 1);
  EXPECT_DOUBLE_EQ(law.compute_slowdown({.shape = MemoryWork{}}, {64e-6}), 1.3);
  EXPECT_DOUBLE_EQ(law.compute_slowdown({.shape = AttentionShape{}}, {64e-6}), 1.1);
  EXPECT_DOUBLE_EQ(law.compute_slowdown({.shape = HostWait{{64e-6}}}, {64e-6}), 1);
  EXPECT_DOUBLE_EQ(law.wait({64e-6}).value, 32e-6);
  EXPECT_DOUBLE_EQ(law.communication_slowdown(true), 1.2);
  EXPECT_DOUBLE_EQ(law.communication_slowdown(false), 1);
}

TEST(OverlapLaw, OptionsOverrideIt_WithoutBothThereIsNone) {
  const Scenario measured = scenario_with(with_overlap(1.2), 1, {.ep = 8, .dp = 8});
  const OverlapLaw given(measured, {.compute_slowdown = 1.5, .communication_slowdown = 1});
  EXPECT_EQ(given.law(), nullptr);
  EXPECT_DOUBLE_EQ(given.compute_slowdown({.shape = MemoryWork{}}, {1e-6}), 1.5);
  EXPECT_DOUBLE_EQ(given.communication_slowdown(true), 1);
  const OverlapLaw half(measured, {.compute_slowdown = 1});
  EXPECT_DOUBLE_EQ(half.communication_slowdown(true), 1.2);
  const Scenario bare = scenario_with({}, 1, {.ep = 8, .dp = 8});
  const OverlapLaw none(bare, {});
  EXPECT_DOUBLE_EQ(none.compute_slowdown(product(DType::bf16), {16e-6}), 1);
  EXPECT_DOUBLE_EQ(none.communication_slowdown(true), 1);
  EXPECT_DOUBLE_EQ(none.wait({1}).value, 0);
}

TEST(OverlapLaw, RefusesWhatSpeedsUp) {
  const Scenario faster = scenario_with(with_overlap(0.9), 1, {.ep = 8, .dp = 8});
  EXPECT_THROW(OverlapLaw(faster, {}), InputError);
}

// The step of a device with the law: nothing changes where nothing overlaps; where chunks do, the step takes longer,
// the result says so, and names the law among those behind it. Without the law it says that there is none.
TEST(OverlapLaw, CountsWhereThingsOverlap_AndIsStated) {
  for (const int degree : {1, 4}) {
    Scenario with = scenario_with(with_overlap(1.2), 1, {.ep = 8, .dp = 8});
    Scenario without = scenario_with({}, 1, {.ep = 8, .dp = 8});
    with.framework.pipelining_degree = without.framework.pipelining_degree = degree;
    std::vector<Timeline> slowed;
    std::vector<Timeline> free;
    const double ratio =
        predict_by_flows(with, {}, &slowed).step_time.time / predict_by_flows(without, {}, &free).step_time.time;
    const auto says = [](const Timeline& timeline, std::string_view words) {
      return std::ranges::any_of(timeline.notes,
                                 [&](const std::string& note) { return note.find(words) != std::string::npos; });
    };
    EXPECT_EQ(says(slowed.front(), "slowed by the law overlap.bf16"), degree > 1);
    EXPECT_EQ(says(free.front(), "has no law overlap.bf16"), degree > 1);
    if (degree == 1) {
      EXPECT_NEAR(ratio, 1, 1e-12);
    } else {
      EXPECT_GT(ratio, 1 + 1e-6);
      EXPECT_LT(ratio, 2);
    }
  }
}

// Kernels and collectives that cost each other nothing but the wait: the longer it is, the longer the step; a folded
// run waits as one of all ranks does.
TEST(OverlapLaw, CollectivesWaitForTheKernelUnderWay) {
  double last = 0;
  for (const double wait : {0.0, 0.3, 0.6, 1.0}) {
    Calibration calibration = with_overlap(1);
    calibration.laws[0].coefficients = {
        {"doubling_s", 1e-15}, {"power", 4}, {"communication_slowdown", 1}, {"kernel_wait", wait}};
    Scenario scenario = scenario_with(calibration, 1, {.ep = 8, .dp = 8});
    scenario.framework.pipelining_degree = 4;
    const double folded = predict_by_flows(scenario, {}).step_time.time.value;
    EXPECT_GT(folded, last * (1 + 1e-6)) << wait;
    EXPECT_NEAR(predict_by_flows(scenario, {.fold = false}).step_time.time.value / folded, 1, 1e-9);
    last = folded;
  }
  Calibration beyond = with_overlap(1);
  beyond.laws[0].coefficients["kernel_wait"] = 1.5;
  EXPECT_THROW(OverlapLaw(scenario_with(beyond, 1, {.ep = 8, .dp = 8}), {}), InputError);
}

}  // namespace
}  // namespace moesim
