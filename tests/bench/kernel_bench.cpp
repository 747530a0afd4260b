// One estimate of a kernel: a prediction asks for a few dozen, and a sweep for millions.

#include <benchmark/benchmark.h>
#include <vector>

#include "cost/kernel_fixture.hpp"

namespace moesim {
namespace {

const KernelModel& model() {
  static const KernelModel laws = testing::model_with(
      {testing::product_law("gemm.bf16"), testing::streamed_law("grouped_gemm.bf16"),
       testing::prefill_fit("attention.prefill.bf16"), testing::decode_fit("attention.decode.bf16")});
  return laws;
}

/// Rows from a decode step's to a training batch's; the goal is below one microsecond each.
void gemm(benchmark::State& state) {
  const GemmShape shape{.m = static_cast<double>(state.range(0)), .n = 4096, .k = 1024, .dtype = DType::bf16};
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(model().gemm(shape));
  }
}
BENCHMARK(gemm)->Arg(1)->Arg(128)->Arg(1000)->Arg(32768);

void experts(benchmark::State& state, ExpertExecution execution) {
  std::vector<double> rows;
  for (int i = 0; i < state.range(0); ++i) rows.push_back(100 + i);
  const GroupedGemmShape shape{.rows = rows, .n = 1024, .k = 4096, .dtype = DType::bf16, .execution = execution};
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(model().grouped_gemm(shape));
  }
}
BENCHMARK_CAPTURE(experts, sequential, ExpertExecution::sequential)->Arg(8)->Arg(64);
BENCHMARK_CAPTURE(experts, batched, ExpertExecution::batched)->Arg(8)->Arg(64);
BENCHMARK_CAPTURE(experts, grouped, ExpertExecution::grouped)->Arg(8)->Arg(64);

void attention(benchmark::State& state) {
  AttentionShape shape;
  shape.sequences = 8;
  shape.query_tokens = static_cast<double>(state.range(0));
  shape.context_tokens = 2048;
  shape.heads = 32;
  shape.kv_heads = 8;
  shape.head_dim = 128;
  for (auto step : state) {
    static_cast<void>(step);
    benchmark::DoNotOptimize(model().attention(shape));
  }
}
BENCHMARK(attention)->Arg(1)->Arg(2048);

}  // namespace
}  // namespace moesim
