#include "sim/pipeline_order.hpp"

#include <algorithm>
#include <array>
#include <deque>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

using Slots = std::vector<PassSlot>;

/// @param ahead forward passes before the first backward pass
Slots alternating(int ahead, int micro_batches) {
  Slots slots;
  int forward = 0;
  const auto run_forward = [&] { slots.push_back({.pass = Pass::forward, .micro_batch = forward++}); };
  while (forward < std::min(ahead, micro_batches)) run_forward();
  for (int batch = 0; batch < micro_batches; ++batch) {
    if (forward < micro_batches) run_forward();
    slots.push_back({.pass = Pass::backward, .micro_batch = batch});
  }
  return slots;
}

Slots interleaved(const Parallelism& parallelism, int rank, int micro_batches) {
  const int stages = parallelism.pp;
  const int chunks = parallelism.virtual_stages;
  const int passes = micro_batches * chunks;
  Slots slots;
  const auto run = [&](int pass, Pass kind) {
    const int in_order = pass % (stages * chunks) / stages;
    slots.push_back({.pass = kind,
                     .micro_batch = pass / (stages * chunks) * stages + pass % stages,
                     .chunk = kind == Pass::backward ? chunks - 1 - in_order : in_order});
  };
  // Two forward passes of a chunk for each rank behind, and those of all chunks but the last of one group.
  const int ahead = std::min(2 * (stages - rank - 1) + (chunks - 1) * stages, passes);
  int forward = 0;
  while (forward < ahead) run(forward++, Pass::forward);
  for (int pass = 0; pass < passes; ++pass) {
    if (forward < passes) run(forward++, Pass::forward);
    run(pass, Pass::backward);
  }
  return slots;
}

/// @param degree 1: H1, 2: H2
Slots zero_bubble(int degree, int stages, int rank, int micro_batches) {
  Slots slots;
  int put_off = 0;
  int weight = 0;
  for (PassSlot slot : alternating(degree * (stages - 1 - rank), micro_batches)) {
    const bool backward = slot.pass == Pass::backward;
    if (backward) slot.pass = Pass::input_gradient;
    slots.push_back(slot);
    if (backward && ++put_off > degree * rank)
      slots.push_back({.pass = Pass::weight_gradient, .micro_batch = weight++});
  }
  while (weight < micro_batches) slots.push_back({.pass = Pass::weight_gradient, .micro_batch = weight++});
  return slots;
}

/// The order of a rank and, mirrored, of its partner at the other end. Direction 0 enters at the rank's own end.
class DualPipe {
 public:
  DualPipe(int stages, int rank, int micro_batches)
      : half_(stages / 2), near_(std::min(rank, stages - 1 - rank)), far_end_(rank >= half_), each_(micro_batches / 2) {
    MOESIM_EXPECTS(stages % 2 == 0 && micro_batches % 2 == 0 && each_ >= stages - 1);
  }

  Slots run() {
    const int inner = half_ - near_ - 1;  // ranks between this one and the middle
    for (int i = 0; i < 2 * inner; ++i) forward(0);
    for (int i = 0; i < near_ + 1; ++i) {
      forward(0);
      forward(1);
    }
    for (int i = 0; i < inner; ++i) {
      input_gradient(1);
      weight_gradient();
      forward(1);
    }
    for (int i = 0; i < each_ - 2 * half_ + near_ + 1; ++i) {
      forward(0, !(i == 0 && inner == 0));  // the first pair of the middle ranks waits for each other otherwise
      backward(1);
      forward(1, true);
      backward(0);
    }
    for (int i = 0; i < inner; ++i) {
      backward(1);
      forward(1, true);
      backward(0);
    }
    drain(inner);
    return std::move(slots_);
  }

 private:
  /// From the middle of the drain on weight gradients are put off: they fill what is left of the bubble.
  void drain(int inner) {
    bool split = false;
    const int pairs = near_ + 1;
    for (int i = 0; i < pairs; ++i) {
      for (const int direction : {1, 0}) {
        split = split || (i == pairs / 2 && (direction == 0 || near_ % 2 == 1));
        split ? input_gradient(direction) : backward(direction);
      }
    }
    for (int i = 0; i < inner; ++i) {
      weight_gradient();
      input_gradient(0);
    }
    while (!put_off_.empty()) weight_gradient();
  }

  [[nodiscard]] PassSlot slot(Pass pass, int direction, int number) const {
    const bool from_last = (direction == 1) != far_end_;
    return {.pass = pass, .micro_batch = number + (from_last ? each_ : 0), .from_last = from_last};
  }
  void forward(int direction, bool beside_next = false) {
    slots_.push_back(slot(Pass::forward, direction, forwards_.at(static_cast<std::size_t>(direction))++));
    slots_.back().beside_next = beside_next;
  }
  void backward(int direction) {
    slots_.push_back(slot(Pass::backward, direction, backwards_.at(static_cast<std::size_t>(direction))++));
  }
  void input_gradient(int direction) {
    slots_.push_back(slot(Pass::input_gradient, direction, backwards_.at(static_cast<std::size_t>(direction))++));
    put_off_.push_back(slots_.back());
  }
  void weight_gradient() {
    slots_.push_back(put_off_.front());
    slots_.back().pass = Pass::weight_gradient;
    put_off_.pop_front();
  }

  int half_;
  int near_;      ///< distance from its end
  bool far_end_;  ///< its end is the last rank's
  int each_;      ///< micro-batches of one direction
  std::array<int, 2> forwards_{};
  std::array<int, 2> backwards_{};
  std::deque<PassSlot> put_off_;
  Slots slots_;
};

}  // namespace

std::vector<PassSlot> pipeline_order(const Parallelism& parallelism, int rank, int micro_batches, bool training) {
  const int stages = parallelism.pp;
  if (!training) {
    Slots slots;
    for (int batch = 0; batch < micro_batches; ++batch) slots.push_back({.pass = Pass::forward, .micro_batch = batch});
    return slots;
  }
  const PipelineSchedule schedule = stages == 1 && parallelism.schedule != PipelineSchedule::gpipe
                                        ? PipelineSchedule::one_f_one_b
                                        : parallelism.schedule;
  switch (schedule) {
    case PipelineSchedule::gpipe:
      return alternating(micro_batches, micro_batches);
    case PipelineSchedule::one_f_one_b:
      return parallelism.virtual_stages > 1 ? interleaved(parallelism, rank, micro_batches)
                                            : alternating(stages - rank - 1, micro_batches);
    case PipelineSchedule::zero_bubble_h1:
      return zero_bubble(1, stages, rank, micro_batches);
    case PipelineSchedule::zero_bubble_h2:
      return zero_bubble(2, stages, rank, micro_batches);
    case PipelineSchedule::dual_pipe:
      return DualPipe(stages, rank, micro_batches).run();
  }
  return {};
}

}  // namespace moesim
