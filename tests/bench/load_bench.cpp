// Loading: once from files, as a command does, and again and again with other overrides, as a sweep does.

#include <array>
#include <benchmark/benchmark.h>
#include <cstddef>
#include <string>
#include <vector>

#include "moesim/scenario/load.hpp"

namespace moesim {
namespace {

const std::filesystem::path kScenario =
    std::filesystem::path(MOESIM_SOURCE_DIR) / "configs/scenarios/paper_training.yaml";

void load_from_files(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_scenario(kScenario, {}, {}));
}
BENCHMARK(load_from_files)->Unit(benchmark::kMillisecond);

void reload(benchmark::State& state, const std::string& key, const std::vector<std::string>& values) {
  ScenarioLoader loader{ConfigRoots{}};
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(loader.load(kScenario, {Override{key + "=" + values[next]}}));
    next = (next + 1) % values.size();
  }
}
BENCHMARK_CAPTURE(reload, top_k, "model.moe.top_k", {"1", "2", "4", "8"})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(reload, ep, "parallelism.ep", {"8", "16", "32"})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(reload, nic_bandwidth, "cluster.nic.bandwidth", {"100Gbps", "200Gbps", "400Gbps"})
    ->Unit(benchmark::kMicrosecond);

/// Every point a new network: what building one costs.
void reload_new_networks(benchmark::State& state) {
  ScenarioLoader loader{ConfigRoots{}};
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        loader.load(kScenario, {Override{"cluster.nic.bandwidth=" + std::to_string(100'000 + next++) + "Mbps"}}));
  }
}
BENCHMARK(reload_new_networks)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace moesim
