#include "moesim/base/ids.hpp"

#include <concepts>
#include <cstddef>
#include <gtest/gtest.h>
#include <unordered_set>

namespace moesim {
namespace {

static_assert(!std::convertible_to<std::size_t, NodeId>, "an index becomes an id only by saying so");
static_assert(!std::convertible_to<NodeId, LinkId> && !std::constructible_from<LinkId, NodeId>);
static_assert(!std::equality_comparable_with<NodeId, LinkId>);

TEST(Id, OrdersAndHashesByIndex) {
  EXPECT_LT(NodeId(1), NodeId(2));
  EXPECT_EQ(NodeId(7).index(), 7U);
  const std::unordered_set<LinkId> links = {LinkId(1), LinkId(2), LinkId(1)};
  EXPECT_EQ(links.size(), 2U);
}

}  // namespace
}  // namespace moesim
