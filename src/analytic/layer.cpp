#include "moesim/analytic/layer.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/build.hpp"

#include "analytic/decode.hpp"
#include "analytic/evaluate.hpp"

namespace moesim {
namespace {

bool belongs_to_block(WorkKind kind) {
  constexpr std::array kBlock = {WorkKind::router,  WorkKind::descend, WorkKind::permute, WorkKind::dispatch,
                                 WorkKind::experts, WorkKind::combine, WorkKind::ascend,  WorkKind::shared_experts};
  return std::ranges::find(kBlock, kind) != kBlock.end();
}

/// The MoE layer among the phases of a pass; null: there is none.
const Phase* moe_phase(const std::vector<Phase>& phases) {
  const auto routes = [](const Op& op) { return op.kind == WorkKind::router; };
  const auto found =
      std::ranges::find_if(phases, [&](const Phase& phase) { return std::ranges::any_of(phase.ops, routes); });
  return found == phases.end() ? nullptr : &*found;
}

/// The phase once, or its MoE block alone; edges to operators that are left out go.
Phase alone(const Phase& phase, bool block) {
  Phase result{.name = phase.name, .ops = {}, .repeat = 1};
  std::vector<std::optional<OpId>> moved(phase.ops.size());
  for (std::size_t i = 0; i < phase.ops.size(); ++i) {
    if (block && !belongs_to_block(phase.ops[i].kind)) continue;
    Op op = phase.ops[i];
    op.after.clear();
    for (const OpId before : phase.ops[i].after) {
      if (moved[before.index()]) op.after.push_back(*moved[before.index()]);
    }
    moved[i] = OpId{result.ops.size()};
    result.ops.push_back(std::move(op));
  }
  return result;
}

Estimate predict_pass(const Scenario& scenario, Part part) {
  const auto* inference = std::get_if<InferenceWorkload>(&scenario.workload);
  if (inference == nullptr) throw InputError("training has no prefill and no decode steps (mode: inference)");
  if (part == Part::decode_step && decode_steps(*inference).count == 0) {
    throw InputError("the prefill makes the first token: a decode step needs generated_tokens of at least 2");
  }
  const InferenceTimes times = predict(scenario).inference.value();
  return part == Part::prefill ? times.prefill : times.decode_token;
}

}  // namespace

Estimate predict_part(const Scenario& scenario, Part part) {
  if (part == Part::step) return predict(scenario).step_time;
  if (part == Part::prefill || part == Part::decode_step) return predict_pass(scenario, part);
  const bool block = part == Part::moe_block_forward || part == Part::moe_block_forward_backward;
  const bool backward = part == Part::layer_forward_backward || part == Part::moe_block_forward_backward;
  OpGraph graph = build_graph(scenario);
  for (const Stage& stage : graph.stages) {
    const Phase* forward = moe_phase(stage.forward);
    if (forward == nullptr) continue;
    const Phase* back = moe_phase(stage.backward);
    if (backward && back == nullptr) throw InputError("inference has no backward pass (mode: training)");
    Stage one{.forward = {alone(*forward, block)}, .backward = {}, .last_backward = {}};
    if (backward) one.last_backward = {alone(*back, block)};
    graph.stages = {std::move(one)};
    graph.micro_batches = 1;
    graph.iteration_end.clear();
    return evaluate(scenario, graph).errors.total();
  }
  throw InputError("the model has no MoE layer (its part was asked for)");
}

}  // namespace moesim
