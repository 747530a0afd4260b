#include <benchmark/benchmark.h>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/graph/build.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/sim/flow_network.hpp"
#include "moesim/sim/run_collective.hpp"
#include "moesim/sim/simulate.hpp"

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
                                           {}, PlanDetail::transfers);
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

Scenario shipped(const std::string& name, const std::vector<Override>& overrides) {
  const auto file = std::filesystem::path(MOESIM_SOURCE_DIR) / "configs" / "scenarios" / (name + ".yaml");
  return load_scenario(file, overrides, {.roots = {MOESIM_SOURCE_DIR}}).front();
}

/// A whole step, the graph given: one event loop, all collectives, all ranks.
void step(benchmark::State& state, const Scenario& scenario) {
  const OpGraph graph = build_graph(scenario);
  Timeline timeline;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    timeline = simulate(scenario, graph);
  }
  report(state, timeline.makespan.value, static_cast<double>(timeline.flows_simulated));
  state.counters["events"] = static_cast<double>(timeline.events);
  state.counters["lanes"] = static_cast<double>(timeline.ranks.size());
}

/// Goals: the paper's step, skewed, 50 ms; 512 GPUs 5 s. @param shuffle every layer has a routing of its own
void paper_skewed_step(benchmark::State& state, bool shuffle) {
  step(state, shipped("paper_skewed", {{"routing.sampling_noise=false"},
                                       {"routing.exponent=1.2"},
                                       {shuffle ? "routing.shuffle=true" : "routing.shuffle=false"}}));
}
BENCHMARK_CAPTURE(paper_skewed_step, same_in_all_layers, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(paper_skewed_step, another_in_each_layer, true)->Unit(benchmark::kMillisecond);
void paper_balanced_step(benchmark::State& state) { step(state, shipped("paper_training", {})); }
BENCHMARK(paper_balanced_step)->Unit(benchmark::kMillisecond);

/// DeepSeekMoE 16B on 64 machines of eight H100, experts over eight machines. @param skewed each layer its own routing
Scenario gpus_512(bool skewed) {
  std::vector<Override> overrides = {{"cluster.nodes=64"},
                                     {"parallelism={tp: 1, pp: 1, ep: 64, dp: 512, zero: 1}"},
                                     {"workload.global_batch=512"},
                                     {"workload.micro_batch=1"}};
  if (skewed) overrides.push_back({"routing={distribution: zipf, exponent: 1, shuffle: true}"});
  return shipped("deepseek_moe_16b_h100", overrides);
}
void step_of_512_gpus_balanced(benchmark::State& state) { step(state, gpus_512(false)); }
BENCHMARK(step_of_512_gpus_balanced)->Unit(benchmark::kMillisecond)->Iterations(1);
#ifdef NDEBUG
void step_of_512_gpus_skewed(benchmark::State& state) { step(state, gpus_512(true)); }
BENCHMARK(step_of_512_gpus_skewed)->Unit(benchmark::kMillisecond)->Iterations(1);
#endif

}  // namespace
}  // namespace moesim
