#pragma once

#include "moesim/graph/op_graph.hpp"

namespace moesim {

/// A backward phase in two parts: what the stage before waits for, and the weight gradients, which only the reduction
/// of the gradients waits for (it goes with them).
struct SplitBackward {
  Phase input;
  Phase weight;
};
[[nodiscard]] SplitBackward split_backward(const Phase& backward);

/// A forward and a backward phase side by side: operators up to and including the next one that is not a kernel, of the
/// backward phase and of the forward phase in turn, so that one computes while the other communicates. Streams stay in
/// order.
struct OverlappedPhase {
  Phase phase;
  std::vector<bool> of_forward;  ///< by operator
};
[[nodiscard]] OverlappedPhase overlapped_phase(const Phase& forward, const Phase& backward);

}  // namespace moesim
