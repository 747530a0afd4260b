// The graph is the operator-by-operator count: its FLOPs and its all-to-all bytes must equal the model's closed forms.

#include "moesim/graph/build.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <iterator>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "moesim/cost/kernel_laws.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_gpt;
using testing::small_moe;

/// FLOPs of the matrix products of one rank; attention kernels of the full square.
double matrix_flops(const Op& op, const OpGraph& graph) {
  const auto* kernel = std::get_if<KernelWork>(&op.work);
  if (kernel == nullptr) return 0;
  if (const auto* gemm = std::get_if<GemmShape>(&kernel->shape))
    return kernel->launches * 2 * gemm->m * gemm->n * gemm->k;
  if (const auto* gemm = std::get_if<ExpertGemm>(&kernel->shape)) {
    return 2 * gemm->share * graph.routing.busiest_rank_rows() * gemm->n * gemm->k;
  }
  if (const auto* attention = std::get_if<AttentionShape>(&kernel->shape)) {
    return 4 * attention->sequences * attention->query_tokens * attention->context_tokens * attention->heads *
           attention->head_dim;
  }
  return 0;
}

double matrix_flops(const std::vector<Phase>& phases, const OpGraph& graph) {
  double flops = 0;
  for (const Phase& phase : phases) {
    for (const Op& op : phase.ops) flops += phase.repeat * matrix_flops(op, graph);
  }
  return flops;
}

double forward_flops(const OpGraph& graph) {
  double flops = 0;
  for (const Stage& stage : graph.stages) flops += matrix_flops(stage.forward, graph);
  return flops * graph.micro_batches;
}

double backward_flops(const OpGraph& graph) {
  double flops = 0;
  for (const Stage& stage : graph.stages) {
    flops += (graph.micro_batches - 1) * matrix_flops(stage.backward, graph) + matrix_flops(stage.last_backward, graph);
  }
  return flops;
}

/// Operators of all passes of the first stage that `matches`.
template <class Matches>
std::vector<Op> operators(const OpGraph& graph, const Matches& matches) {
  std::vector<Op> found;
  for (const std::vector<Phase>* phases : {&graph.stages.front().forward, &graph.stages.front().backward}) {
    for (const Phase& phase : *phases) std::ranges::copy_if(phase.ops, std::back_inserter(found), matches);
  }
  return found;
}

bool is_cast(const Op& op) {
  const auto* kernel = std::get_if<KernelWork>(&op.work);
  if (kernel == nullptr) return false;
  const auto* memory = std::get_if<MemoryWork>(&kernel->shape);
  const auto* rows = std::get_if<ExpertMemoryWork>(&kernel->shape);
  return (memory != nullptr && memory->kernel == MemoryKernel::cast) ||
         (rows != nullptr && rows->kernel == MemoryKernel::cast);
}

// Every product of a layer with weights takes one converted operand forward and one converted gradient backward; the
// FLOPs do not change, nor do router and logits.
TEST(Build, ProductsInAnotherType_ConvertTheirOperands) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 1, {.tp = 2, .ep = 4, .dp = 4});
  const OpGraph plain = build_graph(scenario);
  scenario.framework.product_dtype = DType::fp8;
  const OpGraph low = build_graph(scenario);
  EXPECT_DOUBLE_EQ(forward_flops(low), forward_flops(plain));
  EXPECT_DOUBLE_EQ(backward_flops(low), backward_flops(plain));
  // qkv, output, descend, up, down, ascend; forward and backward.
  EXPECT_EQ(operators(plain, is_cast).size(), 0U);
  EXPECT_EQ(operators(low, is_cast).size(), 2U * 6U);
  const auto low_products = operators(low, [](const Op& op) {
    const auto* kernel = std::get_if<KernelWork>(&op.work);
    const auto* gemm = kernel == nullptr ? nullptr : std::get_if<GemmShape>(&kernel->shape);
    return gemm != nullptr && gemm->dtype == DType::fp8;
  });
  for (const Op& op : low_products) EXPECT_TRUE(op.kind != WorkKind::router && op.kind != WorkKind::logits);
  EXPECT_EQ(low_products.size(), 3U * 4U);
}

// DeepEP's kernels take tokens from where they are and sum what comes back: no permute before, no unpermute after, and
// what is sorted by expert arrives once for all experts of the rank.
TEST(Build, TokensSentOnceToARank_ArePermutedThereOnly) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  scenario.framework.all_to_all = AllToAllAlgorithm::node_deduplicated;
  const OpGraph graph = build_graph(scenario);
  const auto permutes = operators(graph, [](const Op& op) { return op.kind == WorkKind::permute; });
  EXPECT_EQ(permutes.size(), 2U * 2U);
  // 16 experts on 8 ranks, 4 of them: 8 (1 - C(14, 4) / C(16, 4)) ranks.
  EXPECT_NEAR(graph.routing.rank_copies(), 8 * (1 - 1001.0 / 1820.0) / 4, 1e-12);
}

