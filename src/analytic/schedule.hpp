#pragma once

#include <array>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/graph/op_graph.hpp"

namespace moesim {

/// A phase run once: operators start when their stream is free and their inputs are there.
struct ScheduledPhase {
  Seconds makespan;                   ///< of all streams but a background one
  std::vector<std::size_t> critical;  ///< operators on the path that decides the makespan; their times add up to it
  Seconds communication;              ///< time that the streams which are waited for spend in collectives
  Seconds background;                 ///< time that the gradient stream is busy, when it runs in the background
};

/// @param times of the operators, by index
/// @param background_reduction gradient reductions are not waited for: they go on beside the next phase
[[nodiscard]] ScheduledPhase schedule(const Phase& phase, const std::vector<Seconds>& times, bool background_reduction);

}  // namespace moesim
