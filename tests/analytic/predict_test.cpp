#include "moesim/analytic/predict.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_gpt;
using testing::small_moe;

double time_of(const Prediction& prediction, WorkKind kind) {
  for (const BreakdownEntry& entry : prediction.breakdown) {
    if (entry.kind == kind) return entry.time.value;
  }
  return 0;
}

double sum(const Prediction& prediction) {
  double total = 0;
  for (const BreakdownEntry& entry : prediction.breakdown) total += entry.time.value;
  return total;
}

TEST(Predict, Breakdown_AddsUpToTheStep) {
  const Prediction prediction =
      predict(example_scenario(small_moe(MoeStructure::bigmac), 2, {.pp = 2, .ep = 8, .dp = 8}));
  EXPECT_NEAR(sum(prediction) / prediction.step_time.time.value, 1, 1e-12);
}

// 16 ranks on 2 hub boxes, ideal links: the NIC (12.5 GB/s) carries what 8 GPUs send to the other 8.
TEST(Predict, AllToAllTime_IsTheNicsBytesOverItsCapacity) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 2, {.ep = 16, .dp = 16});
  std::get<TrainingWorkload>(scenario.workload) = {.sequence_length = 128, .global_batch = 32, .micro_batch = 2};
  const Prediction prediction = predict(scenario);
  const double rows = 2 * 128 * 4;                      // tokens per rank x top-k
  const double crossing = 8 * rows * 256 * 2 * 8 / 16;  // out of one box, bytes
  EXPECT_NEAR(prediction.all_to_all.value, 4 * 4 * crossing / 12.5e9, 1e-12);
}

// Payload r h instead of h: a quarter of the bytes, so exactly a quarter of the ideal time.
TEST(Predict, BigMac_QuartersTheIdealAllToAll) {
  const Parallelism parallelism{.ep = 16, .dp = 16};
  const auto predicted = [&](MoeStructure structure) {
    Scenario scenario = example_scenario(small_moe(structure), 2, parallelism);
    std::get<TrainingWorkload>(scenario.workload).global_batch = 32;
    return predict(scenario);
  };
  const Prediction fine = predicted(MoeStructure::fine_grained);
  const Prediction bigmac = predicted(MoeStructure::bigmac);
  EXPECT_NEAR(fine.all_to_all / bigmac.all_to_all, 4, 1e-9);
  EXPECT_GT(time_of(bigmac, WorkKind::descend), 0);
  EXPECT_GT(time_of(bigmac, WorkKind::ascend), 0);
  EXPECT_DOUBLE_EQ(time_of(fine, WorkKind::descend), 0);
}

TEST(Predict, TwoMicroBatches_DoubleAllButReductionAndOptimizer) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  std::get<TrainingWorkload>(scenario.workload).global_batch = 16;
  const Prediction once = predict(scenario);
  std::get<TrainingWorkload>(scenario.workload).global_batch = 32;
  const Prediction twice = predict(scenario);
  for (const WorkKind kind : {WorkKind::attention, WorkKind::experts, WorkKind::dispatch, WorkKind::logits}) {
    EXPECT_NEAR(time_of(twice, kind), 2 * time_of(once, kind), 1e-12);
  }
  EXPECT_DOUBLE_EQ(time_of(twice, WorkKind::optimizer), time_of(once, WorkKind::optimizer));
  EXPECT_DOUBLE_EQ(time_of(twice, WorkKind::gradient_reduction), time_of(once, WorkKind::gradient_reduction));
}

// Beside the sends, which grow with the micro-batches, the other stage's single pass is left: the bubble, which does
// not.
TEST(Predict, Pipeline_HasABubbleOfTheOtherStages) {
  const auto run = [](int micro_batches) {
    Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 2, {.pp = 2, .ep = 8, .dp = 8});
    std::get<TrainingWorkload>(scenario.workload).global_batch = 8 * 2 * micro_batches;
    return predict(scenario);
  };
  const double few = time_of(run(32), WorkKind::pipeline);
  const double many = time_of(run(64), WorkKind::pipeline);
  const double bubble = 2 * few - many;
  const Prediction one = run(1);
  EXPECT_GT(bubble, 0);
  EXPECT_LT(bubble, one.step_time.time.value / 2);
  EXPECT_GT(bubble, one.step_time.time.value / 8);
}

TEST(Predict, SlowerHost_ShowsAsLaunch) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  EXPECT_DOUBLE_EQ(time_of(predict(scenario), WorkKind::launch), 0);
  scenario.framework.kernel_launch = {1e-3};
  EXPECT_GT(time_of(predict(scenario), WorkKind::launch), 0);
}

