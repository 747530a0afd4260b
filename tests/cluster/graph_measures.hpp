#pragma once

#include <vector>

#include "moesim/cluster/topology.hpp"

namespace moesim {

/// Hops of the shortest way between the two GPUs that are farthest apart in the graph, whatever the transport.
[[nodiscard]] int diameter(const Topology& topology);

/// Most that can flow at once from the first half of the ranks to the second [B/s].
[[nodiscard]] double bisection_bandwidth(const Topology& topology);

[[nodiscard]] int count(const Topology& topology, NodeKind kind);
[[nodiscard]] int count(const Topology& topology, LinkKind kind);

/// Number of outgoing links of the kind; the incoming ones must be as many.
[[nodiscard]] int degree(const Topology& topology, NodeId node, LinkKind kind);

}  // namespace moesim
