#pragma once

#include <vector>

#include "moesim/cluster/topology.hpp"
#include "moesim/explain/explain.hpp"

namespace moesim {

/// Links of the same make together, busiest first; those that carry nothing are left out.
/// @param bytes over each link in the step, by LinkId
[[nodiscard]] std::vector<LinkClass> link_classes(const Topology& topology, const std::vector<double>& bytes,
                                                  Seconds step_time);

}  // namespace moesim
