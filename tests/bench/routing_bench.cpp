// What the engines ask of the model room once per scenario: 64 experts on 32 ranks, four machines.
#include <benchmark/benchmark.h>

#include "moesim/model/counts.hpp"
#include "moesim/model/routing.hpp"

#include "model/sample_models.hpp"

namespace moesim {
namespace {

RoutingProblem paper_layer(double tokens) {
  return {.experts = 64, .top_k = 8, .tokens_per_rank = tokens, .ep = 32, .ranks_per_node = 8, .capacity_factor = 1.2};
}

void route_repeatedly(benchmark::State& state, const RoutingProblem& problem, const RoutingConfig& config) {
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(route(problem, config));
  }
}

void route_uniform(benchmark::State& state) { route_repeatedly(state, paper_layer(4096), {}); }
void route_zipf(benchmark::State& state) {
  route_repeatedly(state, paper_layer(4096), {.distribution = ZipfRouting{.exponent = 1.2}});
}
void draw_uniform(benchmark::State& state) {
  route_repeatedly(state, paper_layer(static_cast<double>(state.range(0))), {.sampling_noise = true});
  state.SetItemsProcessed(state.iterations() * state.range(0) * 32);  // tokens
}
void draw_zipf(benchmark::State& state) {
  route_repeatedly(state, paper_layer(static_cast<double>(state.range(0))),
                   {.distribution = ZipfRouting{.exponent = 1.2}, .sampling_noise = true});
  state.SetItemsProcessed(state.iterations() * state.range(0) * 32);
}
BENCHMARK(route_uniform);
BENCHMARK(route_zipf);
BENCHMARK(draw_uniform)->Arg(64)->Arg(4096);
BENCHMARK(draw_zipf)->Arg(64)->Arg(4096);

void count_everything(benchmark::State& state) {
  const Model model = testing::deepseek_v2_lite();
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(total_parameters(model) + training_flops(model, 64, 4096).value);
    benchmark::DoNotOptimize(all_to_all_bytes(model, 1 << 18, 32));
  }
}
BENCHMARK(count_everything);

}  // namespace
}  // namespace moesim
