#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

namespace moesim {
namespace {

TEST(FormatQuantity, PrefixThatFits) {
  EXPECT_EQ(format_quantity(Seconds{2.38}), "2.38 s");
  EXPECT_EQ(format_quantity(Seconds{0.2109}), "210.9 ms");
  EXPECT_EQ(format_quantity(Seconds{3.5e-6}), "3.50 us");
  EXPECT_EQ(format_quantity(Seconds{4.2e-10}), "0.42 ns");
  EXPECT_EQ(format_quantity(BytesPerSecond{12.5e9}), "12.5 GB/s");
  EXPECT_EQ(format_quantity(Bytes{64.0 * 1024 * 1024}), "67.1 MB");
  EXPECT_EQ(format_quantity(FlopsPerSecond{149.7e12}), "149.7 TFLOPS");
}

TEST(FormatQuantity, RoundingUpToAThousandTakesTheNextPrefix) {
  EXPECT_EQ(format_quantity(Bytes{999.9e3}), "999.9 kB");
  EXPECT_EQ(format_quantity(Bytes{999.96e3}), "1.00 MB");
  EXPECT_EQ(format_quantity(Bytes{9.996e3}), "10.0 kB");
}

TEST(FormatQuantity, ZeroNegativeHugeAndNotFinite) {
  EXPECT_EQ(format_quantity(Seconds{0}), "0 s");
  EXPECT_EQ(format_quantity(Seconds{-0.0}), "0 s");
  EXPECT_EQ(format_quantity(Seconds{-1.5e-3}), "-1.50 ms");
  EXPECT_EQ(format_quantity(Seconds{86400}), "86400 s");
  EXPECT_EQ(format_quantity(Bytes{1e24}), "1e+09 PB");
  EXPECT_EQ(format_quantity(Seconds{std::numeric_limits<double>::infinity()}), "inf s");
}

TEST(ExactQuantity, SiUnitWithoutPrefix) {
  EXPECT_EQ(exact_quantity(Bytes{80.0 * 1024 * 1024 * 1024}), "85899345920B");
  EXPECT_EQ(exact_quantity(Seconds{1.5e-3}), "0.0015s");
  EXPECT_EQ(exact_quantity(BytesPerSecond{12.5e9}), "12500000000B/s");
  EXPECT_EQ(exact_quantity(FlopsPerSecond{149.7e12}), "149700000000000FLOPS");
}

TEST(ExactQuantity, RefusesWhatCannotBeReadBack) {
  EXPECT_THROW(static_cast<void>(exact_quantity(Seconds{std::nan("")})), ContractViolation);
  EXPECT_THROW(static_cast<void>(exact_quantity(Bytes{std::numeric_limits<double>::infinity()})), ContractViolation);
}

// Three to four significant digits are printed, so what is read back is within half a unit of the third digit.
RC_GTEST_PROP(FormatQuantity, ReadsBackWithinHalfAPercent, ()) {
  const double mantissa = *rc::gen::inRange(1000, 10000) * 1e-3;
  const double exponent = *rc::gen::inRange(-9, 18);
  const double value = mantissa * std::pow(10.0, exponent);
  const auto close = [value](const auto& read) {
    return read && std::abs(read->value - value) <= 0.005 * value * (1 + 1e-9);
  };
  RC_ASSERT(close(parse_quantity<Seconds>(format_quantity(Seconds{value}))));
  if (value >= 1) {
    RC_ASSERT(close(parse_quantity<Bytes>(format_quantity(Bytes{value}))));
    RC_ASSERT(close(parse_quantity<BytesPerSecond>(format_quantity(BytesPerSecond{value}))));
    RC_ASSERT(close(parse_quantity<FlopsPerSecond>(format_quantity(FlopsPerSecond{value}))));
  }
}

RC_GTEST_PROP(FormatQuantity, AtMostFourDigitsWithinThePrefixes, ()) {
  const double value = *rc::gen::inRange(1000, 10000) * std::pow(10.0, *rc::gen::inRange(-3, 14));
  std::size_t digits = 0;
  for (const char c : format_quantity(Bytes{value})) digits += (c >= '0' && c <= '9') ? 1U : 0U;
  RC_ASSERT(digits == 3U || digits == 4U);
}

}  // namespace
}  // namespace moesim
