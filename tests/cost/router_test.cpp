// The router's law, the tiles of grouped kernels, streams and blocks of attention.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/cost/kernel_laws.hpp"

#include "cost/kernel_fixture.hpp"

namespace moesim::testing {
namespace {

FittedLaw router_fit() {
  return {.name = "router",
          .coefficients = {{"overhead_s", 30e-6},
                           {"block_sort_s", 12e-6},
                           {"block_sort_row_s", 2e-9},
                           {"device_sort_s", 20e-6},
                           {"token_s", 1e-9},
                           {"score_s", 5e-11},
                           {"row_s", 2e-10},
                           {"power", 1},
                           {"block_sort_rows", 128},
                           {"device_sort_rows", 4096}},
          .ranges = {{"tokens", {1, 65536}}, {"experts", {8, 256}}, {"top_k", {2, 8}}},
          .spreads = {{"one_warp", 0.1}, {"block_sort", 0.2}, {"device_sort", 0.3}, {"memory", 0.4}},
          .provenance = {}};
}

// 16 tokens x 8 are 128 rows, one more token needs a block; 512 x 8 are 4096 rows, one more the device.
TEST(Router, SortJumpsWithTheRows) {
  const KernelModel model = model_with({router_fit()});
  const auto time = [&](double tokens) { return model.router({.tokens = tokens, .experts = 64, .top_k = 8}); };
  const auto passes = [](double tokens) { return tokens * (1e-9 + 64 * 5e-11 + 8 * 2e-10); };
  EXPECT_NEAR(time(16).estimate.time.value, 30e-6 + passes(16), 1e-12);
  EXPECT_NEAR(time(17).estimate.time.value, 42e-6 + 17 * 8 * 2e-9 + passes(17), 1e-12);
  EXPECT_NEAR(time(512).estimate.time.value, 42e-6 + 4096 * 2e-9 + passes(512), 1e-12);
  EXPECT_NEAR(time(513).estimate.time.value, 62e-6 + 4096 * 2e-9 + passes(513), 1e-12);
  EXPECT_EQ(time(16).estimate.spread, 0.1);
  EXPECT_EQ(time(512).estimate.spread, 0.2);
  EXPECT_EQ(time(513).estimate.spread, 0.3);
  EXPECT_EQ(time(60000).estimate.spread, 0.4);
  EXPECT_TRUE(time(1e6).extrapolated);
}

RC_GTEST_PROP(Router, MoreOfAnything_NeverFaster, ()) {
  const KernelModel model = model_with({router_fit()});
  const double tokens = *rc::gen::inRange(1, 10000);
  const double experts = *rc::gen::inRange(1, 300);
  const double top_k = *rc::gen::inRange(1, 9);
  const double more = *rc::gen::inRange(0, 5000);
  const Seconds least = model.router({.tokens = tokens, .experts = experts, .top_k = top_k}).estimate.time;
  RC_ASSERT(model.router({.tokens = tokens + more, .experts = experts, .top_k = top_k}).estimate.time >= least);
  RC_ASSERT(model.router({.tokens = tokens, .experts = experts + more, .top_k = top_k}).estimate.time >= least);
  RC_ASSERT(model.router({.tokens = tokens, .experts = experts, .top_k = top_k + more}).estimate.time >= least);
}

TEST(Router, WithoutItsLaw_IsThatOfItsBytes) {
  const RouterShape shape{.tokens = 1000, .experts = 64, .top_k = 8};
  const KernelModel model = model_with({});
  EXPECT_EQ(router_bytes(shape).value, 1000 * 64 * 4 * 5);
  EXPECT_EQ(model.router(shape).estimate.time,
            model.memory_kernel(MemoryKernel::router, {.moved = router_bytes(shape)}).estimate.time);
}

FittedLaw stream(const std::string& name, double overhead) {
  return {.name = name,
          .coefficients = {{"overhead_s", overhead}, {"efficiency", 0.5}, {"power", 1}, {"bend", 0.1}},
          .ranges = {},
          .spreads = {{"all", 0.2}},
          .provenance = {}};
}

TEST(MemoryKernel, StandIn_CountsUntilTheKernelIsMeasured) {
  const Bytes moved{1e8};
  const KernelModel without = model_with({stream("memory.norm", 1e-6)});
  EXPECT_EQ(without.memory_kernel(MemoryKernel::norm_backward, {.moved = moved}).estimate.time,
            without.memory_kernel(MemoryKernel::norm, {.moved = moved}).estimate.time);
  const KernelModel with = model_with({stream("memory.norm", 1e-6), stream("memory.norm_backward", 9e-6)});
  EXPECT_NEAR(with.memory_kernel(MemoryKernel::norm_backward, {.moved = moved}).estimate.time.value,
              with.memory_kernel(MemoryKernel::norm, {.moved = moved}).estimate.time.value + 8e-6, 1e-12);
}

// Half of the bandwidth at 2^27 bytes, 2^0.1 times that at 2^28, never more than all of it.
TEST(StreamTime, LongerStreamsReachMore_NeverMoreThanAll) {
  const double at = stream_time(kBentBytes, 1e12, 0.5, 0.1);
  EXPECT_NEAR(at, kBentBytes / 0.5e12, 1e-15);
  EXPECT_NEAR(stream_time(2 * kBentBytes, 1e12, 0.5, 0.1), 2 * at / std::pow(2, 0.1), 1e-12);
  EXPECT_NEAR(stream_time(1e30, 1e12, 0.5, 0.1), 1e18, 1e6);
  EXPECT_EQ(stream_time(0, 1e12, 0.5, 0.1), 0);
}

RC_GTEST_PROP(StreamTime, MoreBytes_NeverFaster, ()) {
  const double bend = static_cast<double>(*rc::gen::inRange(0, 99)) / 100;
  const double bytes = std::pow(10.0, *rc::gen::inRange(0, 140) / 10.0);
  RC_ASSERT(stream_time(1.1 * bytes, 1e12, 0.7, bend) >= stream_time(bytes, 1e12, 0.7, bend));
  RC_ASSERT(stream_time(bytes, 1e12, 0.7, bend) >= bytes / 1e12);
}

// In pairs of 128-row tiles: 129 to 256 rows are one pair, 257 two. No weights to speak of, so the tiles decide.
TEST(GroupedGemm, KnownKernels_CountRowsInPairsOfTiles) {
  FittedLaw law = product_law("grouped_gemm.bf16");
  law.coefficients["small_rows"] = 128;
  law.coefficients["wave_smoothing"] = 1;
  law.coefficients["memory_efficiency"] = 1;
  const KernelModel model = model_with({law});
  const auto time = [&](double rows) {
    const std::vector<double> of_experts(64, rows);
    return model.grouped_gemm({.rows = of_experts, .n = 4096, .k = 4096}).estimate.time.value;
  };
  EXPECT_NEAR(time(160) / time(256), 1, 0.02);
  EXPECT_GT(time(257) / time(256), 1.8);
  EXPECT_NEAR(time(257) / time(512), 1, 0.02);
  EXPECT_GT(time(65) / time(64), 0.99);  // up to 128 mean rows: pairs of 64
  EXPECT_NEAR(time(65) / time(128), 1, 0.02);
}

// Twice the special functions' time adds what it says; grouped queries and the last block only where the law knows of
// them.
TEST(Attention, ExponentialsAndTheLastBlockAddToTheProducts) {
  AttentionShape shape;
  shape.sequences = 4;
  shape.query_tokens = 4096;
  shape.context_tokens = 4096;
  shape.heads = 32;
  shape.kv_heads = 8;
  shape.head_dim = 64;
  FittedLaw law = prefill_fit("attention.prefill.bf16");
  const double plain = model_with({law}).attention(shape).estimate.time.value;
  const double pairs = 4.0 * 32 * 4096 * (4096 + 128) / 2;  // that blocks of 128 walk over, the diagonal included
  law.coefficients["softmax_s"] = 1e-10;
  const double with_softmax = model_with({law}).attention(shape).estimate.time.value;
  EXPECT_NEAR(with_softmax - plain, pairs * 1e-10 / 100, 0.02 * (with_softmax - plain));
  law.coefficients["tail"] = 0.5;
  const double with_tail = model_with({law}).attention(shape).estimate.time.value;
  EXPECT_GT(with_tail, with_softmax);
  law.coefficients["group_overhead_s"] = 1e-5;
  EXPECT_NEAR(model_with({law}).attention(shape).estimate.time.value, with_tail + 1e-5, 1e-9);
}

}  // namespace
}  // namespace moesim::testing
