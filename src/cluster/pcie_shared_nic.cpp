#include <fmt/format.h>
#include <utility>

#include "cluster/box_parts.hpp"
#include "cluster/fabric.hpp"

namespace moesim {

/// GPUs under PCIe switches (or root ports) of their sockets; the NICs of the machine on root ports of their own, all
/// on the first socket or spread over the sockets.
Topology pcie_box_shared_nic(const ClusterConfig& config) {
  ConfigCheck check;
  check_pcie_box(config, check);
  check.nic(config);
  check.fat_tree(config);
  check.finish();

  TopologyBuilder builder;
  std::vector<std::vector<NodeId>> ports;
  for (int host = 0; host < config.fabric.nodes; ++host) {
    PcieBox box = add_pcie_box(builder, config.box, host);
    std::vector<NodeId>& nics = ports.emplace_back();
    if (config.fabric.nodes == 1) continue;
    for (int n = 0; n < config.nic.count; ++n) {
      const bool spread = config.nic.placement == NicPlacement::spread;
      const NodeId socket =
          spread ? box.sockets[block_of(n, config.nic.count, box.sockets.size())] : box.sockets.front();
      nics.push_back(builder.add(NodeKind::nic, fmt::format("host{}/nic{}", host, n), host));
      attach_to_socket(builder, nics.back(), config.box.pcie, instant(config.box.pcie), socket, host, box.root_ports++);
    }
  }
  add_fat_tree(builder, config.fabric, ports, config.nic.port);
  return std::move(builder).build();
}

}  // namespace moesim
