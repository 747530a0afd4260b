#include "moesim/graph/memory.hpp"

#include <array>
#include <gtest/gtest.h>

#include "moesim/model/counts.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_gpt;
using testing::small_moe;

double term(const MemoryPlan& plan, std::string_view name) {
  for (const MemoryTerm& term : plan.terms) {
    if (term.name == name) return term.bytes.value;
  }
  return 0;
}

// Korthikanti et al. 2022, equation 1: s b h (34 + 5 a s / h) bytes per layer of a GPT with unfused attention and
// dropout.
TEST(Memory, GptLayer_HoldsKorthikantisActivations) {
  const Scenario scenario = example_scenario(small_gpt(), 1, {.dp = 8});
  const double s = 128;
  const double b = 2;
  const double h = 256;
  const double a = 4;
  EXPECT_DOUBLE_EQ(term(plan_memory(scenario), "activations"), 4 * s * b * h * (34 + 5 * a * s / h));
}

// Equation 2: tensor parallelism without sequence parallelism: s b h (10 + 24/t + 5 a s / (h t)).
TEST(Memory, TensorParallel_SplitsAllButTenBytes) {
  const Scenario scenario = example_scenario(small_gpt(), 1, {.tp = 4, .dp = 2});
  EXPECT_DOUBLE_EQ(term(plan_memory(scenario), "activations"),
                   4 * 128.0 * 2 * 256 * (10 + 24.0 / 4 + 5.0 * 4 * 128 / (256 * 4)));
}

// Equation 4: with sequence parallelism everything is split.
TEST(Memory, SequenceParallel_SplitsEverything) {
  const Scenario scenario = example_scenario(small_gpt(), 1, {.tp = 4, .dp = 2, .sequence_parallel = true});
  EXPECT_DOUBLE_EQ(term(plan_memory(scenario), "activations"), 4 * 128.0 * 2 * 256 / 4 * (34 + 5.0 * 4 * 128 / 256));
}

// Section 5: selective recompute drops the attention scores: 34 s b h.
TEST(Memory, SelectiveRecompute_DropsTheScores) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.dp = 8});
  std::get<TrainingWorkload>(scenario.workload).recompute = Recompute::selective;
  EXPECT_DOUBLE_EQ(term(plan_memory(scenario), "activations"), 4 * 128.0 * 2 * 256 * 34);
}

// Mixed-precision Adam: 2 + 4 + 12 bytes per parameter (weights fp16, gradients and states fp32).
TEST(Memory, States_AreEighteenBytesPerParameter) {
  const Scenario scenario = example_scenario(small_gpt(), 1, {.dp = 8});
  const MemoryPlan plan = plan_memory(scenario);
  const double parameters = total_parameters(scenario.model);
  EXPECT_DOUBLE_EQ(term(plan, "weights") + term(plan, "gradients") + term(plan, "optimizer states"), 18 * parameters);
}

// Rajbhandari et al. 2020 (ZeRO), figure 1: each stage divides one more kind of state by the data-parallel degree.
TEST(Memory, Zero_DividesStatesOneAfterTheOther) {
  const double parameters = total_parameters(small_gpt());
  const std::array expected = {18.0, 6 + 12.0 / 8, 2 + 4.0 / 8 + 12.0 / 8, 18.0 / 8};
  for (int zero = 0; zero < 4; ++zero) {
    const MemoryPlan plan = plan_memory(example_scenario(small_gpt(), 1, {.dp = 8, .zero = zero}));
    EXPECT_NEAR(term(plan, "weights") + term(plan, "gradients") + term(plan, "optimizer states"),
                expected[static_cast<std::size_t>(zero)] * parameters, 1e-6 * parameters);
  }
}

TEST(Memory, Experts_AreDividedByTheExpertDegree) {
  const auto weights = [](int ep) {
    return term(plan_memory(example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = ep, .dp = 8})),
                "weights");
  };
  const double routed = parameters_of(count_parameters(small_moe(MoeStructure::fine_grained)), WorkKind::experts);
  EXPECT_NEAR(weights(1) - weights(8), 2 * routed * 7 / 8, 1);
}

TEST(Memory, TooSmallDevice_NamesTheFirstTermThatDoesNotFit) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.dp = 8});
  Device device = scenario.kernels->device();
  device.memory = {term(plan_memory(scenario), "weights") + 10};
  scenario.kernels = std::make_shared<const KernelModel>(device, Calibration{});
  const MemoryPlan plan = plan_memory(scenario);
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.first_overflow, "gradients");
}

// Eight micro-batches through four stages: as many are held at once as the schedules' papers say.
TEST(Memory, Schedules_HoldTheirMicroBatches) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.pp = 4, .dp = 2});
  scenario.workload = TrainingWorkload{.sequence_length = 128, .global_batch = 16, .micro_batch = 1};
  const auto activations = [&](PipelineSchedule schedule, int virtual_stages) {
    scenario.parallelism.schedule = schedule;
    scenario.parallelism.virtual_stages = virtual_stages;
    for (const MemoryTerm& term : plan_memory(scenario).terms) {
      if (term.name == "activations") return term.bytes.value;
    }
    return 0.0;
  };
  const double one = activations(PipelineSchedule::one_f_one_b, 1) / 4;
  EXPECT_DOUBLE_EQ(activations(PipelineSchedule::gpipe, 1) / one, 8);
  EXPECT_DOUBLE_EQ(activations(PipelineSchedule::one_f_one_b, 2) / one, 4 + 3 / 2.0);
  EXPECT_DOUBLE_EQ(activations(PipelineSchedule::zero_bubble_h1, 1) / one, 4);
  EXPECT_DOUBLE_EQ(activations(PipelineSchedule::zero_bubble_h2, 1) / one, 7);
  EXPECT_DOUBLE_EQ(activations(PipelineSchedule::dual_pipe, 1) / one, 5);
}

TEST(Memory, Terms_AddUpToTheTotal) {
  const MemoryPlan plan = plan_memory(example_scenario(small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8}));
  double sum = 0;
  for (const MemoryTerm& term : plan.terms) sum += term.bytes.value;
  EXPECT_DOUBLE_EQ(sum, plan.total.value);
}

}  // namespace
}  // namespace moesim
