#include <fmt/format.h>
#include <utility>

#include "cluster/box_parts.hpp"
#include "cluster/fabric.hpp"

namespace moesim {
namespace {

/// The processors' side is only needed for staging through host memory: it is there when box.uplink is.
bool has_sockets(const BoxConfig& box) { return box.uplink.bandwidth.value != 0; }

void check_config(const ClusterConfig& config) {
  ConfigCheck check;
  check.size(config);
  check.cable(config.box.nvlink, "box.nvlink");
  if (config.fabric.nodes > 1 || has_sockets(config.box)) check.cable(config.box.pcie, "box.pcie");
  if (has_sockets(config.box)) {
    check.in_range(config.box.sockets, 1, 64, "box.sockets");
    check.cable(config.box.uplink, "box.uplink");
    if (config.box.sockets > 1) check.cable(config.box.inter_socket, "box.inter_socket");
    check.cable(config.box.host_memory, "box.host_memory");
  }
  check.nic(config);
  check.fat_tree(config);
  check.finish();
}

}  // namespace

/// All GPUs on one NVSwitch (a machine's several chips are one non-blocking node); GPU i and NIC i under PCIe switch i.
Topology nvlink_box_rails(const ClusterConfig& config) {
  check_config(config);
  const BoxConfig& box = config.box;
  TopologyBuilder builder;
  std::vector<std::vector<NodeId>> ports;
  for (int host = 0; host < config.fabric.nodes; ++host) {
    const NodeId nv_switch = builder.add(NodeKind::nv_switch, fmt::format("host{}/nv_switch", host), host);
    const std::vector<NodeId> sockets = has_sockets(box) ? add_sockets(builder, box, host) : std::vector<NodeId>{};
    std::vector<NodeId>& nics = ports.emplace_back();
    for (int g = 0; g < box.gpus; ++g) {
      const NodeId gpu = builder.add(NodeKind::gpu, fmt::format("host{}/gpu{}", host, g), host);
      builder.connect(gpu, nv_switch, LinkKind::nvlink, box.nvlink);
      if (config.fabric.nodes == 1 && sockets.empty()) continue;
      const NodeId pcie_switch = builder.add(NodeKind::pcie_switch, fmt::format("host{}/pcie_switch{}", host, g), host);
      builder.connect(gpu, pcie_switch, LinkKind::pcie, box.pcie);
      if (!sockets.empty()) {
        const NodeId socket = sockets[block_of(g, box.gpus, sockets.size())];
        attach_to_socket(builder, pcie_switch, box.uplink, instant(box.uplink), socket, host, g);
      }
      if (config.fabric.nodes == 1) continue;
      nics.push_back(builder.add(NodeKind::nic, fmt::format("host{}/nic{}", host, g), host));
      builder.connect(nics.back(), pcie_switch, LinkKind::pcie, box.pcie);
    }
  }
  add_rails(builder, config.fabric, ports, config.nic.port);
  return std::move(builder).build();
}

}  // namespace moesim
