#include "sim/water_levels.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>
#include <vector>

#include "random_network.hpp"
#include "sim/progressive_filling.hpp"

namespace moesim {
namespace {

using testing::random_network;
using testing::RandomNetwork;
using testing::route_list;

// Flows leave in random order; after each, the levels give every flow the rate of a fresh solve.
RC_GTEST_PROP(WaterLevels, FollowFlowsThatLeave, ()) {
  RandomNetwork network = random_network(12, 50);
  const RouteList routes = route_list(network);
  std::vector<double> capacities;
  for (const BytesPerSecond capacity : network.capacities) capacities.push_back(capacity.value);
  std::vector<double> caps;
  for (const BytesPerSecond cap : network.caps) caps.push_back(cap.value);
  std::vector<std::uint32_t> present(routes.size());
  std::iota(present.begin(), present.end(), 0U);
  const std::vector<std::uint32_t> identity = present;
  std::vector<double> rates(routes.size());
  ProgressiveFilling filling(capacities);
  const ProgressiveFilling::Flows flows{routes, identity, caps};
  filling.solve(flows, present, rates);

  WaterLevels levels;
  for (std::size_t l = 0; l < capacities.size(); ++l) levels.add_link(capacities[l], filling.levels()[l]);
  for (std::size_t f = 0; f < routes.size(); ++f) {  // one class per flow, one constraint per cap
    if (!caps.empty()) levels.add_cap(caps[f]);
  }
  for (std::size_t f = 0; f < routes.size(); ++f) {
    levels.add_class(1, 1e300);
    std::vector<LinkId> links(routes[f].begin(), routes[f].end());
    std::sort(links.begin(), links.end());
    for (std::size_t i = 0; i < links.size();) {
      const auto last = std::upper_bound(links.begin(), links.end(), links[i]);
      levels.add_passages(links[i].value, static_cast<double>(last - (links.begin() + static_cast<long>(i))), true);
      i = static_cast<std::size_t>(last - links.begin());
    }
    if (!caps.empty()) levels.add_passages(static_cast<std::uint32_t>(capacities.size() + f), 1, true);
  }
  levels.start();

  while (!present.empty()) {
    const auto at = *rc::gen::inRange<std::size_t>(0, present.size());
    const std::uint32_t gone = present[at];
    present.erase(present.begin() + static_cast<long>(at));
    levels.remove_flow(gone);
    RC_ASSERT(levels.settle());
    filling.solve(flows, present, rates);
    for (const std::uint32_t f : present) {
      RC_ASSERT(std::abs(levels.level(levels.stopped_by(f)) - rates[f]) <= 1e-9 * rates[f]);
    }
  }
}

// A link of 12 B/s that two flows pass, stopped elsewhere at 3 B/s each: it has room for 6 more, and when one of the
// narrow links' other flows leaves, its flow speeds up to 6 B/s. The limit of 4 B/s makes the levels give up.
TEST(WaterLevels, FasterThanTheLimit_GivesUp) {
  for (const double limit : {4.0, 7.0}) {
    WaterLevels levels;
    const auto narrow = levels.add_link(6, 3);
    const auto kept = levels.add_class(1, limit);
    levels.add_passages(narrow, 1, true);
    const auto leaving = levels.add_class(1, limit);
    levels.add_passages(narrow, 1, true);
    levels.start();
    levels.remove_flow(leaving);
    EXPECT_EQ(levels.settle(), limit > 6);
    if (limit > 6) {
      EXPECT_DOUBLE_EQ(levels.level(levels.stopped_by(kept)), 6);
    }
  }
}

// A class passes a link that is declared not to stop it; when that link comes to be the narrower one, the levels say
// so.
TEST(WaterLevels, LinkThatShouldNotStopAClassDoes_GivesUp) {
  WaterLevels levels;
  const auto narrow = levels.add_link(6, 3);  // two flows, 3 B/s each
  const auto wide = levels.add_link(8, 5);    // one of them and another: 3 + 5 B/s
  levels.add_class(1, 1e300);
  levels.add_passages(narrow, 1, true);
  levels.add_passages(wide, 1, false);
  const auto leaving = levels.add_class(1, 1e300);
  levels.add_passages(narrow, 1, true);
  levels.add_class(1, 1e300);
  levels.add_passages(wide, 1, true);
  levels.start();
  levels.remove_flow(leaving);  // now 6 B/s on the narrow link, and 2 B/s for the other on the wide one
  EXPECT_FALSE(levels.settle());
}

}  // namespace
}  // namespace moesim
