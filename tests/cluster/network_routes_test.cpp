#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topologies.hpp"

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;
using ::testing::Each;
using ::testing::SizeIs;

/// `leaves` leaves with `hubs` hubs of `gpus` GPUs each under `spines` spines: a folded Clos with every cable of its
/// own.
ClusterConfig clos(int leaves, int hubs, int gpus, int spines) {
  const Cable cable = {10.0_GBps, 0.0_s};
  ClusterConfig config;
  config.topology = "explicit";
  for (int s = 0; s < spines; ++s)
    config.nodes_list.push_back({"spine" + std::to_string(s), NodeKind::network_switch, -1});
  int host = 0;
  for (int l = 0; l < leaves; ++l) {
    const std::string leaf = "leaf" + std::to_string(l);
    config.nodes_list.push_back({leaf, NodeKind::network_switch, -1});
    for (int s = 0; s < spines; ++s)
      config.links.push_back({leaf, "spine" + std::to_string(s), LinkKind::fabric, cable});
    for (int h = 0; h < hubs; ++h, ++host) {
      const std::string hub = "hub" + std::to_string(host);
      config.nodes_list.push_back({hub, NodeKind::hub, host});
      config.links.push_back({hub, leaf, LinkKind::nic, cable});
      for (int g = 0; g < gpus; ++g) {
        const std::string gpu = hub + "/gpu" + std::to_string(g);
        config.nodes_list.push_back({gpu, NodeKind::gpu, host});
        config.links.push_back({gpu, hub, LinkKind::ideal, cable});
      }
    }
  }
  return config;
}

// Pairs of ranks of two leaves take the four spines in turn: every uplink carries the same.
TEST(NetworkRoutes, SpinesOfAClos_ShareAllToAllEvenly) {
  const ClusterConfig config = clos(2, 2, 4, 4);
  const Topology topology = build_topology(config);
  const std::vector<double> loads = all_to_all_loads(topology, PathTable(topology, {}));
  std::vector<double> fabric;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    if (topology.links()[i].kind == LinkKind::fabric) fabric.push_back(loads[i]);
  }
  EXPECT_THAT(fabric, SizeIs(2 * 2 * 4));
  EXPECT_THAT(fabric, Each(8 * 8 / 4.0));
}

// A NIC with two ports, to two leaves that are not joined: both are used, in turn.
TEST(NetworkRoutes, PortsOfANic_AreTakenInTurn) {
  const Cable cable = {10.0_GBps, 0.0_s};
  ClusterConfig config;
  config.topology = "explicit";
  for (const char* leaf : {"leaf0", "leaf1"}) config.nodes_list.push_back({leaf, NodeKind::network_switch, -1});
  for (int host = 0; host < 2; ++host) {
    const std::string hub = "hub" + std::to_string(host);
    config.nodes_list.push_back({hub, NodeKind::hub, host});
    for (const char* leaf : {"leaf0", "leaf1"}) config.links.push_back({hub, leaf, LinkKind::nic, cable});
    for (int g = 0; g < 2; ++g) {
      config.nodes_list.push_back({hub + "/gpu" + std::to_string(g), NodeKind::gpu, host});
      config.links.push_back({hub + "/gpu" + std::to_string(g), hub, LinkKind::ideal, cable});
    }
  }
  const Topology topology = build_topology(config);
  const std::vector<double> loads = all_to_all_loads(topology, PathTable(topology, {}));
  for (std::size_t i = 0; i < loads.size(); ++i) {
    if (topology.links()[i].kind == LinkKind::nic) {
      EXPECT_EQ(loads[i], 2) << topology.links()[i].name;
    }
  }
}

// Minimal routes of a dragonfly pass at most three cables, of which one is global.
TEST(NetworkRoutes, Dragonfly_IsMinimal) {
  ClusterConfig config = sample_cluster("dragonfly");
  config.fabric.dimensions = {3, 7};
  config.fabric.nodes = 21;
  config.box.gpus = 1;
  const Topology topology = build_topology(config);
  const PathTable paths(topology, {});
  std::map<std::size_t, int> lengths;
  for (int from = 0; from < 21; ++from) {
    for (int to = 0; to < 21; ++to) {
      if (from != to) ++lengths[paths.path(rank(from), rank(to)).links.size() - 4];
    }
  }
  // From a router: 2 in its group and 2 at the other end of its own globals are one hop away, the rest two or three.
  EXPECT_EQ(lengths[1], 21 * (2 + 2));
  EXPECT_EQ(lengths.rbegin()->first, 3U);
}

}  // namespace
}  // namespace moesim
