#pragma once

#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cluster/topologies.hpp"

namespace moesim {

/// Rows of kTopologies that make a graph out of sizes: all but the explicit list.
[[nodiscard]] std::vector<NamedTopology> generated_topologies();

/// Two machines of eight GPUs with data-sheet-like numbers for every field, whichever a topology reads.
[[nodiscard]] ClusterConfig sample_cluster(std::string_view topology);

/// The reference clusters of the command line's contract: 25 GB/s a GPU, 12.5 GB/s a machine, no latency.
[[nodiscard]] ClusterConfig reference_cluster(int nodes, int nodes_per_leaf);

/// A random, valid configuration (rapidcheck), at most 64 GPUs.
[[nodiscard]] ClusterConfig random_cluster(std::string_view topology);

[[nodiscard]] NodeId node_named(const Topology& topology, std::string_view name);
[[nodiscard]] inline RankId rank(int number) { return RankId(static_cast<std::size_t>(number)); }

/// Names of the nodes on a path, its ends included.
[[nodiscard]] std::vector<std::string> stations(const Topology& topology, const Path& path);

/// What a function that must throw InputError complains of.
template <class Function>
[[nodiscard]] std::vector<Diagnostic> problems_of(Function&& function) {
  try {
    function();
  } catch (const InputError& error) {
    return error.diagnostics();
  }
  return {};
}

/// Bytes over every link when every rank sends one byte to every other.
[[nodiscard]] std::vector<double> all_to_all_loads(const Topology& topology, const PathTable& paths);

}  // namespace moesim
