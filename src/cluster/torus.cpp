#include <cstdint>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "cluster/config_check.hpp"
#include "cluster/topology_builder.hpp"

namespace moesim {
namespace {

void check_config(const ClusterConfig& config) {
  const FabricConfig& fabric = config.fabric;
  ConfigCheck check;
  check.size(config);
  check.require(!fabric.dimensions.empty() && fabric.dimensions.size() <= 6, "fabric.dimensions",
                "needs one to six extents, e.g. [4, 4, 4]");
  std::int64_t points = 1;
  for (const int extent : fabric.dimensions) {
    check.in_range(extent, 1, kMostRanks, "fabric.dimensions");
    if (extent > 0 && points <= kMostRanks) points *= extent;
  }
  check.require(
      points == static_cast<std::int64_t>(config.fabric.nodes) * config.box.gpus, "fabric.dimensions",
      fmt::format("multiply to {} points, but nodes x box.gpus is {} x {}", points, fabric.nodes, config.box.gpus));
  check.bandwidth(fabric.local_bandwidth, "fabric.local_bandwidth");
  check.latency(fabric.switch_latency, "fabric.latency");
  check.finish();
}

}  // namespace

/// GPUs forward for each other. The last dimension runs fastest, so the GPUs of a machine are neighbours. Around an
/// extent of two there is one cable, not two beside each other.
Topology torus(const ClusterConfig& config) {
  check_config(config);
  const std::vector<int>& extents = config.fabric.dimensions;
  const Cable cable{.bandwidth = config.fabric.local_bandwidth, .latency = config.fabric.switch_latency};
  const auto ranks = static_cast<std::size_t>(config.fabric.nodes) * static_cast<std::size_t>(config.box.gpus);

  TopologyBuilder builder;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const int host = static_cast<int>(rank) / config.box.gpus;
    builder.add(NodeKind::gpu, fmt::format("host{}/gpu{}", host, static_cast<int>(rank) % config.box.gpus), host);
  }
  std::size_t stride = ranks;  // distance in rank numbers between neighbours of the dimension
  for (const int extent : extents) {
    const auto length = static_cast<std::size_t>(extent);
    stride /= length;
    if (length == 1) continue;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const std::size_t at = rank / stride % length;
      if (length == 2 && at == 1) continue;
      const std::size_t next = at + 1 == length ? rank - at * stride : rank + stride;
      builder.connect(NodeId(rank), NodeId(next), LinkKind::fabric, cable);
    }
  }
  return std::move(builder).build();
}

}  // namespace moesim
