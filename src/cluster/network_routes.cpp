#include "cluster/network_routes.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cluster/search_graph.hpp"

namespace moesim {
namespace {

/// Between two switches that many GPUs share, so many of the equally short routes are used side by side.
constexpr int kMostWays = 16;

bool is_switch(const Topology& topology, NodeId id) { return topology.node(id).kind == NodeKind::network_switch; }

bool is_network_link(const Link& link) { return link.kind == LinkKind::nic || link.kind == LinkKind::fabric; }

/// Nodes of machines that touch another machine without a switch between.
std::vector<NodeId> machine_points(const Topology& topology) {
  std::vector<bool> direct(topology.nodes().size(), false);
  for (const Link& link : topology.links()) {
    if (!is_network_link(link) || is_switch(topology, link.from) || is_switch(topology, link.to)) continue;
    direct[link.from.index()] = direct[link.to.index()] = true;
  }
  std::vector<NodeId> points;
  for (std::size_t i = 0; i < direct.size(); ++i) {
    if (direct[i]) points.emplace_back(i);
  }
  return points;
}

}  // namespace

NetworkRoutes::NetworkRoutes(const Topology& topology, SegmentPool& pool)
    : outward_(topology.nodes().size()), inward_(topology.nodes().size()) {
  std::vector<NodeId> points = machine_points(topology);
  const bool forwarding_gpus = !points.empty();
  for (std::size_t p = 0; p < points.size(); ++p) {
    const Attachment itself{.point = static_cast<std::uint32_t>(p), .link = std::nullopt};
    outward_[points[p].index()].push_back(itself);
    inward_[points[p].index()].push_back(itself);
  }

  // Switches with a machine below become points in the order of their first cable.
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> point_of(topology.nodes().size(), kNone);
  const auto switch_point = [&](NodeId id) {
    if (point_of[id.index()] == kNone) {
      point_of[id.index()] = static_cast<std::uint32_t>(points.size());
      points.push_back(id);
    }
    return point_of[id.index()];
  };
  for (std::size_t i = 0; i < topology.links().size(); ++i) {
    const Link& link = topology.links()[i];
    if (!is_network_link(link) || is_switch(topology, link.from) == is_switch(topology, link.to)) continue;
    if (is_switch(topology, link.to)) {
      outward_[link.from.index()].push_back({.point = switch_point(link.to), .link = LinkId(i)});
    } else {
      inward_[link.to.index()].push_back({.point = switch_point(link.from), .link = LinkId(i)});
    }
  }

  std::vector<NodeId> nodes = points;
  for (std::size_t i = 0; i < topology.nodes().size(); ++i) {
    if (is_switch(topology, NodeId(i)) && point_of[i] == kNone) nodes.emplace_back(i);
  }
  const SearchGraph graph(topology, nodes, is_network_link, [](const Node& node) {
    return node.kind == NodeKind::network_switch || node.kind == NodeKind::gpu;
  });

  points_ = points.size();
  hops_.assign(points_ * points_, kNoRoute);
  std::vector<SearchGraph::Tree> trees;
  std::vector<int> alternatives;  // [from * points + to]
  for (std::size_t from = 0; from < points_; ++from) {
    trees.push_back(graph.search(points[from]));
    const std::vector<int> to_each = graph.alternatives(trees[from], points, kMostWays);
    alternatives.insert(alternatives.end(), to_each.begin(), to_each.end());
    for (std::size_t to = 0; to < points_; ++to) {
      if (to_each[to] > 0) hops_[from * points_ + to] = trees[from].distance(points[to]).hops;
    }
  }
  complete_ = std::ranges::count(alternatives, 0) == 0;
  // A GPU that forwards has other GPUs' pairs to spread over; a switch's pairs are the GPUs below it.
  if (!forwarding_gpus && !alternatives.empty())
    ways_ = static_cast<std::size_t>(std::max(1, std::ranges::max(alternatives)));

  // Pairs without a choice first, so that the others know what they meet.
  routes_.resize(points_ * points_ * ways_);
  SearchGraph::Uses uses(topology);
  for (const bool choice : {false, true}) {
    for (std::size_t pair = 0; pair < alternatives.size(); ++pair) {
      if (alternatives[pair] == 0 || (alternatives[pair] > 1) != choice) continue;
      for (std::size_t way = 0; way < ways_; ++way) {
        const std::vector<LinkId> links = graph.spread_path(trees[pair / points_], points[pair % points_], uses);
        routes_[pair * ways_ + way] = pool.add(topology, links);
      }
    }
  }
}

}  // namespace moesim
