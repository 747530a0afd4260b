#include "moesim/base/units.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

using namespace moesim::literals;

// The dimensions are checked by the compiler: these lines would not compile if a sum or quotient had another type.
static_assert(Bytes{900e9} / 450.0_GBps == Seconds{2});
static_assert(Bytes{8} / Seconds{2} == BytesPerSecond{4});
static_assert(2.0_GBps * 3.0_s == Bytes{6e9});
static_assert(Flops{3e12} / FlopsPerSecond{1.5e12} == Seconds{2});
static_assert(Flops{3e12} / Seconds{2} == 1.5_TFLOPS);
static_assert(Seconds{3} / Seconds{2} == 1.5);

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
static_assert(Addable<Seconds, Seconds> && !Addable<Seconds, Bytes> && !Addable<Bytes, BytesPerSecond> &&
              !Addable<Bytes, double>);

TEST(Units, DecimalAndBinaryLiterals) {
  EXPECT_EQ(1_KiB, Bytes{1024});
  EXPECT_EQ(1_MiB, 1024 * 1_KiB);
  EXPECT_EQ(1_GiB, 1024 * 1_MiB);
  EXPECT_EQ(100.0_Gbps, 12.5_GBps);
  EXPECT_EQ(1.0_GBps, BytesPerSecond{1e9});
}

TEST(Units, ArithmeticWithinOneDimension) {
  Seconds time = 1.0_s + 250.0_ms;
  time += 250.0_ms;
  EXPECT_EQ(time, 1.5_s);
  EXPECT_EQ(time - 0.5_s, 1.0_s);
  EXPECT_EQ(2 * time, time * 2);
  EXPECT_EQ(time / 3, 0.5_s);
  EXPECT_LT(1.0_ms, 1.0_s);
  EXPECT_LT(999.0_us, 1.0_ms);
}

}  // namespace
}  // namespace moesim
