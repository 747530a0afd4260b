// Shape of what each builder makes: numbers of nodes and links, degrees, diameter (hops between the farthest GPUs) and
// bisection bandwidth (maximum flow from the first half of the ranks to the second), worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "moesim/cluster/topologies.hpp"

#include "cluster/graph_measures.hpp"
#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;

/// Bytes per second, to within the rounding of the flow algorithm's whole kB/s.
constexpr double kRounding = 1e4;

// Machine: 8 GPUs + 4 switches + 4 root ports + 2 sockets + 2 memories + NIC + its root port = 22 nodes.
// Cables: 8 GPU, 4 uplink, 4 port-socket, 2 memory, 1 inter-socket, NIC-port, port-socket, NIC-switch = 22, both
// directions.
TEST(PcieSharedNic, TwoMachines_HaveTheCountedParts) {
  const Topology topology = build_topology(sample_cluster("pcie_shared_nic"));
  EXPECT_EQ(topology.ranks(), 16);
  EXPECT_EQ(topology.hosts(), 2);
  EXPECT_EQ(topology.nodes().size(), 2U * 22 + 1);
  EXPECT_EQ(topology.links().size(), 2U * 2 * 22);
  EXPECT_EQ(degree(topology, node_named(topology, "host0/gpu5"), LinkKind::pcie), 1);
  EXPECT_EQ(degree(topology, node_named(topology, "host1/pcie_switch3"), LinkKind::pcie), 3);
  EXPECT_EQ(degree(topology, node_named(topology, "host1/socket0"), LinkKind::pcie), 3);  // two switches, the NIC
  EXPECT_EQ(degree(topology, node_named(topology, "host1/socket1"), LinkKind::pcie), 2);
  EXPECT_EQ(degree(topology, node_named(topology, "host1/socket1"), LinkKind::inter_socket), 1);
  EXPECT_EQ(degree(topology, node_named(topology, "switch"), LinkKind::nic), 2);
  // GPU of socket 1: switch, port, socket 1, socket 0, port, NIC, switch, and the same in the other machine.
  EXPECT_EQ(diameter(topology), 14);
  EXPECT_NEAR(bisection_bandwidth(topology), 12.5e9, kRounding);  // one NIC
}

TEST(PcieSharedNic, OneMachine_IsCutAtTheInterSocketLink) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.fabric.nodes = 1;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, NodeKind::nic), 0);
  EXPECT_EQ(count(topology, NodeKind::network_switch), 0);
  EXPECT_EQ(diameter(topology), 7);
  EXPECT_NEAR(bisection_bandwidth(topology), 40e9, kRounding);
  config.box.inter_socket.bandwidth = 200.0_GBps;  // now the two uplinks of a socket
  EXPECT_NEAR(bisection_bandwidth(build_topology(config)), 2 * 31.5e9, kRounding);
}

TEST(PcieSharedNic, Bridges_JoinPairsDirectly) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.box.nvlink_pairs = true;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, LinkKind::nvlink), 2 * 8);
  EXPECT_EQ(degree(topology, node_named(topology, "host0/gpu6"), LinkKind::nvlink), 1);
}

TEST(PcieSharedNic, WithoutSwitches_EveryGpuHasItsRootPort) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.box.gpus_per_switch = 1;
  config.fabric.nodes = 1;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, NodeKind::pcie_switch), 0);
  EXPECT_EQ(count(topology, NodeKind::root_port), 8);
  EXPECT_EQ(degree(topology, node_named(topology, "host0/socket1"), LinkKind::pcie), 4);
  EXPECT_EQ(diameter(topology), 5);
}

TEST(PcieSharedNic, SpreadNics_HangOnBothSockets) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.nic.count = 2;
  EXPECT_EQ(degree(build_topology(config), node_named(build_topology(config), "host0/socket0"), LinkKind::pcie), 4);
  config.nic.placement = NicPlacement::spread;
  const Topology spread = build_topology(config);
  EXPECT_EQ(degree(spread, node_named(spread, "host0/socket0"), LinkKind::pcie), 3);
  EXPECT_EQ(degree(spread, node_named(spread, "host0/socket1"), LinkKind::pcie), 3);
  EXPECT_NEAR(bisection_bandwidth(spread), 2 * 12.5e9, kRounding);
}

