#pragma once

#include <vector>

#include "moesim/cluster/topologies.hpp"

#include "cluster/config_check.hpp"
#include "cluster/topology_builder.hpp"

namespace moesim {

// Parts of which the builders put machines together. Names: "host0/gpu3", "host0/pcie_switch1", "host0/root_port1",
// "host0/socket0", "host0/memory0", "host0/nic0".

/// The processors' side of a machine: sockets, each with its memory, joined pairwise.
[[nodiscard]] std::vector<NodeId> add_sockets(TopologyBuilder& builder, const BoxConfig& box, int host);

/// Joins a PCIe device or switch to its socket through a root port of its own, named after `index`. The way from the
/// port into the socket (`inner`) is inside the processor.
void attach_to_socket(TopologyBuilder& builder, NodeId device, const Cable& cable, const Cable& inner, NodeId socket,
                      int host, int index);

/// A cable that adds no time and does not limit what `cable` lets through.
[[nodiscard]] inline Cable instant(const Cable& cable) { return {.bandwidth = cable.bandwidth, .latency = Seconds{0}}; }

/// Part `index` of `count` equal parts, dealt out in order over `places` (contiguous blocks).
[[nodiscard]] inline std::size_t block_of(int index, int count, std::size_t places) {
  return static_cast<std::size_t>(index) * places / static_cast<std::size_t>(count);
}

/// A PCIe box without its NICs.
struct PcieBox {
  std::vector<NodeId> switches;  ///< empty when every GPU has its own root port
  std::vector<NodeId> sockets;
  int root_ports = 0;
};
[[nodiscard]] PcieBox add_pcie_box(TopologyBuilder& builder, const BoxConfig& box, int host);
void check_pcie_box(const ClusterConfig& config, ConfigCheck& check);

}  // namespace moesim
