#include <algorithm>
#include <variant>

#include "moesim/analytic/op_cost.hpp"
#include "moesim/graph/build.hpp"
#include "moesim/sweep/search.hpp"

namespace moesim {
namespace {

bool is_expert_kernel(const KernelWork& work) {
  return std::holds_alternative<ExpertGemm>(work.shape) || std::holds_alternative<ExpertMemoryWork>(work.shape);
}

/// Of each phase: its kernels one after the other, or the host that launches them, whichever is slower.
Seconds kernels_of(const std::vector<Phase>& phases, const Scenario& scenario, const OpGraph& graph) {
  Seconds total;
  for (const Phase& phase : phases) {
    Seconds kernels;
    double launches = 0;
    for (const Op& op : phase.ops) {
      const auto* work = std::get_if<KernelWork>(&op.work);
      launches += work != nullptr ? work->launches : 1;
      if (work == nullptr || op.stream != Stream::compute) continue;
      if (is_expert_kernel(*work) && !graph.routing.balanced()) continue;
      kernels += kernel_cost(*scenario.kernels, *work, graph.routing, 0).estimate.time;
    }
    total += phase.repeat * std::max(kernels, launches * scenario.framework.kernel_launch);
  }
  return total;
}

Seconds graph_bound(const Scenario& scenario, const OpGraph& graph) {
  Seconds longest;
  for (const Stage& stage : graph.stages) {
    const double before_last = graph.micro_batches - 1;
    const Seconds forward = kernels_of(stage.forward, scenario, graph);
    // With one micro-batch the ordinary backward pass does not run at all.
    const Seconds backward = before_last > 0 ? kernels_of(stage.backward, scenario, graph) : Seconds{};
    const Seconds last = kernels_of(stage.last_backward, scenario, graph);
    longest = std::max(longest, (1 + before_last) * forward + before_last * backward + last);
  }
  return longest;
}

}  // namespace

Seconds step_time_bound(const Scenario& scenario) {
  const Seconds first = graph_bound(scenario, build_graph(scenario));
  const auto* inference = std::get_if<InferenceWorkload>(&scenario.workload);
  if (inference == nullptr || inference->generated_tokens < 2) return first;
  const double steps = inference->generated_tokens - 1;
  const double context = inference->prompt_tokens + 0.5 * (steps + 1);  // as predict: the mean, everything is affine
  return first + steps * graph_bound(scenario, build_decode_graph(scenario, context));
}

}  // namespace moesim
