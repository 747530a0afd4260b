#include "moesim/analytic/kernel_uses.hpp"

#include <algorithm>
#include <variant>

#include "moesim/graph/build.hpp"

#include "analytic/decode.hpp"
#include "analytic/power.hpp"

namespace moesim {
namespace {

std::optional<DType> product_type(const KernelWork& work) {
  if (const auto* gemm = std::get_if<GemmShape>(&work.shape)) return gemm->dtype;
  if (const auto* gemm = std::get_if<ExpertGemm>(&work.shape)) return gemm->dtype;
  if (const auto* attention = std::get_if<AttentionShape>(&work.shape)) return attention->dtype;
  return std::nullopt;
}

bool same(const KernelUse& a, const KernelUse& b) {
  return a.name == b.name && a.kind == b.kind && a.dtype == b.dtype && a.amount.flops == b.amount.flops &&
         a.amount.bytes == b.amount.bytes;
}

void add(std::vector<KernelUse>& uses, const KernelUse& more) {
  const auto known = std::ranges::find_if(uses, [&](const KernelUse& one) { return same(one, more); });
  if (known == uses.end()) {
    uses.push_back(more);
  } else {
    known->count += more.count;
  }
}

void add_phases(std::vector<KernelUse>& uses, OpCosts& costs, const std::vector<Phase>& phases, double count) {
  if (count <= 0) return;
  for (const Phase& phase : phases) {
    for (const Op& op : phase.ops) {
      const auto* work = std::get_if<KernelWork>(&op.work);
      if (work == nullptr || std::holds_alternative<HostWait>(work->shape)) continue;
      const OpCost cost = costs.cost(op, 0);
      add(uses, {.name = op.name,
                 .kind = op.kind,
                 .dtype = product_type(*work),
                 .count = count * phase.repeat,
                 .time = cost.estimate.time,
                 .amount = cost.amount,
                 .bound = cost.bound,
                 .fitted = cost.fitted != nullptr});
    }
  }
}

Seconds total(const std::vector<KernelUse>& uses) {
  Seconds sum;
  for (const KernelUse& use : uses) sum += use.count * use.time;
  return sum;
}

/// Of one execution of a graph.
std::vector<KernelUse> uses_of(const Scenario& scenario, const OpGraph& graph) {
  OpCosts costs(scenario, graph);
  std::vector<KernelUse> longest;
  for (const Stage& stage : graph.stages) {
    std::vector<KernelUse> uses;
    add_phases(uses, costs, stage.forward, graph.micro_batches);
    add_phases(uses, costs, stage.backward, graph.micro_batches - 1);
    add_phases(uses, costs, stage.last_backward, 1);
    if (longest.empty() || total(uses) > total(longest)) longest = std::move(uses);
  }
  add_phases(longest, costs, graph.iteration_end, 1);
  return longest;
}

}  // namespace

std::vector<KernelUse> kernel_uses(const Scenario& scenario) {
  const Scenario sustained = at_sustained_clocks(scenario);
  std::vector<KernelUse> uses = uses_of(sustained, build_graph(sustained));
  if (const auto* inference = std::get_if<InferenceWorkload>(&sustained.workload)) {
    const DecodeSteps decode = decode_steps(*inference);
    for (KernelUse use : uses_of(sustained, build_decode_graph(sustained, decode.context_tokens))) {
      use.count *= decode.count;
      if (use.count > 0) add(uses, use);
    }
  }
  return uses;
}

}  // namespace moesim
