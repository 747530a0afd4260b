#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "moesim/cluster/topologies.hpp"
#include "moesim/cost/collectives.hpp"

namespace moesim {

inline constexpr double kGpuLink = 25e9;
inline constexpr double kNic = 12.5e9;
inline constexpr double kMebibyte = 1048576;
inline constexpr double kExact = 1e-12;  // relative: a handful of roundings

/// The machines of the two reference clusters: 8 GPUs on 25 GB/s into a hub, one 12.5 GB/s NIC, latencies 0.
inline ClusterConfig reference(int nodes, int nodes_per_leaf) {
  ClusterConfig config;
  config.name = "reference";
  config.topology = "hub";
  config.box.gpus = 8;
  config.box.pcie = {.bandwidth = {kGpuLink}, .latency = {0}};
  config.nic.count = 1;
  config.nic.port = {.bandwidth = {kNic}, .latency = {0}};
  config.fabric.nodes = nodes;
  config.fabric.nodes_per_leaf = nodes_per_leaf;
  config.fabric.oversubscription = nodes_per_leaf > 0 ? 2 : 1;
  return config;
}

inline CollectiveModel ideal_model(const ClusterConfig& config) {
  return {std::make_shared<Topology>(build_topology(config)), config.transport, {}, true};
}

}  // namespace moesim
