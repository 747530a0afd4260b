#include "cluster/box_parts.hpp"

#include <fmt/format.h>

namespace moesim {

std::vector<NodeId> add_sockets(TopologyBuilder& builder, const BoxConfig& box, int host) {
  std::vector<NodeId> sockets;
  for (int s = 0; s < box.sockets; ++s) {
    sockets.push_back(builder.add(NodeKind::socket, fmt::format("host{}/socket{}", host, s), host));
    const NodeId memory = builder.add(NodeKind::host_memory, fmt::format("host{}/memory{}", host, s), host);
    builder.connect(sockets.back(), memory, LinkKind::host_memory, box.host_memory);
    for (std::size_t other = 0; other + 1 < sockets.size(); ++other) {
      builder.connect(sockets[other], sockets.back(), LinkKind::inter_socket, box.inter_socket);
    }
  }
  return sockets;
}

void attach_to_socket(TopologyBuilder& builder, NodeId device, const Cable& cable, const Cable& inner, NodeId socket,
                      int host, int index) {
  const NodeId port = builder.add(NodeKind::root_port, fmt::format("host{}/root_port{}", host, index), host);
  builder.connect(device, port, LinkKind::pcie, cable);
  builder.connect(port, socket, LinkKind::pcie, inner);
}

PcieBox add_pcie_box(TopologyBuilder& builder, const BoxConfig& box, int host) {
  std::vector<NodeId> gpus;
  gpus.reserve(static_cast<std::size_t>(box.gpus));
  for (int g = 0; g < box.gpus; ++g)
    gpus.push_back(builder.add(NodeKind::gpu, fmt::format("host{}/gpu{}", host, g), host));
  PcieBox tree;
  tree.sockets = add_sockets(builder, box, host);
  if (box.gpus_per_switch == 1) {
    const Cable inner = box.uplink.bandwidth.value > 0 ? box.uplink : instant(box.pcie);
    for (int g = 0; g < box.gpus; ++g) {
      const NodeId socket = tree.sockets[block_of(g, box.gpus, tree.sockets.size())];
      attach_to_socket(builder, gpus[static_cast<std::size_t>(g)], box.pcie, inner, socket, host, tree.root_ports++);
    }
  } else {
    const int switches = box.gpus / box.gpus_per_switch;
    for (int w = 0; w < switches; ++w) {
      const NodeId pcie_switch = builder.add(NodeKind::pcie_switch, fmt::format("host{}/pcie_switch{}", host, w), host);
      for (int g = w * box.gpus_per_switch; g < (w + 1) * box.gpus_per_switch; ++g) {
        builder.connect(gpus[static_cast<std::size_t>(g)], pcie_switch, LinkKind::pcie, box.pcie);
      }
      const NodeId socket = tree.sockets[block_of(w, switches, tree.sockets.size())];
      attach_to_socket(builder, pcie_switch, box.uplink, instant(box.uplink), socket, host, tree.root_ports++);
      tree.switches.push_back(pcie_switch);
    }
  }
  if (box.nvlink_pairs) {
    for (std::size_t g = 0; g + 1 < gpus.size(); g += 2)
      builder.connect(gpus[g], gpus[g + 1], LinkKind::nvlink, box.nvlink);
  }
  return tree;
}

void check_pcie_box(const ClusterConfig& config, ConfigCheck& check) {
  const BoxConfig& box = config.box;
  check.size(config);
  check.in_range(box.sockets, 1, 64, "box.sockets");
  check.in_range(box.gpus_per_switch, 1, kMostRanks, "box.gpus_per_switch");
  check.require(box.gpus_per_switch < 1 || box.gpus % box.gpus_per_switch == 0, "box.gpus_per_switch",
                fmt::format("does not divide box.gpus ({})", box.gpus));
  check.cable(box.pcie, "box.pcie");
  if (box.gpus_per_switch > 1 || box.uplink.bandwidth.value != 0) check.cable(box.uplink, "box.uplink");
  if (box.sockets > 1) check.cable(box.inter_socket, "box.inter_socket");
  check.cable(box.host_memory, "box.host_memory");
  if (box.nvlink_pairs) {
    check.cable(box.nvlink, "box.nvlink");
    check.require(box.gpus % 2 == 0, "box.nvlink_pairs",
                  fmt::format("need an even number of GPUs, box.gpus is {}", box.gpus));
  }
}

}  // namespace moesim
