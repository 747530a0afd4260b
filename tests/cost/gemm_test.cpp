// Laws that a matrix product obeys, whatever its coefficients.

#include <algorithm>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"

#include "cost/kernel_fixture.hpp"

namespace moesim::testing {
namespace {

double whole(int from, int to) { return static_cast<double>(*rc::gen::inRange(from, to)); }
double share(int least_percent, int most_percent) { return whole(least_percent, most_percent + 1) / 100; }

/// A law with random coefficients, each physical.
FittedLaw any_product_law() {
  FittedLaw law = product_law("gemm.bf16");
  law.coefficients["launch_s"] = whole(0, 100) * 1e-7;
  law.coefficients["split_launch_s"] = whole(0, 100) * 1e-7;
  law.coefficients["compute_efficiency"] = share(10, 100);
  law.coefficients["cache_rate"] = whole(5, 100) / 10;
  law.coefficients["tile_power"] = whole(10, 300) / 10;
  law.coefficients["tile_epilogue_s"] = whole(0, 100) * 1e-7;
  law.coefficients["round_prologue_s"] = whole(0, 100) * 1e-7;
  law.coefficients["step_latency_s"] = whole(0, 100) * 1e-10;
  law.coefficients["wave_smoothing"] = share(0, 100);
  law.coefficients["memory_efficiency"] = share(20, 100);
  law.coefficients["cache_speedup"] = whole(10, 100) / 10;
  law.coefficients["cache_share"] = share(1, 200);
  law.coefficients["throttle"] = share(0, 100);
  law.coefficients["throttle_time_s"] = whole(1, 1000) * 1e-5;
  return law;
}

GemmShape any_shape() {
  return {.m = whole(1, 5000), .n = 8 * whole(1, 2000), .k = 8 * whole(1, 2000), .dtype = DType::bf16};
}

double seconds(const KernelModel& model, const GemmShape& shape) { return model.gemm(shape).estimate.time.value; }

RC_GTEST_PROP(Gemm, AnyLaw_NeverFasterThanThePeak, ()) {
  const KernelModel model = model_with({any_product_law()});
  const GemmShape shape = any_shape();
  RC_ASSERT(seconds(model, shape) >= 2 * shape.m * shape.n * shape.k / 100e12);
}

RC_GTEST_PROP(Gemm, OperandsBeyondTheCache_NeverFasterThanTheMemory, ()) {
  FittedLaw law = any_product_law();
  law.coefficients["cache_share"] = 1;
  const KernelModel model = model_with({law});
  const GemmShape shape = {.m = whole(1, 5000), .n = 4096, .k = 4096, .dtype = DType::bf16};  // weights of 34 MB alone
  const double bytes = 2 * (shape.m * shape.n + shape.m * shape.k + shape.n * shape.k);
  RC_ASSERT(seconds(model, shape) >= 0.999 * bytes / 1e12);
}

// Weights that are never in the cache take at least what reading them takes; activations may come from the cache.
RC_GTEST_PROP(Gemm, ColdWeights_NeverFasterThanReadingThem, ()) {
  FittedLaw law = any_product_law();
  law.coefficients["cold_weights"] = 1;
  const GemmShape shape = any_shape();
  RC_ASSERT(seconds(model_with({law}), shape) >= 2 * shape.n * shape.k / 1e12);
}

// More rows, columns or a longer reduction never take less time: each is padded to the larger one.
RC_GTEST_PROP(Gemm, LargerProduct_NeverFaster, ()) {
  const KernelModel model = model_with({any_product_law()});
  const GemmShape small = any_shape();
  GemmShape large = small;
  const double more = whole(1, 300);
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      large.m += more;
      break;
    case 1:
      large.n += more;
      break;
    default:
      large.k += more;
  }
  RC_ASSERT(seconds(model, large) >= seconds(model, small) * (1 - 1e-12));
}

RC_GTEST_PROP(Gemm, GroupOfOne_IsTheProduct, ()) {
  const KernelModel model = model_with({any_product_law()});
  const GemmShape shape = any_shape();
  const std::array rows = {shape.m};
  for (const ExpertExecution execution :
       {ExpertExecution::sequential, ExpertExecution::batched, ExpertExecution::grouped}) {
    const KernelEstimate group =
        model.grouped_gemm({.rows = rows, .n = shape.n, .k = shape.k, .dtype = shape.dtype, .execution = execution});
    RC_ASSERT(group.estimate.time.value == seconds(model, shape));
    RC_ASSERT(group.law == model.gemm(shape).law);
  }
}

std::vector<double> any_rows() {
  std::vector<double> rows(static_cast<std::size_t>(*rc::gen::inRange(1, 40)));
  for (double& one : rows) one = whole(0, 300);
  return rows;
}

// The order of experts does not matter; those without rows cost nothing; more rows never take less time.
RC_GTEST_PROP(GroupedGemm, AnyRows_OrderAndEmptyExpertsDoNotMatter, ()) {
  const bool streamed = *rc::gen::arbitrary<bool>();
  FittedLaw law = streamed ? streamed_law("grouped_gemm.bf16") : product_law("grouped_gemm.bf16");
  const KernelModel model = model_with({product_law("gemm.bf16"), law});
  const std::vector<double> rows = any_rows();
  std::vector<double> reversed = rows;
  std::ranges::reverse(reversed);
  const auto time = [&](const std::vector<double>& of, ExpertExecution execution) {
    return model.grouped_gemm({.rows = of, .n = 512, .k = 1024, .dtype = DType::bf16, .execution = execution})
        .estimate.time.value;
  };
  for (const ExpertExecution execution :
       {ExpertExecution::sequential, ExpertExecution::batched, ExpertExecution::grouped}) {
    const double base = time(rows, execution);
    RC_ASSERT(std::abs(time(reversed, execution) - base) <= 1e-12 * base);
    if (!streamed) {
      std::vector<double> with_idle = rows;
      with_idle.push_back(0);
      RC_ASSERT(std::abs(time(with_idle, execution) - base) <= 1e-12 * base);
      std::vector<double> more = rows;
      more.back() += 100;
      RC_ASSERT(time(more, execution) >= base);
    }
    double total = 0;
    for (const double one : rows) total += one;
    RC_ASSERT(base >= 2 * total * 512 * 1024 / 100e12);
  }
}

TEST(GroupedGemm, NoRows_TakeNoTime) {
  const KernelModel model = model_with({product_law("gemm.bf16"), streamed_law("grouped_gemm.bf16")});
  const std::array rows = {0.0, 0.0};
  for (const ExpertExecution execution :
       {ExpertExecution::sequential, ExpertExecution::batched, ExpertExecution::grouped}) {
    const KernelEstimate group =
        model.grouped_gemm({.rows = rows, .n = 64, .k = 64, .dtype = DType::bf16, .execution = execution});
    EXPECT_EQ(group.estimate.time.value, 0);
  }
}

// 100 multiprocessors, tiles without any cost but their products, no overlap of waves: 100 tiles of 256 x 128 fill one
// wave. 2 x 256 x 128 x 4096 FLOPs at 1 TFLOPS a multiprocessor: 268.4 us.
TEST(Gemm, OneWave_TakesTheTimeOfATile) {
  FittedLaw law = product_law("gemm.bf16");
  for (const char* zero : {"launch_s", "split_launch_s", "tile_epilogue_s", "round_prologue_s", "step_latency_s",
                           "wave_smoothing", "throttle"}) {
    law.coefficients[zero] = 0;
  }
  law.coefficients["compute_efficiency"] = 1;
  law.coefficients["cache_rate"] = 1e6;
  law.coefficients["memory_efficiency"] = 1;
  const KernelModel model = model_with({law});
  const KernelEstimate full = model.gemm({.m = 2560, .n = 1280, .k = 4096, .dtype = DType::bf16});
  // Memory traffic of 38.5 MB at 1 TB/s hides behind the products: (w^4 + m^4)^(1/4).
  const double work = 2.0 * 256 * 128 * 4096 / 1e12;
  EXPECT_NEAR(full.estimate.time.value, work, 1e-3 * work);
  EXPECT_EQ(full.bound, Bound::compute);
  EXPECT_EQ(full.estimate.spread, 0.15) << "one wave is few waves";
  // One column more: a tile more that no multiprocessor has left; at best the smallest tiles round up.
  const KernelEstimate more = model.gemm({.m = 2560, .n = 1281, .k = 4096, .dtype = DType::bf16});
  EXPECT_GT(more.estimate.time.value, 1.02 * full.estimate.time.value);
}

TEST(Gemm, OutsideTheSamples_IsExtrapolatedAndWider) {
  const KernelModel model = model_with({product_law("gemm.bf16")});
  const KernelEstimate inside = model.gemm({.m = 4096, .n = 8192, .k = 8192, .dtype = DType::bf16});
  EXPECT_FALSE(inside.extrapolated);
  EXPECT_EQ(inside.estimate.spread, 0.05);
  const KernelEstimate outside = model.gemm({.m = 8192, .n = 8192, .k = 8192, .dtype = DType::bf16});
  EXPECT_TRUE(outside.extrapolated);
  EXPECT_EQ(outside.estimate.spread, 0.3);
}

TEST(KernelModel, ElementTypes_SixteenBitStandInForEachOther) {
  const KernelModel model = model_with({product_law("gemm.fp16")});
  const GemmShape shape{.m = 512, .n = 512, .k = 512, .dtype = DType::bf16};
  ASSERT_NE(model.gemm(shape).law, nullptr);
  EXPECT_EQ(model.gemm(shape).law->name, "gemm.fp16");
  // No law: the roofline, and a factor of two around it.
  const KernelEstimate fp8 = model.gemm({.m = 4096, .n = 4096, .k = 4096, .dtype = DType::fp8});
  EXPECT_EQ(fp8.law, nullptr);
  EXPECT_DOUBLE_EQ(fp8.estimate.spread, std::log(2.0));
  EXPECT_NEAR(fp8.estimate.time.value, 2.0 * 4096 * 4096 * 4096 / 200e12, 0.05 * fp8.estimate.time.value);
}

TEST(KernelModel, Copies_KeepTheirLaws) {
  auto original = std::make_unique<KernelModel>(model_with({product_law("gemm.bf16")}));
  const KernelModel copy = *original;
  const KernelEstimate estimate = copy.gemm({.m = 64, .n = 64, .k = 64, .dtype = DType::bf16});
  original.reset();
  EXPECT_EQ(estimate.law->name, "gemm.bf16");
}

TEST(KernelModel, CoefficientsOutOfRange_AreRefused) {
  const auto refused = [](const char* name, double value) {
    FittedLaw law = product_law("gemm.bf16");
    law.coefficients[name] = value;
    EXPECT_THROW(model_with({law}), InputError) << name << " = " << value;
  };
  refused("compute_efficiency", 1.01);
  refused("compute_efficiency", 0);
  refused("memory_efficiency", 2);
  refused("launch_s", -1e-9);
  refused("cache_speedup", 0.5);
  refused("wave_smoothing", 1.5);
}

}  // namespace
}  // namespace moesim::testing
