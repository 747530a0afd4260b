#include "moesim/scenario/spelling.hpp"

#include <array>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <string>

namespace moesim {
namespace {

TEST(Spelling, Distance_HandWorked) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("top_k", "topk"), 1U);
  EXPECT_EQ(edit_distance("bandwidht", "bandwidth"), 1U);  // a swap is one mistake
}

RC_GTEST_PROP(Spelling, DistanceIsAMetricUpToSwaps, (const std::string& a, const std::string& b)) {
  RC_ASSERT(edit_distance(a, b) == edit_distance(b, a));
  RC_ASSERT((edit_distance(a, b) == 0) == (a == b));
  RC_ASSERT(edit_distance(a, b) <= std::max(a.size(), b.size()));
}

TEST(Spelling, Nearest_OnlyWhenItIsLikelyMeant) {
  constexpr std::array<std::string_view, 3> kWords = {"experts", "top_k", "bandwidth"};
  EXPECT_EQ(nearest("topk", kWords), "top_k");
  EXPECT_EQ(nearest("expert", kWords), "experts");
  EXPECT_EQ(nearest("bandwith", kWords), "bandwidth");
  EXPECT_EQ(nearest("latency", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
}

}  // namespace
}  // namespace moesim
