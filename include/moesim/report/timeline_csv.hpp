#pragma once

#include <string>
#include <vector>

#include "moesim/sim/timeline.hpp"

namespace moesim {

/// Timelines of one case: the training iteration, or prefill and decode step.
struct NamedTimelines {
  std::string name;
  std::vector<Timeline> timelines;
};

/// Every recorded operator as a row, by case, timeline, rank and stream, in time. Times in seconds from the beginning
/// of its timeline; `layer` counts within `stage`, in forward order; it and `micro_batch` are empty for what belongs to
/// the whole iteration.
///
///     case,timeline,rank,stage,stream,op,kind,micro_batch,layer,begin_s,end_s
///     bigmac,0,3,0,compute,experts.up,experts,1,2,0.0008124,0.0009085
[[nodiscard]] std::string to_timeline_csv(const std::vector<NamedTimelines>& cases);

}  // namespace moesim
