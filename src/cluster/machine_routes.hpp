#pragma once

#include <span>
#include <string>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topology.hpp"

#include "cluster/network_routes.hpp"
#include "cluster/segment_pool.hpp"

namespace moesim {

/// Way of a GPU into the network through a NIC, or back.
struct Gate {
  Segment segment;
  std::uint32_t point = 0;  ///< where the network's routes begin or end
  bool staged = false;      ///< through host memory
  bool forwarded = false;   ///< PXN: through another GPU of the machine
};

struct LocalRoute {
  Transport transport = Transport::self;  ///< self between different GPUs: there is no way
  Segment segment;
};

/// Routes of one machine's GPUs, numbered within the machine.
struct MachineRoutes {
  std::vector<LocalRoute> local;         ///< [from * GPUs + to]
  std::vector<std::vector<Gate>> exits;  ///< by GPU; its own NIC first
  std::vector<std::vector<Gate>> entries;
  std::vector<std::string> problems;  ///< by GPU: why it has no exit or entry; empty: it has
};

/// @param nodes all nodes of the machine
/// @param gpus  those of them that are ranks, in rank order
[[nodiscard]] MachineRoutes find_machine_routes(const Topology& topology, const TransportRules& rules,
                                                const std::vector<NodeId>& nodes, const std::vector<NodeId>& gpus,
                                                const NetworkRoutes& network, SegmentPool& pool);

}  // namespace moesim
