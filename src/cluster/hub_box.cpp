#include "cluster/hub_box.hpp"

#include <fmt/format.h>
#include <utility>
#include <vector>

#include "cluster/fabric.hpp"

namespace moesim {

NodeId add_hub_box(TopologyBuilder& builder, const BoxConfig& box, int host) {
  const NodeId hub = builder.add(NodeKind::hub, fmt::format("host{}/hub", host), host);
  for (int g = 0; g < box.gpus; ++g) {
    const NodeId gpu = builder.add(NodeKind::gpu, fmt::format("host{}/gpu{}", host, g), host);
    builder.connect(gpu, hub, LinkKind::ideal, box.pcie);
  }
  return hub;
}

Cable hub_port(const NicConfig& nic) {
  return {.bandwidth = static_cast<double>(nic.count) * nic.port.bandwidth, .latency = nic.port.latency};
}

void check_hub_box(const ClusterConfig& config, ConfigCheck& check) {
  check.size(config);
  check.cable(config.box.pcie, "box.pcie");
  check.nic(config);
}

/// The reference clusters: GPU - hub - one switch or fat tree, and no link beside these.
Topology hub_box(const ClusterConfig& config) {
  ConfigCheck check;
  check_hub_box(config, check);
  check.fat_tree(config);
  check.finish();

  TopologyBuilder builder;
  std::vector<std::vector<NodeId>> ports;
  ports.reserve(static_cast<std::size_t>(config.fabric.nodes));
  for (int host = 0; host < config.fabric.nodes; ++host) ports.push_back({add_hub_box(builder, config.box, host)});
  add_fat_tree(builder, config.fabric, ports, hub_port(config.nic));
  return std::move(builder).build();
}

}  // namespace moesim
