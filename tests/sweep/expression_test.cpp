#include "moesim/sweep/expression.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "moesim/base/diagnostic.hpp"

#include "sweep/sweep_files.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

Value value_of(const std::string& text, const std::map<std::string, Value>& known = {}) {
  const Expression expression({.text = text, .file = "sweep.yaml", .line = 7, .column = 3});
  std::vector<const Value*> values;
  for (const std::string& name : expression.names()) {
    const auto found = known.find(name);
    values.push_back(found == known.end() ? nullptr : &found->second);
  }
  return expression.evaluate(values);
}

std::string refused(const std::string& text) {
  return testing::refusal(
      [&] { static_cast<void>(Expression({.text = text, .file = "sweep.yaml", .line = 7, .column = 3})); });
}

TEST(Expression, ProductsBindTighterThanSumsAndComparisonsLooser) {
  EXPECT_EQ(value_of("1 + 2 * 3"), Value(Number{7}));
  EXPECT_EQ(value_of("(1 + 2) * 3"), Value(Number{9}));
  EXPECT_EQ(value_of("8 / 2 / 2"), Value(Number{2}));
  EXPECT_EQ(value_of("7 % 4 - -1"), Value(Number{4}));
  EXPECT_EQ(value_of("1 + 1 == 2 && 3 < 4"), Value(true));
  EXPECT_EQ(value_of("1 > 2 or not (2 > 3)"), Value(true));
  EXPECT_EQ(value_of("2 <= 1 ? 5 : 6"), Value(Number{6}));
}

TEST(Expression, NamesAreDottedAndBoundOnce) {
  const Expression expression({.text = "parallelism.ep * 2 <= nodes && parallelism.ep > 1"});
  EXPECT_EQ(expression.names(), (std::vector<std::string>{"parallelism.ep", "nodes"}));
  EXPECT_EQ(value_of("a * b", {{"a", Number{3}}, {"b", Number{4}}}), Value(Number{12}));
  EXPECT_EQ(value_of("cluster == 'paper_4x8'", {{"cluster", std::string("paper_4x8")}}), Value(true));
}

TEST(Expression, UnitsAreCarriedAlong) {
  // 8 x 100 Gbps = 100 GB/s; 1 GB over it takes 10 ms.
  EXPECT_EQ(value_of("1GB / (8 * 100Gbps)"), Value((Number{0.01, {.seconds = 1}})));
  EXPECT_EQ(value_of("12.5GB/s == 100Gbps"), Value(true));
  EXPECT_EQ(value_of("max(1ms, 2us)"), Value((Number{1e-3, {.seconds = 1}})));
  EXPECT_THROW(value_of("1ms + 1B"), ExpressionError);
  EXPECT_THROW(value_of("1ms < 1"), ExpressionError);
}

TEST(Expression, Functions) {
  EXPECT_EQ(value_of("floor(2.7) + ceil(2.1) + round(2.5)"), Value(Number{8}));
  EXPECT_EQ(value_of("log2(sqrt(4096))"), Value(Number{6}));
  EXPECT_EQ(value_of("min(3, 1, 2)"), Value(Number{1}));
}

TEST(Expression, WhatCannotBeComputedHereIsAnErrorOfThePoint) {
  EXPECT_THROW(value_of("1 / 0"), ExpressionError);
  EXPECT_THROW(value_of("absent + 1"), ExpressionError);
  EXPECT_EQ(value_of("false && absent > 1"), Value(false));  // not asked for
  EXPECT_THROW(value_of("1 && true"), ExpressionError);
}

TEST(Expression, WhatCannotBeReadIsAnErrorOfTheFile) {
  EXPECT_THAT(refused("1 +"), HasSubstr("sweep.yaml:7:3: 1 +: ends where a value is expected"));
  EXPECT_THAT(refused("(1"), HasSubstr("without its ')'"));
  EXPECT_THAT(refused("1 2"), HasSubstr("cannot be read from '2' on"));
  EXPECT_THAT(refused("5kg"), HasSubstr("no number with a unit"));
  EXPECT_THAT(refused("sin(1)"), HasSubstr("no such function"));
  EXPECT_THAT(refused(std::string(500, '(')), HasSubstr("nested too deeply"));
  EXPECT_THAT(refused(std::string(2000, '1')), HasSubstr("more than 1000 characters"));
}

}  // namespace
}  // namespace moesim
