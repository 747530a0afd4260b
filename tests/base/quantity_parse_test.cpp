#include <clocale>
#include <cmath>
#include <gtest/gtest.h>
#include <locale>
#include <rapidcheck/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/quantity_text.hpp"

namespace moesim {
namespace {

// --- what is taken, and what it means -------------------------------------------------------------------------------

TEST(ParseQuantity, SpellingsOfTheCommandLineContract) {
  EXPECT_EQ(parse_quantity<Bytes>("64MiB"), Bytes{64.0 * 1024 * 1024});
  EXPECT_EQ(parse_quantity<BytesPerSecond>("12.5GB/s"), BytesPerSecond{12.5e9});
  EXPECT_EQ(parse_quantity<BytesPerSecond>("100Gbps"), BytesPerSecond{12.5e9});
  EXPECT_EQ(parse_quantity<Seconds>("2us"), Seconds{2e-6});
  EXPECT_EQ(parse_quantity<FlopsPerSecond>("149.7TFLOPS"), FlopsPerSecond{149.7e12});
}

struct Scale {
  std::string_view unit;
  double value;
};

TEST(ParseQuantity, UnitsOfTime) {
  for (const auto& [unit, value] : std::vector<Scale>{{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}}) {
    EXPECT_EQ(parse_quantity<Seconds>("1" + std::string(unit)), Seconds{value}) << unit;
    EXPECT_EQ(parse_quantity<Seconds>("1 " + std::string(unit)), Seconds{value}) << unit;
  }
}

const std::vector<Scale>& data_prefixes() {
  static const std::vector<Scale> prefixes = {{"", 1},        {"k", 1e3},    {"M", 1e6},     {"G", 1e9},
                                              {"T", 1e12},    {"P", 1e15},   {"Ki", 1024.0}, {"Mi", 1048576.0},
                                              {"Gi", 0x1p30}, {"Ti", 0x1p40}};
  return prefixes;
}

TEST(ParseQuantity, DecimalAndBinaryPrefixesOfDataAreDifferentThings) {
  for (const auto& [prefix, scale] : data_prefixes()) {
    for (const auto& [unit, bytes] : std::vector<Scale>{{"B", 1}, {"b", 0.125}, {"bit", 0.125}}) {
      const std::string spelled = std::string(prefix) + std::string(unit);
      EXPECT_EQ(parse_quantity<Bytes>("3" + spelled), Bytes{3 * scale * bytes}) << spelled;
      EXPECT_EQ(parse_quantity<BytesPerSecond>("3" + spelled + "/s"), BytesPerSecond{3 * scale * bytes}) << spelled;
      EXPECT_EQ(parse_quantity<BytesPerSecond>("3  " + spelled + "ps"), BytesPerSecond{3 * scale * bytes}) << spelled;
    }
  }
}

TEST(ParseQuantity, UnitsOfArithmetic) {
  for (const auto& [prefix, scale] :
       std::vector<Scale>{{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15}}) {
    EXPECT_EQ(parse_quantity<FlopsPerSecond>("2" + std::string(prefix) + "FLOPS"), FlopsPerSecond{2 * scale}) << prefix;
    EXPECT_EQ(parse_quantity<FlopsPerSecond>("2" + std::string(prefix) + "FLOP/s"), FlopsPerSecond{2 * scale})
        << prefix;
  }
}

TEST(ParseQuantity, NumbersMayHaveSignPointAndExponent) {
  EXPECT_EQ(parse_quantity<Seconds>("-2.5e-3 ms"), Seconds{-2.5e-6});
  EXPECT_EQ(parse_quantity<Bytes>("1e3B"), Bytes{1000});
  EXPECT_EQ(parse_quantity<Bytes>(".5kB"), Bytes{500});
  EXPECT_EQ(parse_quantity<Bytes>("0B"), Bytes{0});
}

// --- what is refused ------------------------------------------------------------------------------------------------

template <class Q>
class RefusedQuantity : public ::testing::Test {};
using AllQuantities = ::testing::Types<Seconds, Bytes, BytesPerSecond, FlopsPerSecond>;
TYPED_TEST_SUITE(RefusedQuantity, AllQuantities);

TYPED_TEST(RefusedQuantity, BareNumbersEmptyTextAndNoNumbers) {
  for (const char* text :
       {"", " ", "0", "64", "1.5", "1e9", "-", ".", "s", "B", "B/s", "FLOPS", "GB/s", "/s", "ps", "i", "Ki"}) {
    EXPECT_EQ(parse_quantity<TypeParam>(text), std::nullopt) << '"' << text << '"';
  }
  EXPECT_EQ(parse_quantity<TypeParam>(std::string_view()), std::nullopt);
}

TYPED_TEST(RefusedQuantity, NumbersThatAreNotFinite) {
  for (const char* number : {"nan", "inf", "-inf", "infinity", "1e999", "NaN", "nan(1)"}) {
    for (const char* unit : {"s", "B", "PB", "B/s", "PB/s", "FLOPS", "PFLOPS"}) {
      EXPECT_EQ(parse_quantity<TypeParam>(std::string(number) + unit), std::nullopt) << number << unit;
    }
  }
  // Finite as written, too large for a double in SI units.
  for (const char* unit : {"PB", "PB/s", "PFLOPS"}) {
    EXPECT_EQ(parse_quantity<TypeParam>(std::string("1e300") + unit), std::nullopt);
  }
}

TYPED_TEST(RefusedQuantity, TextBeforeOrAfter) {
  for (const char* unit : {"s", "ms", "GB", "GiB", "GB/s", "Gbps", "TFLOPS"}) {
    for (const char* around :
         {" 1{}", "x1{}", "1{} ", "1{}x", "1{}/s/s", "1{}1", "1\t{}", "1,5{}", "+1{}", "0x1{}", "1 2{}", "1{}\n"}) {
      std::string text = around;
      text.replace(text.find("{}"), 2, unit);
      EXPECT_EQ(parse_quantity<TypeParam>(text), std::nullopt) << '"' << text << '"';
    }
  }
}

TYPED_TEST(RefusedQuantity, PrefixesThatAreWrongOrAmbiguous) {
  for (const char* text :
       {"1KB",     "1KB/s",   "1Kbps", "1mB", "1gb", "1gB/s", "1Pi",    "1PiB", "1kiB",   "1EB",       "1TiFLOPS",
        "1KFLOPS", "1Tflops", "1ks",   "1Ms", "1S",  "1sec",  "1MiMiB", "1MMB", "1Gbpps", "1GFLOPSps", "1GFLOPS/s"}) {
    EXPECT_EQ(parse_quantity<TypeParam>(text), std::nullopt) << text;
  }
}

TEST(ParseQuantity, UnitsOfAnotherQuantityAreRefused) {
  EXPECT_FALSE(parse_quantity<Seconds>("1GB") || parse_quantity<Seconds>("1GB/s") ||
               parse_quantity<Seconds>("1TFLOPS"));
  EXPECT_FALSE(parse_quantity<Bytes>("1s") || parse_quantity<Bytes>("1GB/s") || parse_quantity<Bytes>("1TFLOPS"));
  EXPECT_FALSE(parse_quantity<BytesPerSecond>("1s") || parse_quantity<BytesPerSecond>("1GB") ||
               parse_quantity<BytesPerSecond>("1TFLOPS"));
  EXPECT_FALSE(parse_quantity<FlopsPerSecond>("1s") || parse_quantity<FlopsPerSecond>("1GB") ||
               parse_quantity<FlopsPerSecond>("1GB/s"));
}

// --- laws -----------------------------------------------------------------------------------------------------------

/// Any finite double, small and huge ones included, so that every exponent is tried.
double any_finite_double() {
  const auto mantissa = static_cast<double>(*rc::gen::arbitrary<int>());
  return std::ldexp(mantissa, *rc::gen::inRange(-900, 900)) / 3.0;
}

template <class Q>
void reads_back_what_it_wrote() {
  const Q written{any_finite_double()};
  const auto read = parse_quantity<Q>(exact_quantity(written));
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->value == written.value);
}
RC_GTEST_PROP(ExactQuantity, SecondsReadBackUnchanged, ()) { reads_back_what_it_wrote<Seconds>(); }
RC_GTEST_PROP(ExactQuantity, BytesReadBackUnchanged, ()) { reads_back_what_it_wrote<Bytes>(); }
RC_GTEST_PROP(ExactQuantity, RatesReadBackUnchanged, ()) { reads_back_what_it_wrote<BytesPerSecond>(); }
RC_GTEST_PROP(ExactQuantity, FlopsReadBackUnchanged, ()) { reads_back_what_it_wrote<FlopsPerSecond>(); }

RC_GTEST_PROP(ParseQuantity, NeverThrowsAndNeverReturnsANumberThatIsNotFinite, ()) {
  const auto text =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789.e-+naif kKMGTPBbits/pFLOPSumx")));
  const auto finite = [](const auto& read) { return !read || std::isfinite(read->value); };
  RC_ASSERT(finite(parse_quantity<Seconds>(text)));
  RC_ASSERT(finite(parse_quantity<Bytes>(text)));
  RC_ASSERT(finite(parse_quantity<BytesPerSecond>(text)));
  RC_ASSERT(finite(parse_quantity<FlopsPerSecond>(text)));
}

/// 1.234,5 as in Germany; needs no locale installed.
struct CommaForPoint : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(ParseQuantity, DoesNotDependOnTheLocale) {
  const std::string c_before = std::setlocale(LC_ALL, nullptr);
  // strtod and printf obey this one, where it is installed; streams and locale-aware formatting obey the facet.
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new CommaForPoint));
  const auto read = parse_quantity<Seconds>("1234.5ms");
  const std::string written = exact_quantity(Bytes{12345.5}) + ' ' + format_quantity(Seconds{0.25});
  std::locale::global(before);
  std::setlocale(LC_ALL, c_before.c_str());
  EXPECT_EQ(read, Seconds{1.2345});
  EXPECT_EQ(written, "12345.5B 250.0 ms");
}

TEST(QuantityUnits, EveryUnitNamedInAnErrorMessageIsTaken) {
  const auto each = [](std::string_view units, const auto& taken) {
    std::string unit;
    for (const char c : std::string(units) + ' ') {
      if (c != ' ' && c != ',') {
        unit += c;
        continue;
      }
      if (!unit.empty() && unit != "or" && unit != "bits" && unit != "as") {
        EXPECT_TRUE(taken("1" + unit)) << unit;
      }
      unit.clear();
    }
  };
  each(quantity_units<Seconds>(), [](const std::string& text) { return parse_quantity<Seconds>(text).has_value(); });
  each(quantity_units<Bytes>(), [](const std::string& text) { return parse_quantity<Bytes>(text).has_value(); });
  each(quantity_units<BytesPerSecond>(),
       [](const std::string& text) { return parse_quantity<BytesPerSecond>(text).has_value(); });
  each(quantity_units<FlopsPerSecond>(),
       [](const std::string& text) { return parse_quantity<FlopsPerSecond>(text).has_value(); });
}

}  // namespace
}  // namespace moesim