// Four sockets are joined pairwise: six cables.
TEST(PcieSharedNic, Sockets_AreJoinedPairwise) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.box.sockets = 4;
  EXPECT_EQ(count(build_topology(config), LinkKind::inter_socket), 2 * 2 * 6);
}

TEST(PcieNicPerPair, EverySwitch_HasANic) {
  const Topology topology = build_topology(sample_cluster("pcie_nic_per_pair"));
  EXPECT_EQ(count(topology, NodeKind::nic), 2 * 4);
  EXPECT_EQ(degree(topology, node_named(topology, "host0/pcie_switch2"), LinkKind::pcie), 4);  // two GPUs, NIC, uplink
  EXPECT_EQ(degree(topology, node_named(topology, "switch"), LinkKind::nic), 8);
  // GPU, switch, NIC, network and back: 6 hops between machines; in a machine 7 across the sockets, 6 through the
  // network.
  EXPECT_EQ(diameter(topology), 6);
  EXPECT_NEAR(bisection_bandwidth(topology), 4 * 12.5e9, kRounding);
}

TEST(NvlinkRails, OnePod_HasALeafPerRailAndNoSpine) {
  ClusterConfig config = sample_cluster("nvlink_rails");
  config.fabric.nodes = 4;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, NodeKind::network_switch), 8);
  EXPECT_EQ(count(topology, LinkKind::fabric), 0);
  EXPECT_EQ(degree(topology, node_named(topology, "pod0/rail5"), LinkKind::nic), 4);
  EXPECT_EQ(degree(topology, node_named(topology, "host2/nv_switch"), LinkKind::nvlink), 8);
  EXPECT_EQ(degree(topology, node_named(topology, "host2/gpu1"), LinkKind::nvlink), 1);
  EXPECT_EQ(degree(topology, node_named(topology, "host2/pcie_switch1"), LinkKind::pcie), 3);  // GPU, NIC, root port
  EXPECT_NEAR(bisection_bandwidth(topology), 2 * 8 * 12.5e9, kRounding);                       // two machines' NICs
}

TEST(NvlinkRails, Pods_AreJoinedByASpine) {
  ClusterConfig config = sample_cluster("nvlink_rails");
  config.fabric.nodes = 4;
  config.fabric.nodes_per_leaf = 2;
  config.fabric.oversubscription = 4;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, NodeKind::network_switch), 2 * 8 + 1);
  EXPECT_EQ(count(topology, LinkKind::fabric), 2 * 2 * 8);
  // 8 leaves of two ports each, oversubscribed by 4.
  EXPECT_NEAR(bisection_bandwidth(topology), 8 * 2 * 12.5e9 / 4, kRounding);
}

TEST(NvlinkRails, OneMachineWithoutUplink_IsOnlyTheNvSwitch) {
  ClusterConfig config = sample_cluster("nvlink_rails");
  config.fabric.nodes = 1;
  config.box.uplink = {};
  const Topology topology = build_topology(config);
  EXPECT_EQ(topology.nodes().size(), 9U);
  EXPECT_EQ(diameter(topology), 2);
  EXPECT_NEAR(bisection_bandwidth(topology), 4 * 300e9, kRounding);
}

TEST(FatTree, LeavesOfMachines_ShareOversubscribedUplinks) {
  ClusterConfig config = sample_cluster("pcie_nic_per_pair");
  config.fabric.nodes = 5;
  config.fabric.nodes_per_leaf = 2;
  config.fabric.oversubscription = 2;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, NodeKind::network_switch), 3 + 1);
  EXPECT_EQ(degree(topology, node_named(topology, "spine"), LinkKind::fabric), 3);
  EXPECT_EQ(degree(topology, node_named(topology, "leaf0"), LinkKind::nic), 8);
  EXPECT_EQ(degree(topology, node_named(topology, "leaf2"), LinkKind::nic), 4);
  for (const Link& link : topology.links()) {
    if (link.kind != LinkKind::fabric) continue;
    const bool last = link.name.find("leaf2") != std::string::npos;
    EXPECT_DOUBLE_EQ(link.capacity.value, (last ? 4 : 8) * 12.5e9 / 2) << link.name;
  }
  EXPECT_EQ(diameter(topology), 8);
}

