#include <benchmark/benchmark.h>
#include <memory>
#include <sys/resource.h>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/sim/flow_network.hpp"
#include "moesim/sim/run_collective.hpp"

#include "sim/reference_cluster.hpp"

namespace moesim {
namespace {

using testing::all_ranks;
using testing::reference_cluster;
using testing::skewed_bytes;

/// Most memory that the process has had so far [MB]; to read one case, run it alone with --benchmark_filter.
double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

void report(benchmark::State& state, double seconds, double flows) {
  state.counters["time_s"] = seconds;
  state.counters["peak_MB"] = peak_megabytes();
  state.counters["flows"] = flows;
  state.SetItemsProcessed(static_cast<std::int64_t>(flows) * state.iterations());
}

constexpr int kOneSwitch = 0;
constexpr int kTree = 8;  // machines to a leaf

/// From the cluster to the time of its last byte: routes, flows, rates.
void run_all_to_all(benchmark::State& state, const std::vector<double>& bytes) {
  const int ranks = static_cast<int>(state.range(0));
  const Topology topology = reference_cluster(ranks / 8, static_cast<int>(state.range(1)));
  const std::vector<BytesPerSecond> capacities = link_capacities(topology);
  double makespan = 0;
  for (auto step : state) {
    static_cast<void>(step);
    const PathTable paths(topology, {});
    makespan = run_flows(capacities, all_to_all_flows(paths, all_ranks(topology), bytes)).makespan.value;
  }
  report(state, makespan, static_cast<double>(ranks) * (ranks - 1));
}

/// Eleven sizes: 1 MiB x (1 + (7 i + 3 j) mod 11). Goals: 32 ranks 1 ms, 256 ranks 100 ms.
void skewed_all_to_all(benchmark::State& state) {
  run_all_to_all(state, skewed_bytes(static_cast<std::size_t>(state.range(0))));
}
BENCHMARK(skewed_all_to_all)
    ->ArgNames({"ranks", "nodes_per_leaf"})
    ->ArgsProduct({{32, 128, 256}, {kOneSwitch, kTree}})
    ->Unit(benchmark::kMillisecond);

/// Every pair a size of its own, so that every flow ends alone. Goal: 1,024 ranks 10 s and 500 MB. Bigger ones by hand:
/// --benchmark_filter=random --benchmark_min_time=0
void random_all_to_all(benchmark::State& state) {
  const auto ranks = static_cast<std::size_t>(state.range(0));
  std::vector<double> bytes;
  bytes.reserve(ranks * ranks);
  std::uint64_t random = 1;
  for (std::size_t i = 0; i < ranks * ranks; ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX generator
    bytes.push_back(1e6 * (1 + static_cast<double>(random >> 32U) / 4294967296.0));
  }
  run_all_to_all(state, bytes);
}
BENCHMARK(random_all_to_all)
    ->ArgNames({"ranks", "nodes_per_leaf"})
    ->ArgsProduct({{64, 128, 256}, {kOneSwitch, kTree}})
    ->Unit(benchmark::kMillisecond);
#ifdef NDEBUG
BENCHMARK(random_all_to_all)
    ->Name("random_all_to_all_large")
    ->ArgNames({"ranks", "nodes_per_leaf"})
    ->ArgsProduct({{512, 1024}, {kOneSwitch, kTree}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
#endif

/// Equal sizes, as `collective --engine flow --ideal` runs them: plan, then equal transfers together. Goal: 1,024 ranks
/// 50 ms and 100 MB.
void balanced_all_to_all(benchmark::State& state) {
  const int ranks = static_cast<int>(state.range(0));
  const auto topology =
      std::make_shared<const Topology>(reference_cluster(ranks / 8, static_cast<int>(state.range(1))));
  CollectiveRun run;
  for (auto step : state) {
    static_cast<void>(step);
    const CollectiveModel model(topology, {}, {}, true);
    const CollectivePlan plan = model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {all_ranks(*topology)},
                                           1, PlanDetail::transfers);
    run = run_collective(model, plan, {1048576.0 * ranks});
  }
  report(state, run.time.value, static_cast<double>(run.transfers));
}
BENCHMARK(balanced_all_to_all)
    ->ArgNames({"ranks", "nodes_per_leaf"})
    ->ArgsProduct({{256, 1024}, {kOneSwitch, kTree}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(balanced_all_to_all)
    ->Name("balanced_all_to_all_large")
    ->ArgNames({"ranks", "nodes_per_leaf"})
    ->ArgsProduct({{2048, 4096}, {kTree}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moesim
