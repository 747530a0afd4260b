#include "cluster/search_graph.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <string>
#include <vector>

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

const auto kAnyLink = [](const Link&) { return true; };
const auto kSwitches = [](const Node& node) { return node.kind == NodeKind::network_switch; };

/// `gpus` GPUs of a machine each, then `switches` switches; links "from to latency" among them, one direction.
struct Edge {
  std::size_t from;
  std::size_t to;
  int picoseconds;
};
Topology network(std::size_t gpus, std::size_t switches, const std::vector<Edge>& edges) {
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < gpus; ++i) nodes.push_back({"g" + std::to_string(i), NodeKind::gpu, static_cast<int>(i)});
  for (std::size_t i = 0; i < switches; ++i) nodes.push_back({"s" + std::to_string(i), NodeKind::network_switch, -1});
  std::vector<Link> links;
  for (const Edge& edge : edges) {
    links.push_back({.from = NodeId(edge.from),
                     .to = NodeId(edge.to),
                     .kind = LinkKind::fabric,
                     .capacity = BytesPerSecond{1e9},
                     .latency = Seconds{edge.picoseconds * 1e-12},
                     .name = {}});
  }
  return Topology::create(std::move(nodes), std::move(links));
}

std::vector<NodeId> all_nodes(const Topology& topology) {
  std::vector<NodeId> nodes;
  for (std::size_t i = 0; i < topology.nodes().size(); ++i) nodes.emplace_back(i);
  return nodes;
}

// g0 -> s2 -> g1 (2 hops, slow) and g0 -> s3 -> s4 -> g1 (3 hops, fast): hops decide.
TEST(SearchGraph, FewerHops_BeatLowerLatency) {
  const Topology topology =
      network(2, 3, {{0, 2, 900}, {2, 1, 900}, {0, 3, 1}, {3, 4, 1}, {4, 1, 1}, {1, 2, 1}, {2, 0, 1}});
  const SearchGraph graph(topology, all_nodes(topology), kAnyLink, kSwitches);
  EXPECT_THAT(graph.path(graph.search(NodeId(0)), NodeId(1)), ElementsAre(LinkId(0), LinkId(1)));
}

// Two ways of two hops: the faster one; then the one with lower numbers when both are as fast.
TEST(SearchGraph, AmongEqualHops_LatencyThenLinkNumberDecide) {
  const std::vector<Edge> back = {{1, 2, 5}, {2, 0, 5}};
  std::vector<Edge> edges = {{0, 2, 5}, {2, 1, 5}, {0, 3, 5}, {3, 1, 4}};
  edges.insert(edges.end(), back.begin(), back.end());
  const Topology faster = network(2, 2, edges);
  const SearchGraph by_latency(faster, all_nodes(faster), kAnyLink, kSwitches);
  EXPECT_THAT(by_latency.path(by_latency.search(NodeId(0)), NodeId(1)), ElementsAre(LinkId(2), LinkId(3)));
  edges[3].picoseconds = 5;
  const Topology equal = network(2, 2, edges);
  const SearchGraph by_number(equal, all_nodes(equal), kAnyLink, kSwitches);
  EXPECT_THAT(by_number.path(by_number.search(NodeId(0)), NodeId(1)), ElementsAre(LinkId(0), LinkId(1)));
}

// g0 - g1 - g2 in a row: GPUs do not forward.
TEST(SearchGraph, NodesThatDoNotForward_EndPaths) {
  const Topology topology = network(3, 0, {{0, 1, 1}, {1, 0, 1}, {1, 2, 1}, {2, 1, 1}});
  const SearchGraph graph(topology, all_nodes(topology), kAnyLink, kSwitches);
  const SearchGraph::Tree tree = graph.search(NodeId(0));
  EXPECT_TRUE(tree.reaches(NodeId(1)));
  EXPECT_FALSE(tree.reaches(NodeId(2)));
}