// 4 x 4 x 4: every GPU has six neighbours, at most 2 + 2 + 2 hops, and 2 x 4 x 4 cables cross the middle of the first
// dimension.
TEST(Torus, ThreeDimensions_HaveTextbookShape) {
  ClusterConfig config = sample_cluster("torus");
  config.fabric.dimensions = {4, 4, 4};
  config.fabric.nodes = 8;
  const Topology topology = build_topology(config);
  EXPECT_EQ(topology.ranks(), 64);
  EXPECT_EQ(topology.links().size(), 64U * 6);
  for (const NodeId gpu : topology.gpus()) EXPECT_EQ(degree(topology, gpu, LinkKind::fabric), 6);
  EXPECT_EQ(diameter(topology), 6);
  EXPECT_NEAR(bisection_bandwidth(topology), 2 * 16 * 50e9, kRounding);
}

// 2 x 8: one cable along the extent of two, a ring of eight along the other.
TEST(Torus, ExtentOfTwo_HasOneCableNotTwo) {
  ClusterConfig config = sample_cluster("torus");
  config.fabric.dimensions = {2, 8};
  const Topology topology = build_topology(config);
  for (const NodeId gpu : topology.gpus()) EXPECT_EQ(degree(topology, gpu, LinkKind::fabric), 3);
  EXPECT_EQ(diameter(topology), 1 + 4);
  EXPECT_NEAR(bisection_bandwidth(topology), 8 * 50e9, kRounding);
}

// 2 routers a group, 5 groups, one machine a router: every router holds two of the four global cables of its group.
TEST(Dragonfly, Canonical_HasShortRoutesAndOneCablePerPairOfGroups) {
  ClusterConfig config = sample_cluster("dragonfly");
  config.fabric.dimensions = {2, 5};
  config.fabric.nodes = 10;
  const Topology topology = build_topology(config);
  EXPECT_EQ(count(topology, NodeKind::network_switch), 10);
  EXPECT_EQ(count(topology, LinkKind::fabric), 2 * (5 + 10));  // five local cables, ten global ones
  for (const Node& node : topology.nodes()) {
    if (node.kind == NodeKind::network_switch) {
      EXPECT_EQ(degree(topology, node_named(topology, node.name), LinkKind::fabric), 1 + 2);
    }
  }
  EXPECT_EQ(diameter(topology), 2 + 2 + 3);  // GPU, hub; router, local, global, local; hub, GPU
}

// Two groups of two routers: half against half is the one global cable.
TEST(Dragonfly, HalfAgainstHalf_IsCutAtTheGlobalCables) {
  ClusterConfig config = sample_cluster("dragonfly");
  config.fabric.dimensions = {2, 2};
  config.fabric.nodes = 8;
  config.nic.port.bandwidth = 100.0_GBps;
  const Topology topology = build_topology(config);
  EXPECT_EQ(degree(topology, node_named(topology, "group0/router1"), LinkKind::nic), 2);
  EXPECT_NEAR(bisection_bandwidth(topology), 25e9, kRounding);
}

TEST(Latency, OfASwitch_IsPaidOnTheWayOut) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.fabric.nodes_per_leaf = 1;
  const Topology topology = build_topology(config);
  for (const Link& link : topology.links()) {
    const bool from_switch = topology.node(link.from).kind == NodeKind::network_switch;
    if (link.kind == LinkKind::fabric) {
      EXPECT_DOUBLE_EQ(link.latency.value, 0.3e-6);
    } else if (link.kind == LinkKind::nic) {
      EXPECT_DOUBLE_EQ(link.latency.value, from_switch ? 1.3e-6 : 1e-6);
    }
  }
}

}  // namespace
}  // namespace moesim
