#include "cluster/fabric.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesim {
namespace {

struct Leaf {
  NodeId node;
  std::size_t ports = 0;
};

void add_spine(TopologyBuilder& builder, const FabricConfig& fabric, const std::vector<Leaf>& leaves,
               const Cable& port) {
  const NodeId spine = builder.add(NodeKind::network_switch, "spine", -1);
  for (const Leaf& leaf : leaves) {
    const Cable uplink{.bandwidth = static_cast<double>(leaf.ports) * port.bandwidth / fabric.oversubscription,
                       .latency = fabric.switch_latency};
    builder.connect(leaf.node, spine, LinkKind::fabric, uplink);
  }
}

}  // namespace

void connect_port(TopologyBuilder& builder, NodeId port, NodeId network_switch, const Cable& cable,
                  Seconds switch_latency) {
  builder.link(port, network_switch, LinkKind::nic, cable);
  builder.link(network_switch, port, LinkKind::nic,
               {.bandwidth = cable.bandwidth, .latency = cable.latency + switch_latency});
}

void add_fat_tree(TopologyBuilder& builder, const FabricConfig& fabric, const std::vector<std::vector<NodeId>>& ports,
                  const Cable& cable) {
  if (ports.size() < 2) return;
  const bool tree = fabric.nodes_per_leaf > 0;
  const std::size_t machines_per_leaf = tree ? static_cast<std::size_t>(fabric.nodes_per_leaf) : ports.size();
  std::vector<Leaf> leaves;
  for (std::size_t first = 0; first < ports.size(); first += machines_per_leaf) {
    const std::string name = tree ? fmt::format("leaf{}", leaves.size()) : "switch";
    Leaf leaf{.node = builder.add(NodeKind::network_switch, name, -1), .ports = 0};
    for (std::size_t machine = first; machine < std::min(first + machines_per_leaf, ports.size()); ++machine) {
      for (const NodeId port : ports[machine]) connect_port(builder, port, leaf.node, cable, fabric.switch_latency);
      leaf.ports += ports[machine].size();
    }
    leaves.push_back(leaf);
  }
  if (tree) add_spine(builder, fabric, leaves, cable);
}

void add_rails(TopologyBuilder& builder, const FabricConfig& fabric, const std::vector<std::vector<NodeId>>& ports,
               const Cable& cable) {
  if (ports.size() < 2) return;
  const std::size_t machines_per_pod =
      fabric.nodes_per_leaf > 0 ? static_cast<std::size_t>(fabric.nodes_per_leaf) : ports.size();
  std::vector<Leaf> leaves;
  for (std::size_t first = 0; first < ports.size(); first += machines_per_pod) {
    const std::size_t last = std::min(first + machines_per_pod, ports.size());
    for (std::size_t rail = 0; rail < ports[first].size(); ++rail) {
      const std::string name = fmt::format("pod{}/rail{}", first / machines_per_pod, rail);
      const Leaf leaf{.node = builder.add(NodeKind::network_switch, name, -1), .ports = last - first};
      for (std::size_t machine = first; machine < last; ++machine) {
        connect_port(builder, ports[machine][rail], leaf.node, cable, fabric.switch_latency);
      }
      leaves.push_back(leaf);
    }
  }
  if (machines_per_pod < ports.size()) add_spine(builder, fabric, leaves, cable);
}

}  // namespace moesim
