#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topologies.hpp"

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Cable kCable = {10.0_GBps, 1.0_us};

ClusterConfig listed(std::vector<Node> nodes, std::vector<ExplicitLink> links) {
  ClusterConfig config;
  config.topology = "explicit";
  config.nodes_list = std::move(nodes);
  config.links = std::move(links);
  return config;
}

// Two GPUs under one switch, which hangs under another together with a third GPU: pix and pxb.
TEST(ExplicitGraph, CascadedSwitches_AreBuiltAsListed) {
  ClusterConfig config = listed({{"g0", NodeKind::gpu, 0},
                                 {"g1", NodeKind::gpu, 0},
                                 {"g2", NodeKind::gpu, 0},
                                 {"low", NodeKind::pcie_switch, 0},
                                 {"high", NodeKind::pcie_switch, 0}},
                                {{"g0", "low", LinkKind::pcie, kCable},
                                 {"g1", "low", LinkKind::pcie, kCable},
                                 {"low", "high", LinkKind::pcie, kCable},
                                 {"g2", "high", LinkKind::pcie, kCable}});
  const Topology topology = build_topology(config);
  EXPECT_EQ(topology.links().size(), 8U);
  config.transport.p2p_level = PathLevel::pxb;
  const PathTable paths(topology, config.transport);
  EXPECT_EQ(paths.path(rank(0), rank(1)).transport, Transport::pcie_p2p);
  EXPECT_THAT(stations(topology, paths.path(rank(0), rank(2))), ElementsAre("g0", "low", "high", "g2"));

  // Through two switches is farther than pix, and there is nowhere to stage.
  config.transport.p2p_level = PathLevel::pix;
  const auto problems = problems_of([&] { PathTable(topology, config.transport); });
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(problems[0].key, "transport");
  EXPECT_THAT(problems[0].message, HasSubstr("no transport from g0 to g2: farther than p2p_level (pix)"));
}

// NICs of two machines cabled back to back, without a switch.
TEST(ExplicitGraph, NicsBackToBack_NeedNoSwitch) {
  const ClusterConfig config = listed({{"g0", NodeKind::gpu, 0},
                                       {"n0", NodeKind::nic, 0},
                                       {"s0", NodeKind::pcie_switch, 0},
                                       {"g1", NodeKind::gpu, 1},
                                       {"n1", NodeKind::nic, 1},
                                       {"s1", NodeKind::pcie_switch, 1}},
                                      {{"g0", "s0", LinkKind::pcie, kCable},
                                       {"s0", "n0", LinkKind::pcie, kCable},
                                       {"n0", "n1", LinkKind::nic, kCable},
                                       {"n1", "s1", LinkKind::pcie, kCable},
                                       {"s1", "g1", LinkKind::pcie, kCable}});
  const Topology topology = build_topology(config);
  const PathTable paths(topology, config.transport);
  EXPECT_EQ(paths.path(rank(0), rank(1)).transport, Transport::net_direct);
  EXPECT_THAT(stations(topology, paths.path(rank(1), rank(0))), ElementsAre("g1", "s1", "n1", "n0", "s0", "g0"));
}

TEST(ExplicitGraph, OneDirection_IsOneLink) {
  const Topology topology = build_topology(
      listed({{"a", NodeKind::gpu, 0}, {"b", NodeKind::gpu, 0}},
             {{"a", "b", LinkKind::nvlink, kCable, false}, {"b", "a", LinkKind::nvlink, {5.0_GBps, 2.0_us}, false}}));
  ASSERT_EQ(topology.links().size(), 2U);
  EXPECT_EQ(topology.link(LinkId(1)).capacity, 5.0_GBps);
  const PathTable paths(topology, {});
  EXPECT_EQ(paths.path(rank(0), rank(1)).transport, Transport::nvlink);
  EXPECT_EQ(paths.path(rank(1), rank(0)).latency, 2.0_us);
}

TEST(ExplicitGraph, WrongNamesAndNumbers_AreAllNamed) {
  const auto problems = problems_of([] {
    static_cast<void>(
        build_topology(listed({{"a", NodeKind::gpu, 0}},
                              {{"a", "b", LinkKind::pcie, kCable}, {"c", "a", LinkKind::pcie, {0.0_GBps, 1.0_us}}})));
  });
  std::vector<std::string> keys;
  for (const Diagnostic& problem : problems) keys.push_back(problem.key);
  EXPECT_THAT(keys, ElementsAre("links[0].to", "links[1].bandwidth", "links[1].from"));
  EXPECT_THAT(problems[0].message, HasSubstr("\"b\" is not in nodes_list"));
}

TEST(ExplicitGraph, WithoutNodes_IsRefused) {
  const auto problems = problems_of([] { static_cast<void>(build_topology(listed({}, {}))); });
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems[0].key, "nodes_list");
}

}  // namespace
}  // namespace moesim
