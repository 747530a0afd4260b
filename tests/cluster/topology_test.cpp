#include "moesim/cluster/topology.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "moesim/base/diagnostic.hpp"

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

NodeId node(std::size_t index) { return NodeId(index); }

// Two GPUs of one machine under one switch.
const std::vector<Node> kNodes = {
    {"gpu0", NodeKind::gpu, 0}, {"gpu1", NodeKind::gpu, 0}, {"switch", NodeKind::pcie_switch, 0}};

Link pcie(std::size_t from, std::size_t to) {
  return {
      .from = node(from), .to = node(to), .kind = LinkKind::pcie, .capacity = 25.0_GBps, .latency = 1.0_us, .name = {}};
}

std::vector<Link> links() { return {pcie(0, 2), pcie(2, 0), pcie(1, 2), pcie(2, 1)}; }

/// Expects exactly one problem.
std::string problem(std::vector<Node> nodes, std::vector<Link> its_links) {
  const auto problems =
      problems_of([&] { static_cast<void>(Topology::create(std::move(nodes), std::move(its_links))); });
  EXPECT_EQ(problems.size(), 1U);
  return problems.empty() ? "" : problems.front().message;
}

TEST(Topology, SoundGraph_IsKeptAsGiven) {
  const Topology topology = Topology::create(kNodes, links());
  EXPECT_EQ(topology.ranks(), 2);
  EXPECT_EQ(topology.hosts(), 1);
  EXPECT_THAT(topology.gpus(), ElementsAre(node(0), node(1)));
  EXPECT_THAT(topology.links_from(node(2)), ElementsAre(LinkId(1), LinkId(3)));
  EXPECT_EQ(topology.link(LinkId(0)).name, "gpu0->switch");
  EXPECT_EQ(topology.host_of(rank(1)), 0);
}

TEST(Topology, ParallelLinks_GetDifferentNames) {
  std::vector<Link> doubled = links();
  doubled.push_back(pcie(0, 2));
  EXPECT_EQ(Topology::create(kNodes, doubled).link(LinkId(4)).name, "gpu0->switch#2");
}

TEST(Topology, DuplicateNodeName_IsRefused) {
  std::vector<Node> nodes = kNodes;
  nodes[1].name = "gpu0";
  EXPECT_THAT(problem(nodes, links()), HasSubstr("two nodes are called \"gpu0\""));
}

TEST(Topology, EmptyNodeName_IsRefused) {
  std::vector<Node> nodes = kNodes;
  nodes[2].name.clear();
  EXPECT_THAT(problem(nodes, links()), HasSubstr("node 2 has no name"));
}

TEST(Topology, MachineNumbersWithAGap_AreRefused) {
  std::vector<Node> nodes = kNodes;
  nodes.push_back({"alone", NodeKind::host_memory, 2});
  EXPECT_THAT(problem(nodes, links()), HasSubstr("no node belongs to machine 1"));
}

TEST(Topology, GpuOutsideMachines_IsRefused) {
  std::vector<Node> nodes = kNodes;
  for (Node& each : nodes) each.host = -1;
  const auto problems = problems_of([&] { static_cast<void>(Topology::create(nodes, links())); });
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_THAT(problems[0].message, HasSubstr("gpu \"gpu0\" belongs to no machine"));
}

TEST(Topology, NetworkSwitchInsideAMachine_IsRefused) {
  std::vector<Node> nodes = kNodes;
  nodes.push_back({"leaf", NodeKind::network_switch, 0});
  EXPECT_THAT(problem(nodes, links()), HasSubstr("network switch \"leaf\" belongs to machine 0"));
}

TEST(Topology, LinkToNoNode_IsRefused) {
  std::vector<Link> wrong = links();
  wrong.push_back(pcie(0, 7));
  EXPECT_THAT(problem(kNodes, wrong), HasSubstr("link 4 joins a node that does not exist (0 -> 7, there are 3 nodes)"));
}

TEST(Topology, LinkToItself_IsRefused) {
  std::vector<Link> wrong = links();
  wrong.push_back(pcie(2, 2));
  EXPECT_THAT(problem(kNodes, wrong), HasSubstr("link 4 joins \"switch\" to itself"));
}

TEST(Topology, PcieLinkBetweenMachines_IsRefused) {
  std::vector<Node> nodes = kNodes;
  nodes[1].host = 1;
  const auto problems = problems_of([&] { static_cast<void>(Topology::create(nodes, links())); });
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].message, HasSubstr("pcie link gpu1 -> switch leaves its machine"));
}

TEST(Topology, DuplicateLinkName_IsRefused) {
  std::vector<Link> wrong = links();
  wrong[0].name = wrong[3].name = "cable";
  EXPECT_THAT(problem(kNodes, wrong), HasSubstr("two links are called \"cable\""));
}

TEST(Topology, CapacityThatIsNotPositiveAndFinite_IsRefused) {
  for (const double capacity : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    std::vector<Link> wrong = links();
    wrong[1].capacity = {capacity};
    EXPECT_THAT(problem(kNodes, wrong), HasSubstr("link switch->gpu0 has a capacity of")) << capacity;
  }
}

TEST(Topology, LatencyThatIsNegativeOrInfinite_IsRefused) {
  for (const double latency : {-1e-9, std::numeric_limits<double>::infinity(), std::nan("")}) {
    std::vector<Link> wrong = links();
    wrong[2].latency = {latency};
    EXPECT_THAT(problem(kNodes, wrong), HasSubstr("link gpu1->switch has a latency of")) << latency;
  }
}

TEST(Topology, NoGpu_IsRefused) {
  EXPECT_THAT(problem({{"switch", NodeKind::network_switch, -1}}, {}), HasSubstr("there is no GPU"));
}

// gpu1 hears but cannot speak.
TEST(Topology, MissingDirection_IsRefusedWithTheWayThatIsMissing) {
  std::vector<Link> wrong = links();
  wrong.erase(wrong.begin() + 2);
  EXPECT_THAT(problem(kNodes, wrong), HasSubstr("no way from gpu1 to gpu0"));
}

TEST(Topology, SeveralFaults_AreReportedTogether) {
  std::vector<Node> nodes = kNodes;
  nodes[1].name = "gpu0";
  std::vector<Link> wrong = links();
  wrong[0].capacity = {0};
  wrong[1].latency = {-1};
  wrong.erase(wrong.begin() + 3);
  const auto problems = problems_of([&] { static_cast<void>(Topology::create(nodes, wrong)); });
  EXPECT_EQ(problems.size(), 4U);
}

TEST(Topology, NamesOfKinds_AreInTheOrderOfTheEnums) {
  for (const NamedNodeKind& named : kNodeKinds) EXPECT_EQ(node_kind_name(named.kind), named.name);
  for (const NamedLinkKind& named : kLinkKinds) EXPECT_EQ(link_kind_name(named.kind), named.name);
}

}  // namespace
}  // namespace moesim
