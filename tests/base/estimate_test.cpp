#include "moesim/base/estimate.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>
#include <string>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

struct Part {
  std::string source;
  Estimate estimate;
  double count = 1;
};

Estimate sum(const std::vector<Part>& parts) {
  EstimateSum result;
  for (const Part& part : parts) result.add(part.source, part.estimate, part.count);
  return result.total();
}

std::vector<Part> any_parts() {
  const auto size = static_cast<std::size_t>(*rc::gen::inRange(1, 12));
  std::vector<Part> parts(size);
  for (Part& part : parts) {
    part.source = *rc::gen::elementOf(std::vector<std::string>{"gemm", "attention", "all_to_all", "norm"});
    part.estimate = {Seconds{*rc::gen::inRange(1, 1000) * 1e-6}, *rc::gen::inRange(0, 100) * 1e-2};
    part.count = *rc::gen::inRange(1, 97);
  }
  return parts;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b)); }

TEST(Estimate, IntervalIsSymmetricInTheLogarithm) {
  const Estimate estimate{Seconds{2}, std::log(1.25)};
  EXPECT_DOUBLE_EQ(estimate.interval().lo.value, 1.6);
  EXPECT_DOUBLE_EQ(estimate.interval().hi.value, 2.5);
}

TEST(Estimate, ExactTimeHasAnIntervalOfNoWidth) {
  const Estimate estimate{Seconds{3}, 0};
  EXPECT_EQ(estimate.interval().lo, Seconds{3});
  EXPECT_EQ(estimate.interval().hi, Seconds{3});
}

TEST(EstimateSum, NothingAddedIsZeroAndExact) {
  EXPECT_EQ(EstimateSum().total().time, Seconds{0});
  EXPECT_EQ(EstimateSum().total().spread, 0);
}

// One law with a bias of 10 % used twice: both uses are off in the same direction, so the total is off by 10 % too.
TEST(EstimateSum, OneSource_AddsLinearly) {
  const Estimate total = sum({{"gemm", {Seconds{1}, 0.1}}, {"gemm", {Seconds{3}, 0.1}}});
  EXPECT_DOUBLE_EQ(total.time.value, 4);
  EXPECT_DOUBLE_EQ(total.spread, 0.1);
}

// Two laws: deviations 3 s x 0.1 = 0.3 s and 2 s x 0.2 = 0.4 s are independent, sqrt(0.09 + 0.16) = 0.5 s of 5 s.
TEST(EstimateSum, TwoSources_AddInQuadrature) {
  const Estimate total = sum({{"gemm", {Seconds{3}, 0.1}}, {"all_to_all", {Seconds{2}, 0.2}}});
  EXPECT_DOUBLE_EQ(total.time.value, 5);
  EXPECT_DOUBLE_EQ(total.spread, 0.1);
}

TEST(EstimateSum, CountRepeatsTheOperation) {
  const Estimate repeated = sum({{"gemm", {Seconds{0.5}, 0.1}, 24}, {"norm", {Seconds{0.25}, 0.3}, 48}});
  const Estimate written_out = sum({{"gemm", {Seconds{12}, 0.1}}, {"norm", {Seconds{12}, 0.3}}});
  EXPECT_DOUBLE_EQ(repeated.time.value, written_out.time.value);
  EXPECT_DOUBLE_EQ(repeated.spread, written_out.spread);
}

TEST(EstimateSum, RefusesWhatIsNoTime) {
  EstimateSum total;
  EXPECT_THROW(total.add("gemm", {Seconds{-1}, 0}), ContractViolation);
  EXPECT_THROW(total.add("gemm", {Seconds{1}, -0.1}), ContractViolation);
  EXPECT_THROW(total.add("gemm", {Seconds{1}, 0.1}, -1), ContractViolation);
  EXPECT_THROW(total.add("gemm", {Seconds{std::nan("")}, 0}), ContractViolation);
  EXPECT_THROW(total.add("gemm", {Seconds{1}, std::numeric_limits<double>::infinity()}), ContractViolation);
}

RC_GTEST_PROP(EstimateSum, OrderDoesNotMatter, ()) {
  auto parts = any_parts();
  const Estimate forward = sum(parts);
  std::reverse(parts.begin(), parts.end());
  const Estimate backward = sum(parts);
  RC_ASSERT(close(forward.time.value, backward.time.value));
  RC_ASSERT(close(forward.spread, backward.spread));
}

// Independence can only help: the total's deviation lies between that of the largest source and that of one shared
// bias.
RC_GTEST_PROP(EstimateSum, SeveralSources_NeverWorseThanOne, ()) {
  auto parts = any_parts();
  const Estimate independent = sum(parts);
  double largest = 0;
  for (const Part& part : parts)
    largest = std::max(largest, part.count * part.estimate.time.value * part.estimate.spread);
  for (Part& part : parts) part.source = "one";
  const Estimate shared = sum(parts);
  RC_ASSERT(close(independent.time.value, shared.time.value));
  RC_ASSERT(independent.spread <= shared.spread * (1 + 1e-12));
  RC_ASSERT(independent.spread * independent.time.value >= largest * (1 - 1e-12));
}

RC_GTEST_PROP(EstimateSum, ScalingEveryTimeScalesTheTimeAndKeepsTheSpread, ()) {
  auto parts = any_parts();
  const Estimate before = sum(parts);
  const double factor = *rc::gen::inRange(1, 1000) * 0.125;
  for (Part& part : parts) part.estimate.time = factor * part.estimate.time;
  const Estimate after = sum(parts);
  RC_ASSERT(close(after.time.value, factor * before.time.value));
  RC_ASSERT(close(after.spread, before.spread));
}

}  // namespace
}  // namespace moesim
