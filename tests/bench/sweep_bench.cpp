// Points of a sweep on one core, from the number of the point to the row of the table. The goal: a million full
// comparisons in a minute on two cores, 120 us each.

#include <benchmark/benchmark.h>
#include <filesystem>
#include <string>

#include "moesim/sweep/evaluate.hpp"

namespace moesim {
namespace {

SweepPlan shipped(const std::string& name) {
  const std::filesystem::path source(MOESIM_SOURCE_DIR);
  return plan_sweep(source / "configs/sweeps" / (name + ".yaml"), {}, {.roots = {source}}, {}, "benchmark");
}

/// @param stride 1: neighbours, as a run takes them; a large prime: every key changes from point to point
void points(benchmark::State& state, const std::string& name, std::uint64_t stride) {
  const SweepPlan plan = shipped(name);
  SweepEvaluator evaluator(plan);
  constexpr std::uint64_t kChunk = 1024;
  std::uint64_t begin = 0;
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(evaluator.evaluate(begin, begin + kChunk));
    begin = (begin + stride * kChunk) % (plan.grid.size() - kChunk);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kChunk));
}
BENCHMARK_CAPTURE(points, million, "million_points", 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(points, million_far_apart, "million_points", 101)->Unit(benchmark::kMillisecond);

/// Numbers to values and conditions, without any prediction.
void decode(benchmark::State& state) {
  const SweepPlan plan = shipped("million_points");
  GridPoint point;
  std::string why;
  std::uint64_t number = 0;
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(plan.grid.decode(number, point, why));
    number = (number + 1) % plan.grid.size();
  }
}
BENCHMARK(decode);

}  // namespace
}  // namespace moesim
