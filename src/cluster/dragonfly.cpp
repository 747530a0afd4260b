#include <cstdint>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "cluster/fabric.hpp"
#include "cluster/hub_box.hpp"

namespace moesim {
namespace {

void check_config(const ClusterConfig& config) {
  const FabricConfig& fabric = config.fabric;
  ConfigCheck check;
  check_hub_box(config, check);
  check.require(fabric.dimensions.size() == 2, "fabric.dimensions", "needs two numbers: [routers per group, groups]");
  std::int64_t routers = 1;
  for (const int extent : fabric.dimensions) {
    check.in_range(extent, 1, 4096, "fabric.dimensions");
    routers *= extent;
  }
  check.require(routers <= 0 || fabric.nodes % routers == 0, "fabric.dimensions",
                fmt::format("make {} routers, among which {} nodes cannot be dealt out evenly", routers, fabric.nodes));
  if (fabric.dimensions.size() == 2) {
    if (fabric.dimensions[0] > 1) check.bandwidth(fabric.local_bandwidth, "fabric.local_bandwidth");
    if (fabric.dimensions[1] > 1) check.bandwidth(fabric.global_bandwidth, "fabric.global_bandwidth");
  }
  check.latency(fabric.switch_latency, "fabric.latency");
  check.finish();
}

}  // namespace

/// Kim, Dally, Scott and Abts, "Technology-Driven, Highly-Scalable Dragonfly Topology" (ISCA 2008): routers of a group
/// joined all to all, one global cable between every two groups, dealt out over the routers of a group in turn. Routes
/// are minimal: at most local, global, local.
Topology dragonfly(const ClusterConfig& config) {
  check_config(config);
  const FabricConfig& fabric = config.fabric;
  const int per_group = fabric.dimensions[0];
  const int groups = fabric.dimensions[1];
  const int nodes_per_router = fabric.nodes / (per_group * groups);
  const Cable local{.bandwidth = fabric.local_bandwidth, .latency = fabric.switch_latency};
  const Cable global{.bandwidth = fabric.global_bandwidth, .latency = fabric.switch_latency};

  TopologyBuilder builder;
  std::vector<NodeId> hubs;
  hubs.reserve(static_cast<std::size_t>(fabric.nodes));
  for (int host = 0; host < fabric.nodes; ++host) hubs.push_back(add_hub_box(builder, config.box, host));
  std::vector<std::vector<NodeId>> routers(static_cast<std::size_t>(groups));
  std::size_t next_hub = 0;
  for (std::size_t group = 0; group < routers.size(); ++group) {
    for (int r = 0; r < per_group; ++r) {
      const NodeId router = builder.add(NodeKind::network_switch, fmt::format("group{}/router{}", group, r), -1);
      for (const NodeId other : routers[group]) builder.connect(other, router, LinkKind::fabric, local);
      for (int n = 0; n < nodes_per_router; ++n) {
        connect_port(builder, hubs[next_hub++], router, hub_port(config.nic), fabric.switch_latency);
      }
      routers[group].push_back(router);
    }
  }
  for (std::size_t a = 0; a < routers.size(); ++a) {
    for (std::size_t b = a + 1; b < routers.size(); ++b) {
      // Seen from a, b is the (b - a - 1)-th other group; seen from b, a is the (groups - (b - a) - 1)-th.
      const std::size_t router_a = (b - a - 1) % routers[a].size();
      const std::size_t router_b = (routers.size() - (b - a) - 1) % routers[b].size();
      builder.connect(routers[a][router_a], routers[b][router_b], LinkKind::fabric, global);
    }
  }
  return std::move(builder).build();
}

}  // namespace moesim