// A kernel for each step inside the experts: fp16 rows of width 64: 2 x 2 B for the activation, 2 x 2 + 8 B for product
// and cast; backward 3 x 2 B and 3 x 2 + 28 B.
TEST(Build, UnfusedExpertActivation_MovesMore) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  scenario.framework.fused_expert_activation = false;
  const auto weighting = operators(build_graph(scenario), [](const Op& op) { return op.name == "experts.weighting"; });
  ASSERT_EQ(weighting.size(), 2U);
  const auto moved = [](const Op& op) {
    return std::get<ExpertMemoryWork>(std::get<KernelWork>(op.work).shape).moved_per_row.value;
  };
  EXPECT_DOUBLE_EQ(moved(weighting[0]), 64 * 12);
  EXPECT_DOUBLE_EQ(moved(weighting[1]), 64 * 34);
}

// The forward operator stands before its backward ones once more.
TEST(Build, RecomputeModules_RunAgain) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  const auto norms = [](const Op& op) { return op.name == "attention_norm" || op.name == "ffn_norm"; };
  EXPECT_EQ(operators(build_graph(scenario), norms).size(), 4U);
  std::get<TrainingWorkload>(scenario.workload).recompute_modules = {RecomputeModule::layernorm};
  EXPECT_EQ(operators(build_graph(scenario), norms).size(), 6U);
}

// Stages at the ends with layers of their own; the rest as even as whole layers go.
TEST(Build, EndStages_HaveTheirOwnLayers) {
  Model model = small_gpt();
  model.layers = 14;
  Scenario scenario = example_scenario(model, 1, {.pp = 4, .dp = 2, .first_stage_layers = 1, .last_stage_layers = 3});
  std::vector<double> layers;
  for (const Stage& stage : build_graph(scenario).stages) {
    for (const Phase& phase : stage.forward) {
      if (phase.name == "dense_layer") layers.push_back(phase.repeat);
    }
  }
  EXPECT_EQ(layers, (std::vector<double>{1, 5, 5, 3}));
}

double total(const std::vector<FlopCount>& counts) {
  double flops = 0;
  for (const FlopCount& count : counts) flops += count.forward.value;
  return flops;
}

class EveryStructure : public ::testing::TestWithParam<MoeStructure> {};
INSTANTIATE_TEST_SUITE_P(Build, EveryStructure,
                         ::testing::Values(MoeStructure::vanilla, MoeStructure::fine_grained, MoeStructure::bigmac));

TEST_P(EveryStructure, ForwardFlopsEqualTheClosedForm) {
  const Scenario scenario = example_scenario(small_moe(GetParam()), 1, {.ep = 8, .dp = 8});
  const OpGraph graph = build_graph(scenario);
  const double ranks = 8;
  EXPECT_NEAR(forward_flops(graph) * ranks / total(count_forward_flops(scenario.model, 16, 128)), 1, 1e-12);
}

TEST_P(EveryStructure, BackwardFlopsAreTwiceForward) {
  const Scenario scenario = example_scenario(small_moe(GetParam()), 2, {.pp = 2, .ep = 8, .dp = 8});
  const OpGraph graph = build_graph(scenario);
  EXPECT_NEAR(backward_flops(graph) / forward_flops(graph), 2, 1e-12);
}

TEST_P(EveryStructure, AllToAllBytesEqualTheClosedForm) {
  const Scenario scenario = example_scenario(small_moe(GetParam()), 1, {.ep = 8, .dp = 8});
  const OpGraph graph = build_graph(scenario);
  double bytes_per_rank = 0;
  const auto count = [&](const std::vector<Phase>& phases) {
    for (const Phase& phase : phases) {
      for (const Op& op : phase.ops) {
        if (const auto* exchange = std::get_if<ExchangeWork>(&op.work)) {
          bytes_per_rank += phase.repeat * exchange->share * exchange->bytes_per_row.value * graph.routing.rows_sent(0);
        }
      }
    }
  };
  count(graph.stages[0].forward);
  count(graph.stages[0].last_backward);
  const double leaving = bytes_per_rank * graph.micro_batches * 8 * 7 / 8;
  EXPECT_NEAR(leaving / all_to_all_bytes(scenario.model, 16 * 128, 8).value, 1, 1e-12);
}

TEST(Build, DenseModel_ForwardFlopsEqualTheClosedForm) {
  const Scenario scenario = example_scenario(small_gpt(), 1, {.tp = 2, .dp = 4});
  EXPECT_NEAR(forward_flops(build_graph(scenario)) * 8 / total(count_forward_flops(scenario.model, 16, 128)), 1, 1e-12);
}

