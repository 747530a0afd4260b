#include "moesim/cluster/paths.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "moesim/cluster/topologies.hpp"

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Cluster {
  explicit Cluster(const ClusterConfig& config) : topology(build_topology(config)), paths(topology, config.transport) {}

  [[nodiscard]] Transport transport(int from, int to) const { return paths.path(rank(from), rank(to)).transport; }
  [[nodiscard]] std::vector<std::string> stations(int from, int to) const {
    return moesim::stations(topology, paths.path(rank(from), rank(to)));
  }
  /// NIC by which a path leaves machine 0.
  [[nodiscard]] std::string nic(int from, int to) const {
    const auto names = stations(from, to);
    const auto found =
        std::ranges::find_if(names, [](const std::string& name) { return name.starts_with("host0/nic"); });
    return found == names.end() ? "" : *found;
  }

  Topology topology;
  PathTable paths;
};

ClusterConfig pcie_box(PathLevel p2p_level, PathLevel gdr_level = PathLevel::pxb) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.transport = {.p2p_level = p2p_level, .gdr_level = gdr_level, .pxn = true};
  return config;
}

TEST(PathTable, RankToItself_NeedsNoLink) {
  const Cluster cluster(pcie_box(PathLevel::phb));
  const Path path = cluster.paths.path(rank(3), rank(3));
  EXPECT_EQ(path.transport, Transport::self);
  EXPECT_TRUE(path.links.empty());
  EXPECT_EQ(path.latency, 0.0_s);
}

// GPUs 0 and 1 share a switch, 2 is on the same socket, 4 on the other.
TEST(PathTable, P2pLevel_DecidesHowFarPeersSpeakDirectly) {
  const std::vector<std::pair<PathLevel, std::vector<Transport>>> cases = {
      {PathLevel::local, {Transport::host_staged, Transport::host_staged, Transport::host_staged}},
      {PathLevel::nvlink, {Transport::host_staged, Transport::host_staged, Transport::host_staged}},
      {PathLevel::pix, {Transport::pcie_p2p, Transport::host_staged, Transport::host_staged}},
      {PathLevel::pxb, {Transport::pcie_p2p, Transport::host_staged, Transport::host_staged}},
      {PathLevel::phb, {Transport::pcie_p2p, Transport::pcie_p2p, Transport::host_staged}},
      {PathLevel::sys, {Transport::pcie_p2p, Transport::pcie_p2p, Transport::pcie_p2p}}};
  for (const auto& [level, expected] : cases) {
    const Cluster cluster(pcie_box(level));
    EXPECT_EQ(cluster.transport(0, 1), expected[0]) << path_level_name(level);
    EXPECT_EQ(cluster.transport(0, 2), expected[1]) << path_level_name(level);
    EXPECT_EQ(cluster.transport(0, 4), expected[2]) << path_level_name(level);
  }
}

TEST(PathTable, PeersUnderOneSwitch_StayBelowIt) {
  const Cluster cluster(pcie_box(PathLevel::phb));
  EXPECT_THAT(cluster.stations(0, 1), ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/gpu1"));
  EXPECT_THAT(cluster.stations(0, 2),
              ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/root_port0", "host0/socket0", "host0/root_port1",
                          "host0/pcie_switch1", "host0/gpu2"));
}

// Across sockets: written over the inter-socket link into the receiver's memory, read back from there.
TEST(PathTable, StagedPath_PassesTheReceiversMemory) {
  const Cluster cluster(pcie_box(PathLevel::phb));
  EXPECT_THAT(cluster.stations(0, 4),
              ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/root_port0", "host0/socket0", "host0/socket1",
                          "host0/memory1", "host0/socket1", "host0/root_port2", "host0/pcie_switch2", "host0/gpu4"));
  // 0.5 + 0.25 + 0 + 0.125 + 2 x 0.0625 + 0 + 0.25 + 0.5 us
  EXPECT_NEAR(cluster.paths.path(rank(0), rank(4)).latency.value, 1.75e-6, 1e-15);
}

TEST(PathTable, Bridges_CarryTheirPairOnly) {
  ClusterConfig config = pcie_box(PathLevel::phb);
  config.box.nvlink_pairs = true;
  const Cluster cluster(config);
  EXPECT_EQ(cluster.transport(0, 1), Transport::nvlink);
  EXPECT_THAT(cluster.stations(2, 3), ElementsAre("host0/gpu2", "host0/gpu3"));
  EXPECT_EQ(cluster.transport(1, 2), Transport::pcie_p2p);
}

