#include "cluster/search_graph.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/property_map/function_property_map.hpp>
#include <cmath>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr std::uint32_t kNoVertex = std::numeric_limits<std::uint32_t>::max();

struct VertexData {
  bool forwards = false;
};
struct EdgeData {
  LinkId link;
  Distance length;
};

Distance sum(const Distance& a, const Distance& b) {
  if (a == kUnreachable || b == kUnreachable) return kUnreachable;
  return {a.hops + b.hops, a.picoseconds + b.picoseconds};
}

}  // namespace

struct SearchGraph::Graph {
  using Type = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, VertexData, EdgeData>;
  using Edge = boost::graph_traits<Type>::edge_descriptor;
  Type graph;

  /// Whether a path from `source` may leave `vertex`.
  [[nodiscard]] bool may_leave(std::size_t vertex, std::size_t source) const {
    return vertex == source || graph[vertex].forwards;
  }

  /// The last links of the shortest paths from the tree's source to `vertex`, by LinkId (in-edges keep the order of
  /// insertion).
  template <class Visit>
  void visit_last_edges(const Tree& tree, std::size_t vertex, Visit&& visit) const {
    const auto range = boost::in_edges(vertex, graph);
    for (auto edge = range.first; edge != range.second; ++edge) {
      const std::size_t from = boost::source(*edge, graph);
      const Distance& before = tree.distances_[from];
      if (!may_leave(from, tree.source_) || before == kUnreachable) continue;
      if (sum(before, graph[*edge].length) == tree.distances_[vertex]) visit(from, graph[*edge].link);
    }
  }
};

SearchGraph::SearchGraph(const Topology& topology, std::vector<NodeId> nodes,
                         const std::function<bool(const Link&)>& uses, const std::function<bool(const Node&)>& forwards)
    : graph_(std::make_unique<Graph>()) {
  if (nodes.empty()) return;
  const auto [lowest, highest] = std::ranges::minmax(nodes);
  first_node_ = lowest.value;
  vertex_of_.assign(highest.value - lowest.value + 1, kNoVertex);
  graph_->graph = Graph::Type(nodes.size());
  for (std::size_t v = 0; v < nodes.size(); ++v) {
    vertex_of_[nodes[v].value - first_node_] = static_cast<std::uint32_t>(v);
    graph_->graph[v].forwards = forwards(topology.node(nodes[v]));
  }
  std::vector<LinkId> links;
  for (const NodeId node : nodes) {
    for (const LinkId id : topology.links_from(node)) {
      const Link& link = topology.link(id);
      if (vertex(link.to) != kNoVertex && uses(link)) links.push_back(id);
    }
  }
  std::ranges::sort(links);
  for (const LinkId id : links) {
    const Link& link = topology.link(id);
    const Distance length{1, std::llround(link.latency.value * 1e12)};
    boost::add_edge(vertex(link.from), vertex(link.to), EdgeData{id, length}, graph_->graph);
  }
}

SearchGraph::~SearchGraph() = default;
SearchGraph::SearchGraph(SearchGraph&&) noexcept = default;
SearchGraph& SearchGraph::operator=(SearchGraph&&) noexcept = default;

std::size_t SearchGraph::vertex(NodeId node) const {
  if (node.value < first_node_ || node.value - first_node_ >= vertex_of_.size()) return kNoVertex;
  return vertex_of_[node.value - first_node_];
}

Distance SearchGraph::Tree::distance(NodeId to) const {
  const std::size_t vertex = graph_->vertex(to);
  return vertex == kNoVertex ? kUnreachable : distances_[vertex];
}

