#include <fmt/format.h>
#include <utility>

#include "cluster/box_parts.hpp"
#include "cluster/fabric.hpp"

namespace moesim {

/// A PCIe box with a NIC under every PCIe switch, next to that switch's GPUs.
Topology pcie_box_nic_per_pair(const ClusterConfig& config) {
  ConfigCheck check;
  check_pcie_box(config, check);
  check.require(config.box.gpus_per_switch > 1, "box.gpus_per_switch",
                "must be at least 2 (the NICs hang under PCIe switches; without switches use pcie_shared_nic)");
  check.nic(config);
  check.fat_tree(config);
  check.finish();

  TopologyBuilder builder;
  std::vector<std::vector<NodeId>> ports;
  for (int host = 0; host < config.fabric.nodes; ++host) {
    const PcieBox box = add_pcie_box(builder, config.box, host);
    std::vector<NodeId>& nics = ports.emplace_back();
    if (config.fabric.nodes == 1) continue;
    for (const NodeId pcie_switch : box.switches) {
      nics.push_back(builder.add(NodeKind::nic, fmt::format("host{}/nic{}", host, nics.size()), host));
      builder.connect(nics.back(), pcie_switch, LinkKind::pcie, config.box.pcie);
    }
  }
  add_fat_tree(builder, config.fabric, ports, config.nic.port);
  return std::move(builder).build();
}

}  // namespace moesim
