#include "moesim/model/selection.hpp"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::testing {
namespace {

/// Probability of each expert by adding up every order of draws.
void draw_all(const std::vector<double>& weights, int left, double probability, std::vector<bool>& taken,
              std::vector<double>& chosen) {
  if (left == 0) return;
  double rest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) rest += taken[i] ? 0 : weights[i];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (taken[i]) continue;
    const double with_it = probability * weights[i] / rest;
    chosen[i] += with_it;
    taken[i] = true;
    draw_all(weights, left - 1, with_it, taken, chosen);
    taken[i] = false;
  }
}

std::vector<double> by_enumeration(const std::vector<double>& weights, int top_k) {
  std::vector<bool> taken(weights.size());
  std::vector<double> chosen(weights.size());
  draw_all(weights, top_k, 1, taken, chosen);
  return chosen;
}

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

TEST(Selection, OneOfMany_IsTheShareOfWeight) {
  const std::vector<double> weights = {1, 2, 3, 4};
  EXPECT_THAT(selection_probabilities(weights, 1),
              ::testing::Pointwise(::testing::DoubleNear(1e-13), {0.1, 0.2, 0.3, 0.4}));
}

TEST(Selection, TwoOfThree_ByHand) {
  // weights 2, 1, 1: the first is left out when both others come before it: 2 (1/4 * 1/3)
  const std::vector<double> weights = {2, 1, 1};
  EXPECT_THAT(selection_probabilities(weights, 2),
              ::testing::Pointwise(::testing::DoubleNear(1e-13), {5.0 / 6, 7.0 / 12, 7.0 / 12}));
}

TEST(Selection, AllOfThem_IsCertain) {
  const std::vector<double> weights = {1e-6, 1, 1e6};
  EXPECT_THAT(selection_probabilities(weights, 3), ::testing::Each(::testing::DoubleNear(1, 1e-12)));
}

TEST(Selection, EqualWeights_AreKOverE) {
  for (const int top_k : {1, 8, 63, 255}) {
    const std::vector<double> weights(256, 0.7);
    EXPECT_THAT(selection_probabilities(weights, top_k), ::testing::Each(::testing::DoubleNear(top_k / 256.0, 1e-12)));
  }
}

TEST(Selection, WeightlessExperts_AreNeverChosen) {
  const std::vector<double> weights = {0, 1, 0, 1, 1};
  EXPECT_THAT(selection_probabilities(weights, 2),
              ::testing::Pointwise(::testing::DoubleNear(1e-13), {0.0, 2.0 / 3, 0.0, 2.0 / 3, 2.0 / 3}));
  EXPECT_THROW(static_cast<void>(selection_probabilities(weights, 4)), ContractViolation);
}

RC_GTEST_PROP(Selection, Probabilities_EqualEnumeration, ()) {
  const int experts = *rc::gen::inRange(1, 7);
  const int top_k = *rc::gen::inRange(1, experts + 1);
  std::vector<double> weights(static_cast<std::size_t>(experts));
  for (double& weight : weights) weight = std::exp(0.1 * *rc::gen::inRange(-60, 60));
  const std::vector<double> probabilities = selection_probabilities(weights, top_k);
  const std::vector<double> expected = by_enumeration(weights, top_k);
  for (std::size_t i = 0; i < weights.size(); ++i) RC_ASSERT(std::abs(probabilities[i] - expected[i]) < 1e-12);
}

RC_GTEST_PROP(Selection, Probabilities_AddUpToTopKAndFollowTheWeights, ()) {
  const int experts = *rc::gen::inRange(2, 200);
  const int top_k = *rc::gen::inRange(1, std::min(experts, 40) + 1);
  std::vector<double> weights(static_cast<std::size_t>(experts));
  for (double& weight : weights) weight = std::exp(0.1 * *rc::gen::inRange(-100, 100));
  const std::vector<double> probabilities = selection_probabilities(weights, top_k);
  RC_ASSERT(std::abs(sum(probabilities) - top_k) < 1e-11 * top_k);
  for (std::size_t i = 1; i < weights.size(); ++i) {
    if (weights[i] > weights[i - 1]) RC_ASSERT(probabilities[i] >= probabilities[i - 1] - 1e-12);
  }
}

TEST(Selection, Groups_EqualCounting) {
  const std::vector<double> weights(64, 1.0);
  const std::vector<int> groups = {16, 8, 40};
  EXPECT_THAT(selection_probabilities(weights, 8, groups),
              ::testing::Pointwise(::testing::DoubleNear(1e-12),
                                   {uniform_touch_probability(64, 16, 8), uniform_touch_probability(64, 8, 8),
                                    uniform_touch_probability(64, 40, 8)}));
}

TEST(Selection, Groups_ByHand) {
  // weights 1, 1 | 2, 4 and two draws: the first group stays out when 2 and 4 come first: 2/8 4/6 + 4/8 2/4
  const std::vector<double> weights = {1, 1, 2, 4};
  EXPECT_THAT(selection_probabilities(weights, 2, std::vector<int>{2, 2}),
              ::testing::Pointwise(::testing::DoubleNear(1e-12), {1 - (1.0 / 6 + 1.0 / 4), 1 - 2.0 / 8 * 1.0 / 7}));
}

RC_GTEST_PROP(Selection, WeightsForProbabilities_LeadBackToThem, ()) {
  const int experts = *rc::gen::inRange(4, 80);
  const int top_k = *rc::gen::inRange(1, experts / 2 + 1);
  std::vector<double> weights(static_cast<std::size_t>(experts));
  for (double& weight : weights) weight = std::exp(0.1 * *rc::gen::inRange(-20, 20));
  const std::vector<double> wanted = selection_probabilities(weights, top_k);
  const std::vector<double> reached = selection_probabilities(weights_for_probabilities(wanted, top_k), top_k);
  for (std::size_t i = 0; i < wanted.size(); ++i) RC_ASSERT(std::abs(wanted[i] - reached[i]) < 1e-8);
}

TEST(Selection, WeightsForProbabilities_ReachCertainAndImpossible) {
  const std::vector<double> wanted = {1, 0.5, 0.25, 0.25, 0};
  EXPECT_THAT(selection_probabilities(weights_for_probabilities(wanted, 2), 2),
              ::testing::Pointwise(::testing::DoubleNear(1e-6), wanted));
}

TEST(DistinctNodes, Unlimited_ByHand) {
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(8, 2, 2), 2 * (1 - 6.0 / 28));
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(64, 1, 4), 1);
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(64, 64, 4), 4);
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(64, 8, 1), 1);
}

TEST(DistinctNodes, Limited_ByHand) {
  // 16 experts on 4 machines, 3 draws, at most 2 machines: only one is touched with 3/15 * 2/14
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(16, 3, 4, 2), 2 - 1.0 / 35);
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(16, 4, 4, 1), 1);
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(16, 3, 4, 3), expected_distinct_nodes(16, 3, 4));
  EXPECT_DOUBLE_EQ(expected_distinct_nodes(16, 3, 4, 4), expected_distinct_nodes(16, 3, 4));
}

TEST(DistinctNodes, Limited_IsBelowBothBounds) {
  // DeepSeek-V3's layout: 256 experts on 8 machines, 8 of them per token, at most 4 machines
  const double limited = expected_distinct_nodes(256, 8, 8, 4);
  EXPECT_LT(limited, 4);
  EXPECT_GT(limited, 3.9);
  EXPECT_LT(limited, expected_distinct_nodes(256, 8, 8));
}

}  // namespace
}  // namespace moesim::testing