// GPU 0 to GPU 8 of the next machine; the NIC has a root port of its own on socket 0.
TEST(PathTable, NicBeyondTheHostBridge_IsStagedUnlessGdrReaches) {
  const Cluster staged(pcie_box(PathLevel::phb, PathLevel::pxb));
  EXPECT_EQ(staged.transport(0, 8), Transport::net_staged);
  EXPECT_THAT(staged.stations(0, 8),
              ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/root_port0", "host0/socket0", "host0/memory0",
                          "host0/socket0", "host0/root_port4", "host0/nic0", "switch", "host1/nic0", "host1/root_port4",
                          "host1/socket0", "host1/memory0", "host1/socket0", "host1/root_port0", "host1/pcie_switch0",
                          "host1/gpu0"));
  const Cluster direct(pcie_box(PathLevel::phb, PathLevel::phb));
  EXPECT_EQ(direct.transport(0, 8), Transport::net_direct);
  EXPECT_EQ(direct.transport(0, 12), Transport::net_staged);  // GPU 4 of the next machine is on its other socket
  EXPECT_THAT(direct.stations(0, 8),
              ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/root_port0", "host0/socket0", "host0/root_port4",
                          "host0/nic0", "switch", "host1/nic0", "host1/root_port4", "host1/socket0", "host1/root_port0",
                          "host1/pcie_switch0", "host1/gpu0"));
}

// The buffer lies in the memory of the GPU's own socket, from where the NIC of the other socket reads it.
TEST(PathTable, StagedExit_UsesTheGpusOwnMemory) {
  const Cluster cluster(pcie_box(PathLevel::phb, PathLevel::pxb));
  const auto names = cluster.stations(4, 8);
  const std::vector<std::string> start(names.begin(), names.begin() + 9);
  EXPECT_THAT(start, ElementsAre("host0/gpu4", "host0/pcie_switch2", "host0/root_port2", "host0/socket1",
                                 "host0/memory1", "host0/socket1", "host0/socket0", "host0/root_port4", "host0/nic0"));
}

TEST(PathTable, NearestNic_IsUnderTheSameSwitch) {
  const Cluster cluster(sample_cluster("pcie_nic_per_pair"));
  for (int gpu = 0; gpu < 8; ++gpu) EXPECT_EQ(cluster.nic(gpu, 8), "host0/nic" + std::to_string(gpu / 2));
  EXPECT_THAT(cluster.stations(2, 15), ElementsAre("host0/gpu2", "host0/pcie_switch1", "host0/nic1", "switch",
                                                   "host1/nic3", "host1/pcie_switch3", "host1/gpu7"));
}

// Two NICs on socket 0, as near as each other to every GPU: taken in turn.
TEST(PathTable, EqualNics_AreTakenInTurn) {
  ClusterConfig config = pcie_box(PathLevel::phb);
  config.nic.count = 2;
  const Cluster cluster(config);
  for (int gpu = 0; gpu < 8; ++gpu) EXPECT_EQ(cluster.nic(gpu, 8), "host0/nic" + std::to_string(gpu % 2));
  config.nic.placement = NicPlacement::spread;
  const Cluster spread(config);
  for (int gpu = 0; gpu < 8; ++gpu) EXPECT_EQ(spread.nic(gpu, 8), "host0/nic" + std::to_string(gpu / 4));
}

TEST(PathTable, NvSwitch_JoinsAllGpusOfItsMachine) {
  const Cluster cluster(sample_cluster("nvlink_rails"));
  EXPECT_EQ(cluster.transport(0, 7), Transport::nvlink);
  EXPECT_THAT(cluster.stations(0, 7), ElementsAre("host0/gpu0", "host0/nv_switch", "host0/gpu7"));
}

// From GPU 0 to GPU 3 of the next machine: over NVLink to GPU 3, out on rail 3.
TEST(PathTable, Rails_AreChangedInsideTheMachine) {
  const Cluster cluster(sample_cluster("nvlink_rails"));
  EXPECT_THAT(cluster.stations(0, 8), ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/nic0", "pod0/rail0",
                                                  "host1/nic0", "host1/pcie_switch0", "host1/gpu0"));
  EXPECT_THAT(cluster.stations(0, 11),
              ElementsAre("host0/gpu0", "host0/nv_switch", "host0/gpu3", "host0/pcie_switch3", "host0/nic3",
                          "pod0/rail3", "host1/nic3", "host1/pcie_switch3", "host1/gpu3"));
  EXPECT_EQ(cluster.transport(0, 11), Transport::net_direct);
}

