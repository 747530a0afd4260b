#include <gtest/gtest.h>
#include <set>

#include "moesim/graph/op_graph.hpp"

namespace moesim {
namespace {

std::vector<int> numbers(const std::vector<RankId>& group) {
  std::vector<int> result;
  for (const RankId rank : group) result.push_back(static_cast<int>(rank.value));
  return result;
}

const RankGroups& of(const std::array<RankGroups, kGroupRoles>& groups, GroupRole role) {
  return groups[static_cast<std::size_t>(role)];
}

// Megatron's documented example order: tensor ranks are neighbours, stages farthest apart. 16 ranks, tp 2, pp 2, dp 4.
TEST(ProcessGroups, SixteenRanks_FollowMegatronsOrder) {
  const auto groups = process_groups({.tp = 2, .pp = 2, .ep = 4, .dp = 4});
  EXPECT_EQ(numbers(of(groups, GroupRole::tensor)[1]), (std::vector{2, 3}));
  EXPECT_EQ(numbers(of(groups, GroupRole::data)[0]), (std::vector{0, 2, 4, 6}));
  EXPECT_EQ(numbers(of(groups, GroupRole::pipeline)[3]), (std::vector{3, 11}));
  EXPECT_EQ(numbers(of(groups, GroupRole::expert)[0]), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(numbers(of(groups, GroupRole::expert_data)[0]), (std::vector{0, 4}));
}

// With context parallelism the order is tp-cp-...-dp-pp; experts' tensor ranks are neighbours, their groups etp apart.
TEST(ProcessGroups, ContextAndTensorParallelExperts_TakeTheirPlaces) {
  const auto groups = process_groups({.tp = 2, .pp = 1, .ep = 2, .etp = 2, .cp = 2, .dp = 2});
  EXPECT_EQ(numbers(of(groups, GroupRole::context)[0]), (std::vector{0, 2}));
  EXPECT_EQ(numbers(of(groups, GroupRole::expert_tensor)[1]), (std::vector{2, 3}));
  EXPECT_EQ(numbers(of(groups, GroupRole::expert)[1]), (std::vector{1, 3}));
  EXPECT_EQ(numbers(of(groups, GroupRole::expert_data)[0]), (std::vector{0, 4}));
}

TEST(ProcessGroups, EveryRoleCoversEveryRankOnce) {
  const auto groups = process_groups({.tp = 2, .pp = 2, .ep = 4, .etp = 2, .cp = 2, .dp = 4});
  for (const RankGroups& role : groups) {
    std::multiset<int> seen;
    for (const auto& group : role) {
      for (const int rank : numbers(group)) seen.insert(rank);
    }
    EXPECT_EQ(seen.size(), 32U);
    EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 32U);
  }
}

TEST(ProcessGroups, GroupsOfOne_AreLeftOut) {
  for (const RankGroups& role : process_groups({})) EXPECT_TRUE(role.empty());
}

}  // namespace
}  // namespace moesim
