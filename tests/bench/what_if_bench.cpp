// The grid behind the sliders of a report, the longest part of it. The goal: a whole report of the paper's training in
// 2 s on two cores, of which everything else takes a tenth.

#include <benchmark/benchmark.h>

#include "moesim/explain/what_if.hpp"

namespace moesim {
namespace {

void grid_of_the_paper(benchmark::State& state) {
  const ConfigRoots roots{{MOESIM_SOURCE_DIR}};
  std::int64_t numbers = 0;
  for (auto step : state) {
    static_cast<void>(step);
    const WhatIf grid = what_if("paper_training", {}, roots, what_if_axes("paper_training", {}, roots),
                                {.jobs = static_cast<int>(state.range(0))});
    for (const WhatIfLayer& layer : grid.layers) numbers += static_cast<std::int64_t>(layer.numbers.size());
  }
  state.counters["points"] = benchmark::Counter(
      static_cast<double>(numbers) / static_cast<double>(kWhatIfNumbers.size()) / 2, benchmark::Counter::kIsRate);
}
BENCHMARK(grid_of_the_paper)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace moesim