TEST(PathTable, RailsWithoutPxn_GoOverTheSpineOrNotAtAll) {
  ClusterConfig config = sample_cluster("nvlink_rails");
  config.transport.pxn = false;
  const Topology one_pod = build_topology(config);
  const auto problems = problems_of([&] { PathTable(one_pod, config.transport); });
  ASSERT_EQ(problems.size(), 9U);  // eight examples and the number of the rest
  EXPECT_THAT(problems[0].message,
              HasSubstr("no route from host0/gpu0 to host1/gpu1: the leaves of their NICs are not joined"));
  EXPECT_THAT(problems[8].message, HasSubstr("104 more"));  // 2 x 8 x 7 - 8
  config.fabric.nodes_per_leaf = 1;
  const Cluster pods(config);
  EXPECT_THAT(pods.stations(0, 11), ElementsAre("host0/gpu0", "host0/pcie_switch0", "host0/nic0", "pod0/rail0", "spine",
                                                "pod1/rail3", "host1/nic3", "host1/pcie_switch3", "host1/gpu3"));
}

TEST(PathTable, NoMemoryToStageThrough_IsExplained) {
  ClusterConfig config = sample_cluster("nvlink_rails");
  config.box.uplink = {};  // no processors' side
  config.transport.gdr_level = PathLevel::local;
  const Topology topology = build_topology(config);
  const auto problems = problems_of([&] { PathTable(topology, config.transport); });
  ASSERT_FALSE(problems.empty());
  EXPECT_THAT(problems[0].message,
              HasSubstr("host0/gpu0 cannot exchange bytes with host0/nic0: farther than gdr_level (loc)"));
}

// Ring of four, both ways round are as long for opposite points: half of the pairs go each way.
TEST(PathTable, TorusTies_AreSpread) {
  ClusterConfig config = sample_cluster("torus");
  config.fabric.dimensions = {4};
  config.fabric.nodes = 4;
  config.box.gpus = 1;
  const Cluster cluster(config);
  EXPECT_THAT(all_to_all_loads(cluster.topology, cluster.paths), ::testing::Each(2.0));
  EXPECT_EQ(cluster.transport(0, 2), Transport::net_direct);
}

// 4 x 4 x 4: 64 x 63 pairs with 3.05 hops on average over 384 links is 32 a link; each pair takes the best of
// its ways in its turn, which leaves some links up to a fifth above.
TEST(PathTable, TorusLoads_AreNearlyEven) {
  ClusterConfig config = sample_cluster("torus");
  config.fabric.dimensions = {4, 4, 4};
  config.fabric.nodes = 8;
  const Cluster cluster(config);
  const std::vector<double> loads = all_to_all_loads(cluster.topology, cluster.paths);
  EXPECT_EQ(std::accumulate(loads.begin(), loads.end(), 0.0), 32.0 * 384);
  EXPECT_LE(std::ranges::max(loads), 1.2 * 32);
}

TEST(PathTable, Copies_OutliveTheOriginal) {
  const ClusterConfig config = pcie_box(PathLevel::phb);
  const Topology topology = build_topology(config);
  auto first = std::make_unique<PathTable>(topology, config.transport);
  const PathTable copy = *first;
  const Path path = first->path(rank(0), rank(8));
  first.reset();
  EXPECT_TRUE(std::ranges::equal(stations(topology, path), stations(topology, copy.path(rank(0), rank(8)))));
}

TEST(LinkSequence, JoinsItsRuns) {
  const std::vector<LinkId> a = {LinkId(3), LinkId(1)};
  const std::vector<LinkId> c = {LinkId(4)};
  const LinkSequence links(a, {}, c);
  EXPECT_EQ(std::vector<LinkId>(links.begin(), links.end()), (std::vector<LinkId>{LinkId(3), LinkId(1), LinkId(4)}));
  EXPECT_EQ(links.size(), 3U);
  EXPECT_EQ(links.runs().size(), 2U);
  const LinkSequence none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.begin(), none.end());
}

TEST(PathLevel, Names_AreInTheOrderOfTheEnum) {
  for (const NamedPathLevel& named : kPathLevels) EXPECT_EQ(path_level_name(named.level), named.name);
}

}  // namespace
}  // namespace moesim