SearchGraph::Tree SearchGraph::search(NodeId from) const {
  Tree tree;
  tree.graph_ = this;
  tree.source_ = vertex(from);
  MOESIM_EXPECTS(tree.source_ != kNoVertex);
  const auto& graph = graph_->graph;
  tree.distances_.assign(boost::num_vertices(graph), kUnreachable);
  const auto lengths = boost::make_function_property_map<Graph::Edge, Distance>([&](const Graph::Edge& edge) {
    return graph_->may_leave(boost::source(edge, graph), tree.source_) ? graph[edge].length : kUnreachable;
  });
  const auto distances =
      boost::make_iterator_property_map(tree.distances_.begin(), boost::get(boost::vertex_index, graph));
  boost::dijkstra_shortest_paths(graph, tree.source_,
                                 boost::weight_map(lengths)
                                     .distance_map(distances)
                                     .distance_compare(std::less<>())
                                     .distance_combine(&sum)
                                     .distance_inf(kUnreachable)
                                     .distance_zero(Distance{}));
  return tree;
}

std::vector<int> SearchGraph::alternatives(const Tree& tree, std::span<const NodeId> targets, int most) const {
  // The ways to a vertex are those to its predecessors together; nearest first.
  std::vector<std::size_t> order;
  for (std::size_t v = 0; v < tree.distances_.size(); ++v) {
    if (tree.distances_[v] != kUnreachable) order.push_back(v);
  }
  std::ranges::sort(order, {}, [&](std::size_t v) { return tree.distances_[v]; });
  std::vector<int> ways(tree.distances_.size(), 0);
  ways[tree.source_] = 1;
  for (const std::size_t v : order) {
    graph_->visit_last_edges(tree, v,
                             [&](std::size_t from, LinkId) { ways[v] = std::min(most, ways[v] + ways[from]); });
  }
  std::vector<int> result;
  for (const NodeId target : targets) result.push_back(ways[vertex(target)]);
  return result;
}

std::vector<LinkId> SearchGraph::path(const Tree& tree, NodeId to) const {
  MOESIM_EXPECTS(tree.reaches(to));
  std::vector<LinkId> links;
  for (std::size_t at = vertex(to); at != tree.source_;) {
    std::size_t before = kNoVertex;
    graph_->visit_last_edges(tree, at, [&](std::size_t from, LinkId link) {
      if (before != kNoVertex) return;
      before = from;
      links.push_back(link);
    });
    MOESIM_ENSURES(before != kNoVertex);
    at = before;
  }
  std::ranges::reverse(links);
  return links;
}

std::vector<LinkId> SearchGraph::spread_path(const Tree& tree, NodeId to, Uses& uses) const {
  MOESIM_EXPECTS(tree.reaches(to));
  uses.ways_.resize(tree.distances_.size());
  // All vertices on shortest paths; each link of one comes from a layer nearer, so they are found farthest first.
  std::vector<std::size_t> on_the_way{vertex(to)};
  uses.ways_[vertex(to)].open = true;
  for (std::size_t i = 0; i < on_the_way.size(); ++i) {
    if (on_the_way[i] == tree.source_) continue;
    graph_->visit_last_edges(tree, on_the_way[i], [&](std::size_t from, LinkId) {
      if (!std::exchange(uses.ways_[from].open, true)) on_the_way.push_back(from);
    });
  }
  // The way to each vertex, nearest first.
  std::ranges::reverse(on_the_way);
  for (const std::size_t v : on_the_way) {
    if (v == tree.source_) continue;
    bool first = true;
    Uses::Way best;
    graph_->visit_last_edges(tree, v, [&](std::size_t from, LinkId link) {
      const Uses::Way& before = uses.ways_[from];
      const Uses::Way way{std::max(before.most, uses.of(link)), before.sum + uses.of(link), from, link, true};
      if (first || std::pair(way.most, way.sum) < std::pair(best.most, best.sum)) best = way;
      first = false;
    });
    uses.ways_[v] = best;
  }
  std::vector<LinkId> links;
  for (std::size_t at = vertex(to); at != tree.source_; at = uses.ways_[at].from) {
    links.push_back(uses.ways_[at].last);
    ++uses.by_link_[links.back().index()];
  }
  std::ranges::reverse(links);
  for (const std::size_t v : on_the_way) uses.ways_[v] = {};
  return links;
}

}  // namespace moesim
