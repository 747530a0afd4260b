#pragma once

#include "moesim/cluster/topologies.hpp"

#include "cluster/config_check.hpp"
#include "cluster/topology_builder.hpp"

namespace moesim {

/// Machine whose GPUs each have one link into a hub that limits nothing itself.
/// @return the hub
[[nodiscard]] NodeId add_hub_box(TopologyBuilder& builder, const BoxConfig& box, int host);

/// A hub's cable into the network: its NICs together (`nic.count` ports with traffic spread evenly).
[[nodiscard]] Cable hub_port(const NicConfig& nic);

void check_hub_box(const ClusterConfig& config, ConfigCheck& check);

}  // namespace moesim
