#include <algorithm>
#include <gtest/gtest.h>

#include "moesim/graph/build.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_moe;

int ops_named(const std::vector<Phase>& phases, std::string_view name) {
  int found = 0;
  for (const Phase& phase : phases) found += static_cast<int>(std::ranges::count(phase.ops, name, &Op::name));
  return found;
}

// Kernels that only the backward pass of some frameworks has: none by default, one a layer each where the profile says
// so.
TEST(BackwardKernels, AreThoseOfTheFramework) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8});
  scenario.framework.flash_attention = true;
  const OpGraph plain = build_graph(scenario);
  scenario.framework.packed_qkv_gradient = false;
  scenario.framework.branch_gradient_add = true;
  scenario.framework.residual_dropout = false;
  const OpGraph more = build_graph(scenario);
  for (const char* name : {"attention.qkv_gradient", "router.tokens"}) {
    EXPECT_EQ(ops_named(plain.stages[0].backward, name), 0) << name;
    EXPECT_EQ(ops_named(more.stages[0].backward, name), 1) << name;
    EXPECT_EQ(ops_named(more.stages[0].forward, name), 0) << name;
  }
  const auto residual_bytes = [](const OpGraph& graph) {
    for (const Op& op : graph.stages[0].backward[0].ops) {
      const auto* kernel = std::get_if<KernelWork>(&op.work);
      const auto* memory = kernel != nullptr ? std::get_if<MemoryWork>(&kernel->shape) : nullptr;
      if (memory != nullptr && op.name == "ffn_residual") return memory->over.moved.value;
    }
    return 0.0;
  };
  EXPECT_DOUBLE_EQ(residual_bytes(more) * 5 / 3, residual_bytes(plain));
}

}  // namespace
}  // namespace moesim
