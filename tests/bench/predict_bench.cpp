#include <benchmark/benchmark.h>
#include <filesystem>
#include <string>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/scenario/load.hpp"

namespace moesim {
namespace {

std::filesystem::path shipped(const std::string& name) {
  return std::filesystem::path(MOESIM_SOURCE_DIR) / "configs" / "scenarios" / (name + ".yaml");
}

ConfigRoots roots() { return {.roots = {MOESIM_SOURCE_DIR}}; }

/// A prediction alone: what a sweep pays for every point once its scenario is there. Items are scenarios; the goal is
/// 20,000 a second on one core.
void predict_variant(benchmark::State& state, const std::string& name, std::size_t variant) {
  const std::vector<Scenario> scenarios = load_scenario(shipped(name), {}, roots());
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(predict(scenarios.at(variant)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(predict_variant, training_fine_grained, "paper_training", 0);
BENCHMARK_CAPTURE(predict_variant, training_bigmac, "paper_training", 1);
BENCHMARK_CAPTURE(predict_variant, inference_fine_grained, "paper_inference", 0);
BENCHMARK_CAPTURE(predict_variant, inference_bigmac, "paper_inference", 1);

/// From files on disk to all predictions: what one `compare` does besides starting and printing.
void load_and_predict(benchmark::State& state, const std::string& name) {
  for (auto step : state) {
    static_cast<void>(step);
    for (const Scenario& scenario : load_scenario(shipped(name), {}, roots())) {
      benchmark::DoNotOptimize(predict(scenario));
    }
  }
}
BENCHMARK_CAPTURE(load_and_predict, training, "paper_training")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_and_predict, inference, "paper_inference")->Unit(benchmark::kMillisecond);

/// The same with a loader that keeps what it has read, and another value each time: a sweep over one key.
void sweep_one_key(benchmark::State& state) {
  ScenarioLoader loader(roots());
  int micro_batch = 1;
  std::int64_t scenarios = 0;
  for (auto step : state) {
    static_cast<void>(step);
    micro_batch = micro_batch == 1 ? 2 : 1;
    for (const Scenario& scenario :
         loader.load(shipped("paper_training"), {{"workload.micro_batch=" + std::to_string(micro_batch)}})) {
      benchmark::DoNotOptimize(predict(scenario));
      ++scenarios;
    }
  }
  state.SetItemsProcessed(scenarios);
}
BENCHMARK(sweep_one_key);

}  // namespace
}  // namespace moesim
