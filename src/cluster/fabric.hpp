#pragma once

#include <vector>

#include "moesim/cluster/topologies.hpp"

#include "cluster/topology_builder.hpp"

namespace moesim {

/// Joins a port of a machine (a NIC, or a hub) to a network switch. The switch's latency is paid on the way out of it.
void connect_port(TopologyBuilder& builder, NodeId port, NodeId network_switch, const Cable& cable,
                  Seconds switch_latency);

/// One switch for all machines (fabric.nodes_per_leaf 0), or leaves of so many machines each under a spine. The spine
/// is one non-blocking node and each leaf's uplinks are one link of their sum: what a folded Clos with perfect
/// spreading carries. A leaf with fewer machines than the others has uplinks in proportion to its ports.
/// @param ports by machine: the nodes with a cable into the network; a single machine gets no network
void add_fat_tree(TopologyBuilder& builder, const FabricConfig& fabric, const std::vector<std::vector<NodeId>>& ports,
                  const Cable& cable);

/// Rails: NIC i of every machine of a pod (fabric.nodes_per_leaf machines; 0: all) goes to leaf i of the pod; a spine
/// over all leaves when there is more than one pod. Inside a pod, traffic changes rails inside the machines.
/// @param ports [machine][rail]
void add_rails(TopologyBuilder& builder, const FabricConfig& fabric, const std::vector<std::vector<NodeId>>& ports,
               const Cable& cable);

}  // namespace moesim
