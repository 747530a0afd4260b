#pragma once

#include <string>
#include <utility>
#include <vector>

#include "moesim/cluster/topologies.hpp"
#include "moesim/cluster/topology.hpp"

namespace moesim {

/// Lists nodes and full-duplex cables for Topology::create.
class TopologyBuilder {
 public:
  NodeId add(NodeKind kind, std::string name, int host) {
    nodes_.push_back({.name = std::move(name), .kind = kind, .host = host});
    return NodeId(nodes_.size() - 1);
  }

  /// One direction.
  void link(NodeId from, NodeId to, LinkKind kind, const Cable& cable) {
    links_.push_back(
        {.from = from, .to = to, .kind = kind, .capacity = cable.bandwidth, .latency = cable.latency, .name = {}});
  }

  /// Both directions with the same numbers.
  void connect(NodeId a, NodeId b, LinkKind kind, const Cable& cable) {
    link(a, b, kind, cable);
    link(b, a, kind, cable);
  }

  [[nodiscard]] Topology build() && { return Topology::create(std::move(nodes_), std::move(links_)); }

 private:
  std::vector<Node> nodes_;
  std::vector<Link> links_;
};

}  // namespace moesim
