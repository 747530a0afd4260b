#include "sim/split_backward.hpp"

#include <array>
#include <optional>
#include <utility>

namespace moesim {
namespace {

/// Whether the operator belongs to the weight gradients: their kernels, and collectives that reduce them. Weights that
/// are gathered (ZeRO stage 3) are not.
bool of_weights(const Op& op) {
  const auto* collective = std::get_if<CollectiveWork>(&op.work);
  const bool reduction = op.stream == Stream::gradient_communication && collective != nullptr &&
                         collective->kind != CollectiveKind::all_gather;
  return op.weight_gradient || reduction;
}

}  // namespace

SplitBackward split_backward(const Phase& backward) {
  SplitBackward split{.input = {.name = backward.name, .ops = {}, .repeat = backward.repeat},
                      .weight = {.name = backward.name, .ops = {}, .repeat = backward.repeat}};
  // By operator: the one that stands for it in each part, what waits for it waits for that. A weight gradient follows
  // the gradient of its product's input; a reduction, the last weight gradient of its phase.
  std::vector<std::optional<OpId>> in_input;
  std::optional<OpId> last_input;
  std::optional<OpId> last_weight;
  for (const Op& op : backward.ops) {
    const bool weights = of_weights(op);
    Op moved = op;
    moved.after.clear();
    if (weights) {
      if (op.stream != Stream::compute && last_weight) moved.after.push_back(*last_weight);
      split.weight.ops.push_back(std::move(moved));
      if (op.stream == Stream::compute) last_weight = OpId{split.weight.ops.size() - 1};
      in_input.push_back(last_input);
      continue;
    }
    for (const OpId before : op.after) {
      if (in_input[before.index()]) moved.after.push_back(*in_input[before.index()]);
    }
    split.input.ops.push_back(std::move(moved));
    in_input.emplace_back(split.input.ops.size() - 1);
    if (op.stream == Stream::compute) last_input = in_input.back();
  }
  return split;
}

OverlappedPhase overlapped_phase(const Phase& forward, const Phase& backward) {
  OverlappedPhase result{.phase = {.name = backward.name, .ops = {}, .repeat = 1}, .of_forward = {}};
  struct Side {
    const Phase* phase;
    bool forward;
    std::size_t next = 0;
    std::vector<OpId> moved_to = {};
  };
  std::array<Side, 2> sides = {Side{&backward, false}, Side{&forward, true}};
  while (sides[0].next < backward.ops.size() || sides[1].next < forward.ops.size()) {
    for (Side& side : sides) {
      bool computing = true;
      while (computing && side.next < side.phase->ops.size()) {
        Op op = side.phase->ops[side.next++];
        for (OpId& before : op.after) before = side.moved_to[before.index()];
        computing = op.stream == Stream::compute;
        side.moved_to.emplace_back(result.phase.ops.size());
        result.phase.ops.push_back(std::move(op));
        result.of_forward.push_back(side.forward);
      }
    }
  }
  return result;
}

}  // namespace moesim