TEST(Predict, InferenceWithoutGeneration_IsThePrefill) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8});
  scenario.workload = InferenceWorkload{.batch = 16, .prompt_tokens = 64, .generated_tokens = 0};
  const Prediction prediction = predict(scenario);
  ASSERT_TRUE(prediction.inference);
  EXPECT_DOUBLE_EQ(prediction.step_time.time.value, prediction.inference->prefill.time.value);
  EXPECT_NEAR(prediction.inference->throughput_tokens_per_s, 16 * 64 / prediction.step_time.time.value, 1e-9);
}

TEST(Predict, Generation_AddsOneDecodeStepPerFurtherToken) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.dp = 8});
  scenario.workload = InferenceWorkload{.batch = 16, .prompt_tokens = 64, .generated_tokens = 11};
  const Prediction prediction = predict(scenario);
  EXPECT_NEAR(prediction.step_time.time.value,
              prediction.inference->prefill.time.value + 10 * prediction.inference->decode_token.time.value, 1e-12);
}

TEST(Speedup, SameLaws_CancelInTheInterval) {
  Prediction slow;
  slow.step_time = {.time = {2}, .spread = 0.1};
  slow.errors = {{"links", {0.2}}};
  Prediction fast = slow;
  fast.step_time = {.time = {1}, .spread = 0.1};
  fast.errors = {{"links", {0.1}}};
  const Speedup all_shared = speedup(slow, fast);
  EXPECT_DOUBLE_EQ(all_shared.value, 2);
  EXPECT_DOUBLE_EQ(all_shared.lo, 2);
  fast.errors = {{"gemm", {0.1}}};
  EXPECT_NEAR(speedup(slow, fast).hi, 2 * std::exp(std::sqrt(0.02)), 1e-12);
}

/// Laws that hold for any layout: no faster than FLOPs at peak, no slower with faster links, breakdown complete.
RC_GTEST_PROP(Predict, Laws, ()) {
  const int tp = *rc::gen::element(1, 2);
  const int pp = *rc::gen::element(1, 2);
  const int dp = 16 / tp / pp;
  const Parallelism parallelism{.tp = tp,
                                .pp = pp,
                                .ep = *rc::gen::element(1, 2, 4),
                                .dp = dp,
                                .zero = *rc::gen::inRange(0, 2),
                                .sequence_parallel = true};
  Scenario scenario = example_scenario(
      small_moe(*rc::gen::element(MoeStructure::vanilla, MoeStructure::fine_grained, MoeStructure::bigmac)), 2,
      parallelism);
  std::get<TrainingWorkload>(scenario.workload).global_batch = 2 * dp * *rc::gen::inRange(1, 5);
  scenario.framework.pipelining_degree = *rc::gen::inRange(1, 5);
  scenario.framework.gradient_reduction_overlap = *rc::gen::arbitrary<bool>();
  const Prediction prediction = predict(scenario);
  RC_ASSERT(std::abs(sum(prediction) / prediction.step_time.time.value - 1) < 1e-9);
  RC_ASSERT(prediction.flops.value / 16 / 100e12 <= prediction.step_time.time.value);
  RC_ASSERT(prediction.mfu <= 1);
  RC_ASSERT(!prediction.busiest_link || prediction.busiest_link->utilization <= 1 + 1e-9);
  RC_ASSERT(prediction.exposed_communication <= prediction.step_time.time);
}

// A decode step reads every weight that it uses (here all: no embedding to speak of) and the cache once.
TEST(Predict, DecodeStep_IsNotFasterThanReadingWeightsAndCache) {
  for (const bool moe : {false, true}) {
    for (const int batch : {8, 64, 1024}) {
      for (const int prompt : {16, 100}) {
        Model model = moe ? small_moe(MoeStructure::fine_grained) : small_gpt();
        model.vocabulary = 8;
        Scenario scenario = example_scenario(model, 1, {.ep = moe ? 8 : 1, .dp = 8});
        scenario.workload = InferenceWorkload{.batch = batch, .prompt_tokens = prompt, .generated_tokens = 4};
        const Prediction prediction = predict(scenario);
        double bytes = 0;
        for (const MemoryTerm& term : prediction.memory.terms) {
          if (term.name == "weights") bytes += term.bytes.value;
          if (term.name == "key-value cache") bytes += term.bytes.value * (prompt + 1) / (prompt + 4.0);
        }
        const Bytes read{bytes};
        EXPECT_GE(prediction.inference->decode_token.time.value,
                  (read / scenario.kernels->device().memory_bandwidth).value);
        EXPECT_GT(prediction.inference->prefill.time.value, 0);
      }
    }
  }
}

}  // namespace
}  // namespace moesim
