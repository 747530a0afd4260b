#include <benchmark/benchmark.h>
#include <cstddef>

#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topologies.hpp"

namespace moesim {
namespace {

using namespace literals;

ClusterConfig cluster(const char* topology, int nodes) {
  ClusterConfig config;
  config.topology = topology;
  const Cable cable = {31.5_GBps, 0.5_us};
  config.box = {.gpus = 8,
                .sockets = 2,
                .gpus_per_switch = 2,
                .pcie = cable,
                .uplink = cable,
                .inter_socket = cable,
                .host_memory = cable,
                .nvlink = {450.0_GBps, 0.5_us},
                .nvlink_pairs = false};
  config.nic.port = {12.5_GBps, 1.0_us};
  config.fabric.nodes = nodes;
  config.fabric.nodes_per_leaf = 8;
  return config;
}

/// From the configuration to the finished table.
void build(benchmark::State& state, const char* topology) {
  const ClusterConfig config = cluster(topology, static_cast<int>(state.range(0)) / 8);
  for (auto step : state) {
    static_cast<void>(step);
    const Topology graph = build_topology(config);
    benchmark::DoNotOptimize(PathTable(graph, config.transport));
  }
}
BENCHMARK_CAPTURE(build, pcie_shared_nic, "pcie_shared_nic")
    ->Arg(32)
    ->Arg(256)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build, nvlink_rails, "nvlink_rails")->Arg(32)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build, hub, "hub")->Arg(32)->Arg(256)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

/// Every link of every path once: what an all-to-all's loads cost.
void walk_all_pairs(benchmark::State& state, const char* topology) {
  const ClusterConfig config = cluster(topology, static_cast<int>(state.range(0)) / 8);
  const Topology graph = build_topology(config);
  const PathTable paths(graph, config.transport);
  const auto ranks = static_cast<std::size_t>(paths.ranks());
  for (auto step : state) {
    static_cast<void>(step);
    std::size_t sum = 0;
    for (std::size_t from = 0; from < ranks; ++from) {
      for (std::size_t to = 0; to < ranks; ++to) {
        const Path path = paths.path(RankId(from), RankId(to));
        for (const LinkId link : path.links) sum += link.index();
      }
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ranks * ranks));
}
BENCHMARK_CAPTURE(walk_all_pairs, pcie_shared_nic, "pcie_shared_nic")
    ->Arg(32)
    ->Arg(1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(walk_all_pairs, nvlink_rails, "nvlink_rails")->Arg(32)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moesim
