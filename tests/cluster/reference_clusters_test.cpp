// The two reference clusters have exactly the links of the contract, and their ideal all-to-all (largest load /
// capacity) equals what one works out by hand.
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include "moesim/cluster/paths.hpp"

#include "cluster/graph_measures.hpp"
#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

/// Largest load over capacity when every rank sends `bytes` to every other.
double all_to_all_seconds(const ClusterConfig& config, double bytes) {
  const Topology topology = build_topology(config);
  const std::vector<double> loads = all_to_all_loads(topology, PathTable(topology, config.transport));
  double longest = 0;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    longest = std::max(longest, loads[i] * bytes / topology.links()[i].capacity.value);
  }
  return longest;
}

TEST(ReferenceSharedNic, HasOnlyTheLinksOfTheContract) {
  const Topology topology = build_topology(reference_cluster(4, 0));
  EXPECT_EQ(topology.ranks(), 32);
  EXPECT_EQ(topology.links().size(), 2U * (32 + 4));
  for (const Link& link : topology.links()) {
    EXPECT_EQ(link.latency.value, 0);
    EXPECT_EQ(link.capacity.value, link.kind == LinkKind::ideal ? 25e9 : 12.5e9) << link.name;
  }
  EXPECT_NEAR(bisection_bandwidth(topology), 25e9, 1e4);
}

TEST(ReferenceFatTree, HasUplinksOfHalfTheNics) {
  const Topology topology = build_topology(reference_cluster(20, 8));
  EXPECT_EQ(count(topology, NodeKind::network_switch), 3 + 1);
  std::vector<double> uplinks;
  for (const Link& link : topology.links()) {
    if (link.kind == LinkKind::fabric && topology.node(link.to).name == "spine") uplinks.push_back(link.capacity.value);
  }
  EXPECT_THAT(uplinks, ElementsAre(50e9, 50e9, 25e9));  // the last leaf has four machines
}

TEST(ReferenceClusters, Paths_AreDirect) {
  const ClusterConfig config = reference_cluster(9, 8);
  const Topology topology = build_topology(config);
  // Rules that forbid everything else do not matter in a hub.
  const PathTable paths(topology, {.p2p_level = PathLevel::local, .gdr_level = PathLevel::local, .pxn = true});
  const Path inside = paths.path(rank(0), rank(3));
  EXPECT_EQ(inside.transport, Transport::pcie_p2p);
  EXPECT_THAT(stations(topology, inside), ElementsAre("host0/gpu0", "host0/hub", "host0/gpu3"));
  const Path leaf = paths.path(rank(0), rank(9));
  EXPECT_EQ(leaf.transport, Transport::net_direct);
  EXPECT_THAT(stations(topology, leaf), ElementsAre("host0/gpu0", "host0/hub", "leaf0", "host1/hub", "host1/gpu1"));
  EXPECT_THAT(stations(topology, paths.path(rank(0), rank(71))),
              ElementsAre("host0/gpu0", "host0/hub", "leaf0", "spine", "leaf1", "host8/hub", "host8/gpu7"));
}

// 32 ranks, 1 MB to each: a NIC carries 8 x 24 messages, a GPU's link 31.
TEST(ReferenceSharedNic, AllToAll_IsBoundByTheNic) {
  EXPECT_DOUBLE_EQ(all_to_all_seconds(reference_cluster(4, 0), 1e6), 8 * 24 * 1e6 / 12.5e9);
}

// One machine: a GPU's own link, 7 messages.
TEST(ReferenceSharedNic, OneMachine_IsBoundByItsGpus) {
  EXPECT_DOUBLE_EQ(all_to_all_seconds(reference_cluster(1, 0), 1e6), 7 * 1e6 / 25e9);
}

// 128 ranks on two leaves: an uplink of 50 GB/s carries 64 x 64 messages (81.9 ms at 1 MB), a NIC 8 x 120 (76.8 ms).
TEST(ReferenceFatTree, AllToAll_IsBoundByTheUplinks) {
  EXPECT_DOUBLE_EQ(all_to_all_seconds(reference_cluster(16, 8), 1e6), 64 * 64 * 1e6 / 50e9);
}

// 256 ranks on four leaves: 64 x 192 messages over an uplink.
TEST(ReferenceFatTree, FourLeaves_AreBoundByTheUplinks) {
  EXPECT_DOUBLE_EQ(all_to_all_seconds(reference_cluster(32, 8), 1e6), 64 * 192 * 1e6 / 50e9);
}

}  // namespace
}  // namespace moesim
