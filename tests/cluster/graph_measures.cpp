#include "cluster/graph_measures.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/edmonds_karp_max_flow.hpp>
#include <cmath>
#include <stdexcept>

namespace moesim {
namespace {

using Plain = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS>;

struct FlowEdge;
using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
struct FlowEdge {
  long capacity = 0;  // [kB/s], so that sums are exact
  long residual = 0;
  Traits::edge_descriptor reverse;
};
using FlowGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, FlowEdge>;

void add_flow_edge(FlowGraph& graph, std::size_t from, std::size_t to, long capacity) {
  const auto forward = boost::add_edge(from, to, graph).first;
  const auto backward = boost::add_edge(to, from, graph).first;
  graph[forward] = {capacity, 0, backward};
  graph[backward] = {0, 0, forward};
}

}  // namespace

int diameter(const Topology& topology) {
  Plain graph(topology.nodes().size());
  for (const Link& link : topology.links()) boost::add_edge(link.from.index(), link.to.index(), graph);
  int farthest = 0;
  for (const NodeId gpu : topology.gpus()) {
    std::vector<int> hops(topology.nodes().size(), 0);
    boost::breadth_first_search(
        graph, gpu.index(),
        boost::visitor(boost::make_bfs_visitor(boost::record_distances(hops.data(), boost::on_tree_edge()))));
    for (const NodeId other : topology.gpus()) farthest = std::max(farthest, hops[other.index()]);
  }
  return farthest;
}

double bisection_bandwidth(const Topology& topology) {
  const std::size_t source = topology.nodes().size();
  const std::size_t sink = source + 1;
  FlowGraph graph(sink + 1);
  long total = 0;
  for (const Link& link : topology.links()) {
    const long capacity = std::lround(link.capacity.value / 1e3);
    add_flow_edge(graph, link.from.index(), link.to.index(), capacity);
    total += capacity;
  }
  const std::size_t half = topology.gpus().size() / 2;
  for (std::size_t rank = 0; rank < topology.gpus().size(); ++rank) {
    const std::size_t gpu = topology.gpus()[rank].index();
    if (rank < half) {
      add_flow_edge(graph, source, gpu, total);
    } else {
      add_flow_edge(graph, gpu, sink, total);
    }
  }
  const long flow = boost::edmonds_karp_max_flow(graph, source, sink,
                                                 boost::capacity_map(boost::get(&FlowEdge::capacity, graph))
                                                     .residual_capacity_map(boost::get(&FlowEdge::residual, graph))
                                                     .reverse_edge_map(boost::get(&FlowEdge::reverse, graph)));
  return static_cast<double>(flow) * 1e3;
}

int count(const Topology& topology, NodeKind kind) {
  return static_cast<int>(std::ranges::count(topology.nodes(), kind, &Node::kind));
}

int count(const Topology& topology, LinkKind kind) {
  return static_cast<int>(std::ranges::count(topology.links(), kind, &Link::kind));
}

int degree(const Topology& topology, NodeId node, LinkKind kind) {
  const auto out =
      std::ranges::count_if(topology.links(), [&](const Link& l) { return l.from == node && l.kind == kind; });
  const auto in =
      std::ranges::count_if(topology.links(), [&](const Link& l) { return l.to == node && l.kind == kind; });
  if (in != out) throw std::logic_error("links of one direction only at " + topology.node(node).name);
  return static_cast<int>(out);
}

}  // namespace moesim
