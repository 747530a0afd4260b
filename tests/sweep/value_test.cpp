#include "moesim/sweep/value.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace moesim {
namespace {

constexpr Dimension kBandwidth{.bytes = 1, .seconds = -1};

TEST(Value, TextBecomesNumbersQuantitiesFlagsAndWords) {
  EXPECT_EQ(read_value("64", false), Value(Number{64}));
  EXPECT_EQ(read_value("100Gbps", false), Value((Number{12.5e9, kBandwidth})));
  EXPECT_EQ(read_value("2us", false), Value((Number{2e-6, {.seconds = 1}})));
  EXPECT_EQ(read_value("1KiB", false), Value((Number{1024, {.bytes = 1}})));
  EXPECT_EQ(read_value("1TFLOPS", false), Value((Number{1e12, {.flops = 1, .seconds = -1}})));
  EXPECT_EQ(read_value("true", false), Value(true));
  EXPECT_EQ(read_value("paper_4x8", false), Value(std::string("paper_4x8")));
  EXPECT_EQ(read_value("64", true), Value(std::string("64")));
}

TEST(Value, WhatIsWrittenHasItsUnitAndWholeNumbersNoPoint) {
  EXPECT_EQ(write_value(Number{1048576}), "1048576");
  EXPECT_EQ(write_value(Number{0.25}), "0.25");
  EXPECT_EQ(write_value(read_value("100Gbps", false)), "12500000000B/s");
  EXPECT_EQ(write_value(Number{1, {.bytes = 2}}), std::nullopt);  // no file takes square bytes
  EXPECT_EQ(cell_text(read_value("100Gbps", false)), "12500000000");
  EXPECT_EQ(column_suffix(read_value("100Gbps", false)), "_Bps");
  EXPECT_EQ(column_suffix(Number{1}), "");
}

RC_GTEST_PROP(Value, WhatIsWrittenIsReadBack, (double value)) {
  RC_PRE(std::isfinite(value) && std::abs(value) < 1e300);
  for (const Dimension& dimension : {Dimension{}, Dimension{.seconds = 1}, Dimension{.bytes = 1}, kBandwidth,
                                     Dimension{.flops = 1, .seconds = -1}}) {
    const auto text = write_value(Number{value, dimension});
    RC_ASSERT(text.has_value());
    RC_ASSERT(read_value(*text, false) == Value(Number{value, dimension}));
  }
}

}  // namespace
}  // namespace moesim