// Tensor-parallel experts hold a part of every matrix and get the rows of their whole group: the same FLOPs.
TEST_P(EveryStructure, TensorParallelExperts_DoTheFlopsOfWholeOnes) {
  Scenario scenario =
      example_scenario(small_moe(GetParam()), 1, {.tp = 2, .ep = 4, .etp = 2, .dp = 4, .sequence_parallel = true});
  scenario.model.moe->shared_experts = 0;
  const double split = matrix_flops(build_graph(scenario).stages[0].forward, build_graph(scenario));
  scenario.parallelism.etp = 1;
  const double whole = matrix_flops(build_graph(scenario).stages[0].forward, build_graph(scenario));
  EXPECT_NEAR(split / whole, 1, 1e-12);
}

// What a group gathers for its experts it reduces again after them, and the backward pass does the same in reverse.
TEST(Build, TensorParallelExperts_GatherAndReduceTheRowsOfTheirGroup) {
  const Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1,
                                             {.tp = 2, .ep = 4, .etp = 2, .dp = 4, .sequence_parallel = true});
  const OpGraph graph = build_graph(scenario);
  const double rows = graph.routing.rows_sent(0) * 2;  // of both ranks
  for (const auto* phases : {&graph.stages[0].forward, &graph.stages[0].last_backward}) {
    std::vector<CollectiveKind> kinds;
    for (const Phase& phase : *phases) {
      for (const Op& op : phase.ops) {
        const auto* collective = std::get_if<CollectiveWork>(&op.work);
        if (collective == nullptr || collective->group != GroupRole::expert_tensor) continue;
        kinds.push_back(collective->kind);
        EXPECT_DOUBLE_EQ(collective->bytes_per_rank.value, rows * scenario.model.hidden * 2);
      }
    }
    EXPECT_EQ(kinds, (std::vector{CollectiveKind::all_gather, CollectiveKind::reduce_scatter}));
  }
}

// Every rank of a context group sees an equal share of the (query, key) pairs and all keys and values once.
TEST(Build, ContextParallel_SharesPairsAndPassesKeysRound) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.cp = 4, .dp = 2});
  scenario.framework.flash_attention = true;
  const OpGraph graph = build_graph(scenario);
  const double s = 128;
  bool seen = false;
  for (const Phase& phase : graph.stages[0].forward) {
    for (const Op& op : phase.ops) {
      if (const auto* kernel = std::get_if<KernelWork>(&op.work)) {
        const auto* core = std::get_if<AttentionShape>(&kernel->shape);
        if (core == nullptr) continue;
        EXPECT_NEAR(attention_flops(*core).value / (4 * 2 * (s * (s + 1) / 2 / 4) * 256), 1, 1e-12);
      } else if (const auto* ring = std::get_if<CollectiveWork>(&op.work); ring && ring->group == GroupRole::context) {
        EXPECT_DOUBLE_EQ(ring->bytes_per_rank.value, 2 * s * 2 * 256 * 2);  // 2 sequences, keys and values, fp16
        seen = true;
      }
    }
  }
  EXPECT_TRUE(seen);
}

// Stage 3 brings every layer's weights in for each pass: over all layers, what a rank holds of them without sharding.
TEST(Build, ZeroStage3_GathersTheWeightsForwardAndBackward) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.tp = 2, .dp = 4, .zero = 3});
  const auto gathered = [](const std::vector<Phase>& phases) {
    double bytes = 0;
    for (const Phase& phase : phases) {
      for (const Op& op : phase.ops) {
        const auto* collective = std::get_if<CollectiveWork>(&op.work);
        if (collective == nullptr || collective->kind != CollectiveKind::all_gather) continue;
        bytes += phase.repeat * collective->bytes_per_rank.value;
      }
    }
    return bytes;
  };
  const OpGraph graph = build_graph(scenario);
  const double held = gathered(graph.stages[0].forward);
  EXPECT_GT(held,
            4 * 12 * 256.0 * 256 / 2 * 2);  // four layers' matrices, half of them on each tensor rank, two bytes each
  EXPECT_DOUBLE_EQ(gathered(graph.stages[0].backward), held);
  EXPECT_EQ(gathered(graph.iteration_end), 0);
  scenario.parallelism.zero = 2;
  const OpGraph without = build_graph(scenario);
  EXPECT_EQ(gathered(without.stages[0].forward), 0);
  EXPECT_DOUBLE_EQ(gathered(without.iteration_end), held);
}

