#include "moesim/graph/memory.hpp"

#include <array>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

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

// Korthikanti et al. 2022, section 5: selective recompute saves 70 % of the activations of GPT-3 (5 a s / h = 80) and
// 65 % of MT-NLG's (64).
TEST(Memory, SelectiveRecompute_SavesWhatThePaperSays) {
  struct Case {
    int hidden, heads;
    double saved;
  };
  for (const Case& of : {Case{12288, 96, 0.70}, Case{20480, 128, 0.65}}) {
    Model model = small_gpt();
    model.hidden = of.hidden;
    model.attention = GroupedQueryAttention{.heads = of.heads, .kv_heads = of.heads, .head_dim = of.hidden / of.heads};
    model.dense_ffn.hidden = 4 * of.hidden;
    Scenario scenario = example_scenario(model, 1, {.tp = 8, .dp = 1, .sequence_parallel = true});
    const auto activations = [&](Recompute recompute) {
      scenario.workload =
          TrainingWorkload{.sequence_length = 2048, .global_batch = 1, .micro_batch = 1, .recompute = recompute};
      return term(plan_memory(scenario), "activations");
    };
    EXPECT_NEAR(1 - activations(Recompute::selective) / activations(Recompute::none), of.saved, 0.005);
  }
}

// Rajbhandari et al. 2020 (arXiv 1910.02054), figure 1: 7.5 B parameters, 64 ranks, gradients in 16 bit:
// 120, 31.4, 16.6 and 1.9 GB of model states per GPU for ZeRO stages 0 to 3.
TEST(Memory, ZeroStages_AreThoseOfThePaper) {
  Model model = small_gpt();
  model.layers = 1;
  model.vocabulary = 1;
  model.max_positions = 0;
  model.hidden = 25000;  // 12 h^2 weights
  model.attention = GroupedQueryAttention{.heads = 100, .kv_heads = 100, .head_dim = 250};
  model.dense_ffn.hidden = 4 * model.hidden;
  const double scale = 7.5e9 / total_parameters(model);
  const std::array published = {120e9, 31.4e9, 16.6e9, 1.9e9};
  for (int stage = 0; stage <= 3; ++stage) {
    Scenario scenario = example_scenario(model, 8, {.dp = 64, .zero = stage});
    scenario.framework.gradient_bytes = {2};
    scenario.workload = TrainingWorkload{.sequence_length = 128, .global_batch = 64, .micro_batch = 1};
    const MemoryPlan plan = plan_memory(scenario);
    const double states = term(plan, "weights") + term(plan, "gradients") + term(plan, "optimizer states");
    EXPECT_NEAR(scale * states / published[static_cast<std::size_t>(stage)], 1, 0.02) << stage;
  }
}

// Modules of Megatron's --recompute-modules drop what they make again, and nothing else.
TEST(Memory, RecomputeModules_DropTheirResults) {
  Model model = small_moe(MoeStructure::fine_grained);
  model.biases = false;
  model.moe->expert_ffn = FfnKind::gated;
  model.moe->shared_experts = 1;
  model.moe->shared_expert_hidden = 64;
  Scenario scenario = example_scenario(model, 1, {.ep = 8, .dp = 8});
  const auto activations = [&](std::vector<RecomputeModule> modules) {
    scenario.workload = TrainingWorkload{
        .sequence_length = 128, .global_batch = 16, .micro_batch = 2, .recompute_modules = std::move(modules)};
    return term(plan_memory(scenario), "activations");
  };
  const double tokens = 2 * 128;
  const double all = activations({});
  EXPECT_DOUBLE_EQ(all - activations({RecomputeModule::layernorm}), 4 * 2 * tokens * 256 * 2);
  EXPECT_DOUBLE_EQ(all - activations({RecomputeModule::moe_act}), 4 * tokens * 4 * 64 * 2);
  EXPECT_DOUBLE_EQ(all - activations({RecomputeModule::shared_experts}), 4 * tokens * 3 * 64 * 2);
  EXPECT_DOUBLE_EQ(activations({RecomputeModule::mlp, RecomputeModule::mla_up_proj}), all);
}

// Bytes of cached keys and values per token: DeepSeek-V3 70.272 kB, Qwen-2.5 72B 327.680 kB, LLaMA-3.1 405B 516.096 kB
// (Zhao et al. 2025, arXiv 2505.09343, table 1), DeepSeek-V2 34.6 thousand elements (arXiv 2405.04434, table 9); and
// GPT-3's, 2 x 96 layers x 96 heads x 128, multi-head.
TEST(Memory, KeyValueCache_IsAsPublished) {
  const auto latent = LatentAttention{.heads = 128,
                                      .q_lora_rank = 1536,
                                      .kv_lora_rank = 512,
                                      .nope_head_dim = 128,
                                      .rope_head_dim = 64,
                                      .v_head_dim = 128};
  struct Case {
    int layers;
    Attention attention;
    double bytes_per_token;
  };
  const std::vector<Case> published = {
      {61, latent, 70'272},
      {60, latent, 2 * 34'560},
      {80, GroupedQueryAttention{.heads = 64, .kv_heads = 8, .head_dim = 128}, 327'680},
      {126, GroupedQueryAttention{.heads = 128, .kv_heads = 8, .head_dim = 128}, 516'096},
      {96, GroupedQueryAttention{.heads = 96, .kv_heads = 96, .head_dim = 128}, 4'718'592}};
  for (const Case& of : published) {
    Model model = small_gpt();
    model.layers = of.layers;
    model.attention = of.attention;
    Scenario scenario = example_scenario(model, 1, {.dp = 8});
    scenario.workload = InferenceWorkload{.batch = 16, .prompt_tokens = 100, .generated_tokens = 28};
    EXPECT_DOUBLE_EQ(term(plan_memory(scenario), "key-value cache"), of.bytes_per_token * 2 * 128) << of.layers;
  }
}

TEST(Memory, Terms_AddUpToTheTotal) {
  const MemoryPlan plan = plan_memory(example_scenario(small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8}));
  double sum = 0;
  for (const MemoryTerm& term : plan.terms) sum += term.bytes.value;
  EXPECT_DOUBLE_EQ(sum, plan.total.value);
}

}  // namespace
}  // namespace moesim
