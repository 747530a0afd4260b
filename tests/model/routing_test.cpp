#include "moesim/model/routing.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/model/selection.hpp"

namespace moesim::testing {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// 8 experts on 4 ranks, two to a machine; 100 tokens a rank choose 2 experts each.
RoutingProblem small() { return {.experts = 8, .top_k = 2, .tokens_per_rank = 100, .ep = 4, .ranks_per_node = 2}; }

TEST(Routing, Uniform_IsBalanced) {
  const RoutingResult result = route(small(), {});
  EXPECT_TRUE(result.balanced());
  EXPECT_EQ(result.ranks(), 4);
  EXPECT_EQ(result.nodes(), 2);
  EXPECT_DOUBLE_EQ(result.rows_between(0, 3), 50);  // 200 rows over 4 ranks
  EXPECT_DOUBLE_EQ(result.rows_between(2, 2), 50);
  EXPECT_DOUBLE_EQ(result.rows_sent(1), 200);
  EXPECT_DOUBLE_EQ(result.rows_received(1), 200);
  EXPECT_THAT(result.expert_rows(3), ElementsAre(100, 100));
  EXPECT_DOUBLE_EQ(result.busiest_rank_rows(), 200);
  EXPECT_DOUBLE_EQ(result.imbalance(), 1);
  EXPECT_DOUBLE_EQ(result.total_rows(), 800);
  EXPECT_EQ(result.dropped_fraction(), 0);
  EXPECT_EQ(result.row_matrix(), std::vector<double>(16, 50.0));
  // a machine holds 4 of 8 experts: 1 - C(4, 2) / C(8, 2) of the tokens go there
  EXPECT_DOUBLE_EQ(result.rows_to_node(0, 1), 100 * (1 - 6.0 / 28));
}

TEST(Routing, OneRank_KeepsEverything) {
  RoutingProblem problem = small();
  problem.ep = 1;
  const RoutingResult result = route(problem, {});
  EXPECT_DOUBLE_EQ(result.rows_between(0, 0), 200);
  EXPECT_THAT(result.expert_rows(0), ::testing::AllOf(::testing::SizeIs(8), Each(DoubleEq(25))));
  EXPECT_DOUBLE_EQ(result.rows_to_node(0, 0), 100);
}

TEST(Routing, UnequalMachines_AreTouchedByTheirShare) {
  RoutingProblem problem = small();
  problem.ranks_per_node = 3;  // machines of 6 and 2 experts
  const RoutingResult result = route(problem, {});
  EXPECT_TRUE(result.balanced());
  EXPECT_DOUBLE_EQ(result.rows_between(0, 3), 50);
  EXPECT_DOUBLE_EQ(result.rows_to_node(0, 0), 100 * (1 - 1.0 / 28));
  EXPECT_DOUBLE_EQ(result.rows_to_node(0, 1), 100 * (1 - 15.0 / 28));
}

TEST(Routing, CapacityPadded_SendsCapacity) {
  RoutingProblem problem = small();
  problem.capacity_factor = 1.2;  // 25 tokens for each expert: 30
  EXPECT_DOUBLE_EQ(route(problem, {}).rows_between(0, 1), 60);
  problem.tokens_per_rank = 101;  // 30.3: 31
  const RoutingResult result = route(problem, {});
  EXPECT_DOUBLE_EQ(result.rows_between(0, 1), 62);
  EXPECT_THAT(result.expert_rows(0), ElementsAre(124, 124));
  EXPECT_EQ(result.dropped_fraction(), 0);
}

TEST(Routing, WholeCapacity_IsNotRoundedUp) {
  // 1.1 x 100 x 2 / 10 is 22.000000000000004 in doubles
  const RoutingProblem problem{
      .experts = 10, .top_k = 2, .tokens_per_rank = 100, .ep = 5, .ranks_per_node = 5, .capacity_factor = 1.1};
  EXPECT_DOUBLE_EQ(route(problem, {}).rows_between(0, 1), 44);
}

TEST(Routing, CapacityBelowNeed_Drops) {
  RoutingProblem problem = small();
  problem.capacity_factor = 0.6;
  problem.pad_to_capacity = false;
  const RoutingResult result = route(problem, {});
  EXPECT_DOUBLE_EQ(result.rows_between(0, 1), 30);
  EXPECT_DOUBLE_EQ(result.dropped_fraction(), 0.4);
  EXPECT_LE(result.rows_to_node(0, 1), 60);
}

TEST(Routing, DropOnly_SendsWhatThereIs) {
  RoutingProblem problem = small();
  problem.capacity_factor = 2;
  problem.pad_to_capacity = false;
  EXPECT_DOUBLE_EQ(route(problem, {}).rows_between(0, 1), 50);
}

TEST(Routing, Placement_MovesRows) {
  RoutingProblem problem{.experts = 4, .top_k = 1, .tokens_per_rank = 80, .ep = 2, .placement = {1, 0, 0, 0}};
  const RoutingResult result = route(problem, {});
  EXPECT_FALSE(result.balanced());
  EXPECT_DOUBLE_EQ(result.rows_between(0, 0), 60);
  EXPECT_DOUBLE_EQ(result.rows_between(0, 1), 20);
  EXPECT_THAT(result.expert_rows(0), ElementsAre(40, 40, 40));
  EXPECT_THAT(result.expert_rows(1), ElementsAre(40));
  EXPECT_EQ(result.busiest_rank(), 0);
  EXPECT_DOUBLE_EQ(result.busiest_rank_rows(), 120);
  EXPECT_DOUBLE_EQ(result.imbalance(), 1.5);
  problem.placement = {1, 0, 1, 0};
  EXPECT_TRUE(route(problem, {}).balanced());
}

TEST(Routing, Zipf_OneOfMany_IsTheShareOfWeight) {
  const RoutingProblem problem{.experts = 4, .top_k = 1, .tokens_per_rank = 25, .ep = 2};
  const RoutingConfig config{.distribution = ZipfRouting{.exponent = 1, .shuffle = false}};
  const RoutingResult result = route(problem, config);
  // weights 12, 6, 4, 3 of 25
  EXPECT_NEAR(result.rows_between(1, 0), 18, 1e-10);
  EXPECT_NEAR(result.rows_between(1, 1), 7, 1e-10);
  EXPECT_THAT(result.expert_rows(0), ElementsAre(DoubleNear(24, 1e-10), DoubleNear(12, 1e-10)));
}

TEST(Routing, Zipf_NoExpertGetsMoreThanEveryToken) {
  // expert 0 has 0.62 of the weight of exponent 2: eight times that would be 4.9 of each token
  const RoutingProblem problem{.experts = 64, .top_k = 8, .tokens_per_rank = 1000, .ep = 8};
  const RoutingConfig config{.distribution = ZipfRouting{.exponent = 2, .shuffle = false}};
  const RoutingResult result = route(problem, config);
  EXPECT_GT(result.expert_rows(0)[0], 7999);
  EXPECT_LE(result.expert_rows(0)[0], 8000);
  EXPECT_NEAR(result.total_rows(), 64000, 1e-6);
}

TEST(Routing, ZipfShuffle_MovesThePopularExpertsByLayer) {
  const RoutingProblem problem{.experts = 64, .top_k = 1, .tokens_per_rank = 100, .ep = 64};
  const RoutingConfig config{.distribution = ZipfRouting{.exponent = 1}};
  const RoutingResult here = route(problem, config, {.layer = 0, .micro_batch = 0});
  const RoutingResult later = route(problem, config, {.layer = 0, .micro_batch = 5});
  const RoutingResult there = route(problem, config, {.layer = 1, .micro_batch = 0});
  EXPECT_EQ(here.row_matrix(), later.row_matrix());
  EXPECT_NE(here.row_matrix(), there.row_matrix());
  EXPECT_NEAR(here.busiest_rank_rows(), there.busiest_rank_rows(), 1e-9);
}

TEST(Routing, ZipfOverMachines_TouchesThemByHand) {
  // weights 1, 1/2 | 1/3, 1/4, two draws: the second machine stays out with (12 6/13 + 6 12/19) / 25
  const RoutingProblem problem{.experts = 4, .top_k = 2, .tokens_per_rank = 1, .ep = 2, .ranks_per_node = 1};
  const RoutingResult result = route(problem, {.distribution = ZipfRouting{.exponent = 1, .shuffle = false}});
  EXPECT_NEAR(result.rows_to_node(0, 1), 1 - (12 * 6.0 / 13 + 6 * 12.0 / 19) / 25, 1e-12);
  EXPECT_NEAR(result.rows_to_node(1, 0), 1 - (4 * 3.0 / 21 + 3 * 4.0 / 22) / 25, 1e-12);
}

TEST(Routing, LoadTrace_GivesItsShares) {
  const RoutingProblem problem{.experts = 4, .top_k = 2, .tokens_per_rank = 8, .ep = 2};
  const RoutingResult result = route(problem, {.distribution = LoadTrace{{4, 2, 1, 1}}});
  EXPECT_THAT(result.expert_rows(0), ElementsAre(DoubleNear(16, 1e-9), DoubleNear(8, 1e-9)));
  EXPECT_THAT(result.expert_rows(1), ElementsAre(DoubleNear(4, 1e-9), DoubleNear(4, 1e-9)));
  EXPECT_NEAR(result.rows_between(1, 0), 12, 1e-9);
}

TEST(Routing, SkewPadded_IsBalancedAndDrops) {
  RoutingProblem problem{
      .experts = 4, .top_k = 2, .tokens_per_rank = 8, .ep = 2, .capacity_factor = 1, .pad_to_capacity = true};
  const RoutingConfig config{.distribution = LoadTrace{{4, 2, 1, 1}}};  // 8, 4, 2, 2 of 16 choices; capacity 4
  const RoutingResult padded = route(problem, config);
  EXPECT_TRUE(padded.balanced());
  EXPECT_DOUBLE_EQ(padded.rows_between(0, 1), 8);
  EXPECT_NEAR(padded.dropped_fraction(), 0.25, 1e-12);
  problem.pad_to_capacity = false;
  const RoutingResult dropped = route(problem, config);
  EXPECT_FALSE(dropped.balanced());
  EXPECT_NEAR(dropped.rows_between(0, 0), 8, 1e-9);
  EXPECT_NEAR(dropped.rows_between(0, 1), 4, 1e-9);
  EXPECT_NEAR(dropped.dropped_fraction(), 0.25, 1e-12);
}

TEST(Routing, PadToBusiest_FollowsTheLargestBlock) {
  const RoutingProblem problem{.experts = 4, .top_k = 2, .tokens_per_rank = 8, .ep = 2, .pad_to_busiest = true};
  const RoutingResult result = route(problem, {.distribution = LoadTrace{{3, 3, 1, 1}}});  // 6, 6, 2, 2
  EXPECT_TRUE(result.balanced());
  EXPECT_NEAR(result.rows_between(0, 1), 12, 1e-9);
  EXPECT_EQ(result.dropped_fraction(), 0);
}

/// Three tokens: (0, 1), (0, 2), (3, 0).
RoutingConfig three_tokens() { return {.distribution = ChoiceTrace{{{0, 1}, {0, 2}, {3, 0}}}}; }

TEST(Routing, ChoiceTrace_IsCountedTokenByToken) {
  // rank 0 has tokens a b c a, rank 1 has b c a b
  const RoutingProblem problem{.experts = 4, .top_k = 2, .tokens_per_rank = 4, .ep = 2, .ranks_per_node = 1};
  const RoutingResult result = route(problem, three_tokens());
  EXPECT_EQ(result.rows_between(0, 0), 4 + 2);
  EXPECT_EQ(result.rows_between(0, 1), 1 + 1);
  EXPECT_EQ(result.rows_between(1, 0), 4 + 1);
  EXPECT_EQ(result.rows_between(1, 1), 2 + 1);
  EXPECT_THAT(result.expert_rows(0), ElementsAre(8, 3));
  EXPECT_THAT(result.expert_rows(1), ElementsAre(3, 2));
  EXPECT_EQ(result.rows_to_node(0, 0), 4);  // every token has expert 0
  EXPECT_EQ(result.rows_to_node(0, 1), 2);
  EXPECT_EQ(result.rows_to_node(1, 1), 3);
}

TEST(Routing, ChoiceTrace_DropsLaterTokensFirst) {
  // capacity 2: rank 0's tokens a b c a fill expert 0 with a b; c keeps only expert 3, the last a only expert 1
  const RoutingProblem problem{.experts = 4,
                               .top_k = 2,
                               .tokens_per_rank = 4,
                               .ep = 2,
                               .ranks_per_node = 1,
                               .capacity_factor = 1,
                               .pad_to_capacity = false};
  const RoutingResult result = route(problem, three_tokens());
  EXPECT_EQ(result.rows_between(0, 0), 2 + 2);
  EXPECT_EQ(result.rows_between(0, 1), 2);
  EXPECT_EQ(result.rows_to_node(0, 0), 3);  // a, b and the last a
  EXPECT_EQ(result.rows_to_node(0, 1), 2);
  EXPECT_DOUBLE_EQ(result.dropped_fraction(), 4.0 / 16);
}

TEST(Routing, NodeLimit_ReducesDistinctMachines) {
  RoutingProblem problem{.experts = 16, .top_k = 3, .tokens_per_rank = 10, .ep = 4, .ranks_per_node = 1};
  problem.max_nodes_per_token = 2;
  const RoutingResult result = route(problem, {});
  EXPECT_TRUE(result.balanced());
  EXPECT_DOUBLE_EQ(result.rows_between(0, 1), 7.5);
  EXPECT_DOUBLE_EQ(result.rows_to_node(0, 3), 10 * (2 - 1.0 / 35) / 4);
}

TEST(Routing, NoTokens_NoRows) {
  RoutingProblem problem = small();
  problem.tokens_per_rank = 0;
  for (const bool noise : {false, true}) {
    const RoutingResult result = route(problem, {.sampling_noise = noise});
    EXPECT_EQ(result.total_rows(), 0);
    EXPECT_EQ(result.imbalance(), 1);
    EXPECT_EQ(result.dropped_fraction(), 0);
  }
}

std::string problems(const RoutingProblem& problem, const RoutingConfig& config) {
  try {
    static_cast<void>(route(problem, config));
  } catch (const InputError& error) {
    std::string all;
    for (const Diagnostic& diagnostic : error.diagnostics()) all += diagnostic.key + ": " + diagnostic.message + "\n";
    return all;
  }
  return "";
}

TEST(RoutingErrors, EachProblem_IsNamed) {
  RoutingProblem problem = small();
  problem.top_k = 9;
  EXPECT_THAT(problems(problem, {}), HasSubstr("model.moe.top_k: 9 must be between 1 and the number of experts (8)"));
  problem = small();
  problem.ep = 3;
  EXPECT_THAT(problems(problem, {}), HasSubstr("parallelism.ep: 8 experts do not divide over 3 ranks"));
  problem = small();
  problem.placement = {0, 1, 2, 3, 4, 0, 1, 2};
  EXPECT_THAT(problems(problem, {}), HasSubstr("expert_placement: must give each of 8 experts a rank from 0 to 3"));
  problem = small();
  problem.capacity_factor = -1;
  problem.top_k = 0;
  EXPECT_THAT(problems(problem, {}), ::testing::AllOf(HasSubstr("capacity_factor"), HasSubstr("top_k")));
}

TEST(RoutingErrors, ImpossibleLoads_AreRefused) {
  EXPECT_THAT(problems(small(), {.distribution = LoadTrace{{5, 1, 1, 1, 1, 0, 0, 0}}}),
              HasSubstr("expert 0 has 0.556 of all choices"));
  EXPECT_THAT(problems(small(), {.distribution = LoadTrace{{1, 2}}}), HasSubstr("2 loads for 8 experts"));
  EXPECT_THAT(problems(small(), {.distribution = LoadTrace{{1, 1, 1, 1, 1, 1, 1, -1}}}), HasSubstr("not negative"));
  EXPECT_THAT(problems(small(), {.distribution = LoadTrace{std::vector<double>(8)}}), HasSubstr("not all zero"));
}

TEST(RoutingErrors, BadChoices_AreRefused) {
  for (const std::vector<int>& row : {std::vector<int>{1}, {1, 1}, {1, 8}, {-1, 0}}) {
    EXPECT_THAT(problems(small(), {.distribution = ChoiceTrace{{{0, 1}, row}}}), HasSubstr("routing.choices: token 1"));
  }
  EXPECT_THAT(problems(small(), {.distribution = ChoiceTrace{}}), HasSubstr("no tokens"));
}

TEST(RoutingErrors, NodeLimitWithTooFewExperts_IsRefused) {
  RoutingProblem problem{.experts = 16, .top_k = 5, .tokens_per_rank = 10, .ep = 4, .ranks_per_node = 1};
  problem.max_nodes_per_token = 1;
  EXPECT_THAT(problems(problem, {}), HasSubstr("1 machines may hold only 4 experts (a token needs top_k = 5)"));
}

TEST(RoutingErrors, ZipfExponent_IsChecked) {
  EXPECT_THAT(problems(small(), {.distribution = ZipfRouting{.exponent = -1}}), HasSubstr("routing.exponent"));
  EXPECT_THAT(problems(small(), {.distribution = ZipfRouting{.exponent = std::nan("")}}),
              HasSubstr("routing.exponent"));
}

}  // namespace
}  // namespace moesim::testing