TEST(Build, FusedAccumulation_MovesTheGradientInItsOwnType) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8});
  scenario.framework.fused_gradient_accumulation = true;
  const OpGraph graph = build_graph(scenario);
  int weights = 0;
  for (const Phase& phase : graph.stages[0].backward) {
    for (const Op& op : phase.ops) {
      const auto* kernel = std::get_if<KernelWork>(&op.work);
      if (kernel == nullptr) continue;
      const auto* gemm = std::get_if<GemmShape>(&kernel->shape);
      const auto* experts = std::get_if<ExpertGemm>(&kernel->shape);
      if (gemm == nullptr && experts == nullptr) continue;
      const Bytes moved = gemm != nullptr ? gemm->result : experts->result;
      EXPECT_EQ(moved.value, op.weight_gradient ? 8 : 0) << op.name;
      weights += op.weight_gradient ? 1 : 0;
    }
  }
  EXPECT_GE(weights, 8);  // logits; qkv, output, router, both projections and both expert products
}

TEST(Build, PipelineStages_TogetherHoldEveryLayer) {
  const Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 2, {.pp = 4, .ep = 4, .dp = 4});
  const OpGraph graph = build_graph(scenario);
  ASSERT_EQ(graph.stages.size(), 4U);
  EXPECT_NEAR(forward_flops(graph) * 4 / total(count_forward_flops(scenario.model, 16, 128)), 1, 1e-12);
  EXPECT_EQ(graph.stages.front().forward.front().name, "embedding");
  EXPECT_EQ(graph.stages.back().forward.back().name, "head");
}

TEST(Build, OneRankPerExpertGroup_CostsNoAllToAll) {
  const Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 1, .dp = 8});
  const OpGraph graph = build_graph(scenario);
  for (const Phase& phase : graph.stages[0].forward) {
    for (const Op& op : phase.ops) EXPECT_FALSE(std::holds_alternative<ExchangeWork>(op.work)) << op.name;
  }
}

TEST(Build, FullRecompute_RunsTheForwardLayersOnceMore) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  const OpGraph plain = build_graph(scenario);
  std::get<TrainingWorkload>(scenario.workload).recompute = Recompute::full;
  const OpGraph again = build_graph(scenario);
  double layers = 0;
  for (const Phase& phase : plain.stages[0].forward) {
    if (phase.name == "moe_layer") layers += matrix_flops({phase}, plain);
  }
  EXPECT_NEAR((backward_flops(again) - backward_flops(plain)) / (layers * plain.micro_batches), 1, 1e-12);
}

TEST(Build, PipeliningDegree_SplitsButKeepsBytesAndFlops) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  const double flops = forward_flops(build_graph(scenario));
  scenario.framework.pipelining_degree = 4;
  const OpGraph graph = build_graph(scenario);
  EXPECT_NEAR(forward_flops(graph), flops, flops * 1e-12);
  double share = 0;
  for (const Op& op : graph.stages[0].forward[1].ops) {
    if (const auto* exchange = std::get_if<ExchangeWork>(&op.work);
        exchange != nullptr && op.kind == WorkKind::dispatch)
      share += exchange->share;
  }
  EXPECT_DOUBLE_EQ(share, 1);
}

/// Every operator waits for operators that come before it: the lists are topologically ordered, so no engine can
/// deadlock.
RC_GTEST_PROP(Build, DependenciesPointBackwards, ()) {
  Scenario scenario = example_scenario(
      small_moe(*rc::gen::element(MoeStructure::vanilla, MoeStructure::fine_grained, MoeStructure::bigmac)), 2,
      {.tp = 2,
       .pp = 2,
       .ep = 4,
       .dp = 4,
       .zero = *rc::gen::inRange(0, 2),
       .sequence_parallel = *rc::gen::arbitrary<bool>()});
  scenario.framework.pipelining_degree = *rc::gen::inRange(1, 5);
  scenario.framework.shared_expert_overlap = *rc::gen::arbitrary<bool>();
  scenario.framework.tensor_overlap = *rc::gen::arbitrary<bool>();
  scenario.parallelism.etp = *rc::gen::inRange(1, 3);
  scenario.framework.gradient_reduction_overlap = *rc::gen::arbitrary<bool>();
  scenario.framework.flash_attention = *rc::gen::arbitrary<bool>();
  scenario.model.moe->shared_experts = *rc::gen::inRange(0, 3);
  scenario.model.moe->shared_expert_hidden = 64;
  std::get<TrainingWorkload>(scenario.workload).recompute =
      *rc::gen::element(Recompute::none, Recompute::selective, Recompute::full);
  const OpGraph graph = build_graph(scenario);
  const auto check = [](const std::vector<Phase>& phases) {
    for (const Phase& phase : phases) {
      for (std::size_t i = 0; i < phase.ops.size(); ++i) {
        for (const OpId before : phase.ops[i].after) RC_ASSERT(before.index() < i);
      }
    }
  };
  for (const Stage& stage : graph.stages) {
    check(stage.forward);
    check(stage.backward);
    check(stage.last_backward);
  }
  check(graph.iteration_end);
}

}  // namespace
}  // namespace moesim
