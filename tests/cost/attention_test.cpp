#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/kernel_laws.hpp"

#include "cost/kernel_fixture.hpp"

namespace moesim::testing {
namespace {

KernelModel attention_model() {
  FittedLaw backward = prefill_fit("attention.backward.bf16");
  backward.coefficients["work"] = 2.5;
  return model_with({prefill_fit("attention.prefill.bf16"), backward, decode_fit("attention.decode.bf16")});
}

AttentionShape any_attention() {
  AttentionShape shape;
  shape.sequences = *rc::gen::inRange(1, 64);
  shape.query_tokens = *rc::gen::element(1, 2, 100, 128, 777, 2048);
  shape.context_tokens = shape.query_tokens + *rc::gen::inRange(0, 3000);
  shape.kv_heads = *rc::gen::inRange(1, 9);
  shape.heads = shape.kv_heads * *rc::gen::inRange(1, 9);
  shape.head_dim = *rc::gen::element(64, 128);
  shape.causal = *rc::gen::arbitrary<bool>();
  shape.backward = shape.query_tokens > 1 && *rc::gen::arbitrary<bool>();
  return shape;
}

RC_GTEST_PROP(Attention, AnyShape_NeverFasterThanPeakOrMemory, ()) {
  const KernelModel model = attention_model();
  const AttentionShape shape = any_attention();
  const double time = model.attention(shape).estimate.time.value;
  RC_ASSERT(time >= attention_flops(shape).value / 100e12);
  RC_ASSERT(time >= attention_bytes(shape).value / 1e12);  // these laws know no cache
}

RC_GTEST_PROP(Attention, MoreWork_NeverFaster, ()) {
  const KernelModel model = attention_model();
  const AttentionShape shape = any_attention();
  const double base = model.attention(shape).estimate.time.value;
  AttentionShape more = shape;
  more.sequences += 1;
  RC_ASSERT(model.attention(more).estimate.time.value >= base);
  more = shape;
  more.context_tokens += 64;
  RC_ASSERT(model.attention(more).estimate.time.value >= base);
  more = shape;
  more.causal = false;
  RC_ASSERT(model.attention(more).estimate.time.value >= base * (1 - 1e-12));
  more = shape;
  more.writes_cache = true;
  RC_ASSERT(model.attention(more).estimate.time.value >= base);
}

// Two tokens see 1 and 2 keys: 3 of the 4 pairs; 2 d FLOPs for each of the two products.
TEST(Attention, CausalFlops_CountThePairsThatTheMaskLeaves) {
  AttentionShape shape;
  shape.sequences = 1;
  shape.query_tokens = 2;
  shape.context_tokens = 2;
  shape.heads = 1;
  shape.kv_heads = 1;
  shape.head_dim = 64;
  EXPECT_EQ(attention_flops(shape).value, 3 * 4 * 64);
  shape.causal = false;
  EXPECT_EQ(attention_flops(shape).value, 4 * 4 * 64);
  shape.backward = true;
  EXPECT_EQ(attention_flops(shape).value, 2.5 * 4 * 4 * 64);
  EXPECT_EQ(attention_bytes(shape).value, 2.5 * 2 * (2 + 2) * 128);
}

TEST(Attention, NarrowValues_CountTheirOwnWidth) {
  AttentionShape shape;
  shape.sequences = 1;
  shape.query_tokens = 1;
  shape.context_tokens = 1000;
  shape.heads = 16;
  shape.kv_heads = 16;
  shape.head_dim = 192;
  shape.v_head_dim = 128;
  EXPECT_EQ(attention_flops(shape).value, 2.0 * 16 * 1000 * (192 + 128));
}

TEST(Attention, HeadDimOutsideTheSamples_IsExtrapolated) {
  AttentionShape shape;
  shape.sequences = 1;
  shape.query_tokens = 512;
  shape.context_tokens = 512;
  shape.heads = 8;
  shape.kv_heads = 8;
  shape.head_dim = 128;
  EXPECT_FALSE(attention_model().attention(shape).extrapolated);
  shape.head_dim = 256;
  EXPECT_TRUE(attention_model().attention(shape).extrapolated);
}

FittedLaw stream(double power) {
  return {.name = "memory.copy",
          .coefficients = {{"overhead_s", 2e-6}, {"efficiency", 0.8}, {"power", power}},
          .ranges = {{"bytes", {1e3, 1e9}}},
          .spreads = {{"launch", 0.3}, {"memory", 0.1}},
          .provenance = {}};
}

// 1 MB at 0.8 TB/s is 1.25 us: with power 1 after the launch, with a high one beside it.
TEST(MemoryKernel, Power_SaysHowLaunchAndTransferMeet) {
  EXPECT_NEAR(model_with({stream(1)}).memory_kernel(MemoryKernel::copy, {.moved = {1e6}}).estimate.time.value, 3.25e-6,
              1e-12);
  const KernelEstimate hidden = model_with({stream(30)}).memory_kernel(MemoryKernel::copy, {.moved = {1e6}});
  EXPECT_NEAR(hidden.estimate.time.value, 2e-6, 1e-9);
  EXPECT_EQ(hidden.bound, Bound::launch);
  EXPECT_EQ(hidden.estimate.spread, 0.3);
  const KernelEstimate large = model_with({stream(30)}).memory_kernel(MemoryKernel::copy, {.moved = {1e9}});
  EXPECT_EQ(large.bound, Bound::memory);
  EXPECT_EQ(large.estimate.spread, 0.1);
  EXPECT_TRUE(model_with({stream(30)}).memory_kernel(MemoryKernel::copy, {.moved = {2e9}}).extrapolated);
}

RC_GTEST_PROP(MemoryKernel, MoreBytes_NeverFaster, ()) {
  FittedLaw law = stream(static_cast<double>(*rc::gen::inRange(10, 100)) / 10);
  law.coefficients["cache_speedup"] = static_cast<double>(*rc::gen::inRange(10, 100)) / 10;
  law.coefficients["cache_share"] = static_cast<double>(*rc::gen::inRange(0, 200)) / 100;
  const KernelModel model = model_with({law});
  const double bytes = *rc::gen::inRange(0, 100000000);
  const double more = bytes + *rc::gen::inRange(0, 100000000);
  RC_ASSERT(model.memory_kernel(MemoryKernel::copy, {.moved = {more}}).estimate.time >=
            model.memory_kernel(MemoryKernel::copy, {.moved = {bytes}}).estimate.time);
}

TEST(MemoryKernel, NoLaw_IsTheDataSheetsBound) {
  const KernelEstimate bound = model_with({}).memory_kernel(MemoryKernel::softmax, {.moved = {1e9}});
  EXPECT_EQ(bound.law, nullptr);
  EXPECT_NEAR(bound.estimate.time.value, 1e-3, 1e-12);
}

TEST(FittedLaw, Spread_OfAnUnknownRegionIsTheWidest) {
  const FittedLaw law = stream(1);
  EXPECT_EQ(law.spread("memory"), 0.1);
  EXPECT_EQ(law.spread("elsewhere"), 0.3);
  EXPECT_FALSE(law.has_spread("elsewhere"));
  EXPECT_EQ(law.coefficient_or("cache_share", 0.25), 0.25);
  EXPECT_THROW(static_cast<void>(law.coefficient("cache_share")), ContractViolation);
  EXPECT_TRUE(law.covers("rows", 1e12)) << "arguments without a range";
}

}  // namespace
}  // namespace moesim::testing