// Three spines between two leaves: three ways, and three routes use one each.
TEST(SearchGraph, EqualWays_AreUsedEvenly) {
  std::vector<Edge> edges = {{0, 2, 1}, {2, 0, 1}, {1, 3, 1}, {3, 1, 1}};
  for (std::size_t spine = 4; spine < 7; ++spine) {
    for (std::size_t leaf = 2; leaf < 4; ++leaf) {
      edges.push_back({leaf, spine, 1});
      edges.push_back({spine, leaf, 1});
    }
  }
  const Topology topology = network(2, 5, edges);
  const SearchGraph graph(topology, all_nodes(topology), kAnyLink, kSwitches);
  const SearchGraph::Tree tree = graph.search(NodeId(2));
  const std::vector<NodeId> targets = {NodeId(3), NodeId(4), NodeId(0)};
  EXPECT_THAT(graph.alternatives(tree, targets, 16), ElementsAre(3, 1, 1));
  EXPECT_THAT(graph.alternatives(tree, targets, 2), ElementsAre(2, 1, 1));
  SearchGraph::Uses uses(topology);
  for (int route = 0; route < 6; ++route) EXPECT_EQ(graph.spread_path(tree, NodeId(3), uses).size(), 2U);
  for (std::size_t i = 0; i < topology.links().size(); ++i) {
    const Link& link = topology.links()[i];
    const bool upward = link.from == NodeId(2) && link.to != NodeId(0);
    const bool downward = link.to == NodeId(3) && link.from != NodeId(1);
    EXPECT_EQ(uses.of(LinkId(i)), upward || downward ? 2U : 0U) << link.name;
  }
}

// Against Floyd and Warshall's recurrence on random networks.
RC_GTEST_PROP(SearchGraph, DistancesAreThoseOfFloydWarshall, ()) {
  const std::size_t gpus = 2;
  const std::size_t nodes = gpus + *rc::gen::inRange<std::size_t>(1, 6);
  std::vector<Edge> edges;
  for (std::size_t gpu = 0; gpu < gpus; ++gpu) {  // connected in any case
    edges.push_back({gpu, gpus, 7});
    edges.push_back({gpus, gpu, 7});
  }
  const int more = *rc::gen::inRange(0, 20);
  for (int i = 0; i < more; ++i) {
    const std::size_t from = *rc::gen::inRange<std::size_t>(0, nodes);
    const std::size_t to = *rc::gen::inRange<std::size_t>(0, nodes);
    if (from != to) edges.push_back({from, to, *rc::gen::inRange(0, 9)});
  }
  const Topology topology = network(gpus, nodes - gpus, edges);
  const SearchGraph graph(topology, all_nodes(topology), kAnyLink, kSwitches);

  std::vector<std::vector<Distance>> expected(nodes, std::vector<Distance>(nodes, kUnreachable));
  for (std::size_t i = 0; i < nodes; ++i) expected[i][i] = {};
  for (const Edge& edge : edges)
    expected[edge.from][edge.to] = std::min(expected[edge.from][edge.to], {1, edge.picoseconds});
  for (std::size_t via = gpus; via < nodes; ++via) {
    for (std::size_t from = 0; from < nodes; ++from) {
      for (std::size_t to = 0; to < nodes; ++to) {
        const Distance& a = expected[from][via];
        const Distance& b = expected[via][to];
        if (a == kUnreachable || b == kUnreachable) continue;
        expected[from][to] = std::min(expected[from][to], {a.hops + b.hops, a.picoseconds + b.picoseconds});
      }
    }
  }
  for (std::size_t from = 0; from < nodes; ++from) {
    const SearchGraph::Tree tree = graph.search(NodeId(from));
    for (std::size_t to = 0; to < nodes; ++to) {
      RC_ASSERT(tree.distance(NodeId(to)) == expected[from][to]);
      if (!tree.reaches(NodeId(to))) continue;
      const std::vector<LinkId> links = graph.path(tree, NodeId(to));
      RC_ASSERT(static_cast<int>(links.size()) == expected[from][to].hops);
      SearchGraph::Uses uses(topology);
      RC_ASSERT(graph.spread_path(tree, NodeId(to), uses).size() == links.size());
      RC_ASSERT((links.empty() ||
                 topology.link(links.front()).from == NodeId(from)));  // parentheses: || must not evaluate both
      RC_ASSERT((links.empty() || topology.link(links.back()).to == NodeId(to)));
    }
  }
}

}  // namespace
}  // namespace moesim
