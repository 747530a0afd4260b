#pragma once

#include <cstddef>
#include <vector>

#include "moesim/cluster/topologies.hpp"
#include "moesim/cluster/topology.hpp"

#include "cost/collective_fixture.hpp"

namespace moesim::testing {

/// The reference clusters: 8 GPUs of a machine on 25 GB/s each, one NIC of 12.5 GB/s; one switch, or leaves of
/// `nodes_per_leaf` machines with an uplink of half their NICs' sum. No latencies.
inline Topology reference_cluster(int nodes, int nodes_per_leaf, int gpus = 8) {
  ClusterConfig config = reference(nodes, nodes_per_leaf);
  config.box.gpus = gpus;
  return hub_box(config);
}

inline std::vector<RankId> all_ranks(const Topology& topology) { return first_ranks(topology.ranks()); }

/// 1 MiB x (1 + (7 i + 3 j) mod 11) from rank i to rank j.
inline std::vector<double> skewed_bytes(std::size_t ranks) {
  std::vector<double> bytes;
  for (std::size_t i = 0; i < ranks; ++i) {
    for (std::size_t j = 0; j < ranks; ++j) bytes.push_back(1048576.0 * static_cast<double>(1 + (7 * i + 3 * j) % 11));
  }
  return bytes;
}

}  // namespace moesim::testing
