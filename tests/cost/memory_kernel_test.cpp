// Memory-bound kernels by rows, with what they read again, and with a warm cache: a GPU of 1 TB/s and 10 MB of L2.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/kernel_laws.hpp"

#include "cost/kernel_fixture.hpp"

namespace moesim::testing {
namespace {

double seconds(const MemoryLaw& law, const MemoryShape& shape) {
  return memory_kernel_time(law, round_device(), shape).seconds;
}

// A million rows of 1 ns each take 1 ms, however narrow; wide ones take what their bytes take.
TEST(MemoryKernel, NarrowRows_CountByTheRow) {
  const MemoryLaw law{.row = 1e-9};
  EXPECT_NEAR(seconds(law, {.moved = {256e6}, .rows = 1e6}), 1e-3, 1e-12);
  EXPECT_NEAR(seconds(law, {.moved = {4e9}, .rows = 1e6}), 4e-3, 1e-12);
  EXPECT_NEAR(seconds(law, {.moved = {256e6}}), 256e-6, 1e-12) << "an elementwise kernel has no rows";
}

// Seven further reads of each token: from the cache while the tokens fit, from memory when there are ten times as many
// bytes of them as of cache.
TEST(MemoryKernel, WhatIsReadAgain_ComesFromTheCacheWhileItFits) {
  const MemoryLaw law;
  const MemoryShape small{.moved = {9e6}, .again = {7e6}, .source = {1e6}};
  EXPECT_NEAR(seconds(law, small), 9e-6, 1e-12);
  const MemoryShape large{.moved = {900e6}, .again = {700e6}, .source = {100e6}};
  EXPECT_NEAR(seconds(law, large), 1600e-6, 1e-9);
}

// What has just been written is read at four times the rate, as far as it fits.
TEST(MemoryKernel, WarmCache_IsFasterUntilItIsFull) {
  const MemoryLaw warm{.cache_speedup = 4, .cache_share = 1};
  EXPECT_NEAR(seconds(warm, {.moved = {1e6}}), 0.25e-6, 1e-12);
  EXPECT_NEAR(seconds(warm, {.moved = {100e6}}), 100e-6, 1e-12);
}

RC_GTEST_PROP(MemoryKernel, MoreOfAnything_NeverFaster, ()) {
  const auto any = [](int most) { return static_cast<double>(*rc::gen::inRange(0, most)); };
  const MemoryLaw law{.overhead = any(100) * 1e-7,
                      .efficiency = (any(100) + 1) / 100,
                      .power = 1 + any(90) / 10,
                      .cache_speedup = 1 + any(90) / 10,
                      .cache_share = any(200) / 100,
                      .bend = any(30) / 100,
                      .row = any(100) * 1e-11,
                      .again_share = any(200) / 100};
  const MemoryShape shape{
      .moved = {any(200000000)}, .rows = any(1000000), .again = {any(200000000)}, .source = {any(50000000)}};
  MemoryShape more = shape;
  more.rows += any(1000000);
  more.again += Bytes{any(100000000)};
  more.source += Bytes{any(50000000)};
  RC_ASSERT(seconds(law, more) >= seconds(law, shape));
}

TEST(MemoryLaw, NegativeTimeOfARow_IsRefused) {
  FittedLaw law{.name = "memory.norm",
                .coefficients = {{"overhead_s", 1e-6}, {"efficiency", 0.8}, {"power", 1}, {"row_s", -1e-9}},
                .ranges = {},
                .spreads = {},
                .provenance = {}};
  EXPECT_THROW(static_cast<void>(memory_law(law)), InputError);
}

}  // namespace
}  // namespace moesim::testing
