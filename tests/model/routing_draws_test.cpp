// Sampling noise: drawn tokens against expected values, seeds and streams.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "moesim/model/routing.hpp"
#include "moesim/model/selection.hpp"

#include "model/random.hpp"
#include "model/sampler.hpp"

namespace moesim::testing {
namespace {

RoutingProblem sixteen_ranks() {
  return {.experts = 64, .top_k = 8, .tokens_per_rank = 4096, .ep = 16, .ranks_per_node = 4};
}

/// Drawn rows of each expert and machine are binomial counts of all tokens, or narrower: within five standard
/// deviations.
void expect_like(const RoutingProblem& problem, const RoutingResult& drawn, const RoutingResult& expected,
                 double tolerance = 0) {
  const double tokens = problem.tokens_per_rank * problem.ep;
  const auto near = [&](double count, double mean) {
    const double p = mean / tokens;
    EXPECT_NEAR(count, mean, 5 * std::sqrt(tokens * p * std::max(1 - p, 0.0)) + tolerance * mean + 1e-6);
  };
  for (int rank = 0; rank < problem.ep; ++rank) {
    for (std::size_t i = 0; i < drawn.expert_rows(rank).size(); ++i) {
      const std::size_t at = expected.expert_rows(rank).size() == 1 ? 0 : i;
      near(drawn.expert_rows(rank)[i], expected.expert_rows(rank)[at]);
    }
  }
  for (int node = 0; node < drawn.nodes(); ++node) {
    double touched = 0;
    double mean = 0;
    for (int rank = 0; rank < problem.ep; ++rank) {
      touched += drawn.rows_to_node(rank, node);
      mean += expected.rows_to_node(rank, node);
    }
    near(touched, mean);
  }
}

TEST(RoutingDraws, Uniform_HasTheExpectedMean) {
  const RoutingProblem problem = sixteen_ranks();
  const RoutingResult drawn = route(problem, {.sampling_noise = true});
  EXPECT_FALSE(drawn.balanced());
  EXPECT_GT(drawn.imbalance(), 1);
  EXPECT_LT(drawn.imbalance(), 1.02);
  expect_like(problem, drawn, route(problem, {}));
}

TEST(RoutingDraws, Zipf_HasTheExpectedMean) {
  const RoutingProblem problem = sixteen_ranks();
  for (const double exponent : {0.5, 1.2, 3.0}) {
    RoutingConfig config{.distribution = ZipfRouting{.exponent = exponent}};
    const RoutingResult expected = route(problem, config);
    config.sampling_noise = true;
    expect_like(problem, route(problem, config), expected);
  }
}

TEST(RoutingDraws, LoadTrace_HasTheExpectedMean) {
  const RoutingProblem problem = sixteen_ranks();
  std::vector<double> loads(64);
  for (int i = 0; i < 64; ++i) loads[static_cast<std::size_t>(i)] = i % 7 == 0 ? 0 : 1 + i;
  RoutingConfig config{.distribution = LoadTrace{loads}};
  const RoutingResult expected = route(problem, config);
  config.sampling_noise = true;
  const RoutingResult drawn = route(problem, config);
  expect_like(problem, drawn, expected);
  EXPECT_EQ(drawn.expert_rows(0)[0], 0);
}

TEST(RoutingDraws, NodeLimit_HoldsForEveryToken) {
  RoutingProblem problem = sixteen_ranks();
  problem.max_nodes_per_token = 2;
  const RoutingResult expected = route(problem, {});
  const RoutingResult drawn = route(problem, {.sampling_noise = true});
  expect_like(problem, drawn, expected);
  for (int rank = 0; rank < problem.ep; ++rank) {
    double machines = 0;
    for (int node = 0; node < 4; ++node) machines += drawn.rows_to_node(rank, node);
    EXPECT_LE(machines, 2 * problem.tokens_per_rank);
  }
}

TEST(RoutingDraws, NodeLimitOfSkewedRouting_IsEstimatedFromDraws) {
  // exponent 0 has a closed form that the estimate must meet: 65,536 tokens, p = 1/8 and about 1/2
  RoutingProblem problem = sixteen_ranks();
  problem.max_nodes_per_token = 2;
  const RoutingResult exact = route(problem, {});
  const RoutingResult estimate = route(problem, {.distribution = ZipfRouting{.exponent = 0}});
  const double tokens = problem.tokens_per_rank;
  const double error = tokens * std::sqrt(0.25 / 65536);
  EXPECT_NEAR(estimate.rows_to_node(0, 3), exact.rows_to_node(0, 3), 5 * error);
  EXPECT_NEAR(estimate.rows_between(0, 5), exact.rows_between(0, 5), 5 * 4 * error);
  EXPECT_NEAR(estimate.total_rows(), exact.total_rows(), 1e-6 * exact.total_rows());
}

TEST(RoutingDraws, NodeLimitOverUnequalMachines_FollowsTheFirstChoice) {
  // machines of 6 and 2 experts, one per token: that of the first choice
  const RoutingProblem problem{
      .experts = 8, .top_k = 2, .tokens_per_rank = 1000, .ep = 4, .ranks_per_node = 3, .max_nodes_per_token = 1};
  const RoutingResult result = route(problem, {});
  const double error = 1000 * std::sqrt(0.75 * 0.25 / 65536);
  EXPECT_NEAR(result.rows_to_node(0, 0), 750, 5 * error);
  EXPECT_NEAR(result.rows_to_node(0, 1), 250, 5 * error);
  EXPECT_NEAR(result.rows_between(0, 3), 500, 10 * error);
}

TEST(RoutingDraws, Noise_ShrinksWithTokens) {
  RoutingProblem problem = sixteen_ranks();
  problem.tokens_per_rank = 16;
  const double few = route(problem, {.sampling_noise = true}).imbalance();
  problem.tokens_per_rank = 16384;
  const double many = route(problem, {.sampling_noise = true}).imbalance();
  EXPECT_GT(few - 1, 4 * (many - 1));
}

TEST(RoutingDraws, Seed_DecidesEverything) {
  const RoutingProblem problem = sixteen_ranks();
  const RoutingConfig config{.sampling_noise = true, .seed = 7};
  const RoutingResult first = route(problem, config, {.layer = 3, .micro_batch = 2});
  EXPECT_EQ(first.row_matrix(), route(problem, config, {.layer = 3, .micro_batch = 2}).row_matrix());
  EXPECT_NE(first.row_matrix(), route(problem, config, {.layer = 2, .micro_batch = 3}).row_matrix());
  EXPECT_NE(first.row_matrix(), route(problem, config, {.layer = 3, .micro_batch = 1}).row_matrix());
  EXPECT_NE(first.row_matrix(), route(problem, {.sampling_noise = true, .seed = 8}, {3, 2}).row_matrix());
}

TEST(RoutingDraws, Ranks_HaveStreamsOfTheirOwn) {
  // rank 1 draws the same tokens whoever else there is: its rows to experts 0..31 and 32..63
  const RoutingConfig config{.sampling_noise = true};
  RoutingProblem two{.experts = 64, .top_k = 4, .tokens_per_rank = 512, .ep = 2};
  RoutingProblem four = two;
  four.ep = 4;
  const RoutingResult a = route(two, config);
  const RoutingResult b = route(four, config);
  EXPECT_EQ(a.rows_between(1, 0), b.rows_between(1, 0) + b.rows_between(1, 1));
  EXPECT_EQ(a.rows_between(1, 1), b.rows_between(1, 2) + b.rows_between(1, 3));
}

TEST(RandomStream, IsTheSameOnEveryPlatform) {
  RandomStream random{1, 2, 3};
  EXPECT_EQ(random.next(), 8137338547440760092ULL);
  EXPECT_EQ(random.next(), 7288117142663666633ULL);
  EXPECT_NE(RandomStream({1, 3, 2}).next(), RandomStream({1, 2, 3}).next());
}

TEST(RandomStream, Below_IsUniform) {
  RandomStream random{42};
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000 * 6.0 / 7));
}

TEST(ExpertSampler, ExtremeWeights_EndAndAreDistinct) {
  // after the first few experts hardly any weight is left: refusals give way to a scan
  std::vector<double> weights(32, 1.0);
  for (std::size_t i = 1; i < weights.size(); ++i) weights[i] = weights[i - 1] / 10;
  ExpertSampler sampler(weights, std::vector<int>(32), 0);
  RandomStream random{5};
  std::vector<int> chosen(32);
  for (int t = 0; t < 100; ++t) {
    sampler.draw(random, chosen);
    EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()).size(), 32U);
  }
}

TEST(ExpertSampler, OpenMachinesWithoutLoad_AreFilledUp) {
  // machine 0 has one expert with weight, yet top-3 of one machine needs three
  ExpertSampler sampler({1, 0, 0, 0}, {0, 0, 0, 1}, 1);
  RandomStream random{9};
  std::vector<int> chosen(3);
  sampler.draw(random, chosen);
  EXPECT_THAT(chosen, ::testing::UnorderedElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace moesim::testing
