#include "moesim/sim/max_min.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>

#include "random_network.hpp"

namespace moesim {
namespace {

using testing::random_network;
using testing::RandomNetwork;
using testing::route_list;

FairShare solve(const RandomNetwork& network) {
  return max_min_rates(network.capacities, route_list(network), network.caps);
}

std::vector<double> link_loads(const RandomNetwork& network, const std::vector<BytesPerSecond>& rates) {
  std::vector<double> load(network.capacities.size(), 0);
  for (std::size_t f = 0; f < rates.size(); ++f) {
    for (const LinkId link : network.routes[f]) load[link.index()] += rates[f].value;
  }
  return load;
}

// Two flows on one link of 10: 5 each.
TEST(MaxMin, TwoFlowsOneLink_ShareEqually) {
  const FairShare share = solve({.capacities = {{10}}, .routes = {{LinkId{0}}, {LinkId{0}}}, .caps = {}});
  EXPECT_DOUBLE_EQ(share.rates[0].value, 5);
  EXPECT_DOUBLE_EQ(share.rates[1].value, 5);
  EXPECT_DOUBLE_EQ(share.levels[0].value, 5);
}

// Links of 10 and 20; one flow over both, one over each. The first link gives 5 and 5, the second has 15 left.
TEST(MaxMin, ParkingLot_LongFlowIsStoppedByTheNarrowLink) {
  const FairShare share =
      solve({.capacities = {{10}, {20}}, .routes = {{LinkId{0}, LinkId{1}}, {LinkId{0}}, {LinkId{1}}}, .caps = {}});
  EXPECT_DOUBLE_EQ(share.rates[0].value, 5);
  EXPECT_DOUBLE_EQ(share.rates[1].value, 5);
  EXPECT_DOUBLE_EQ(share.rates[2].value, 15);
}

// A link of 12, flows with caps 2 and none: 2 and 10.
TEST(MaxMin, CappedFlow_LeavesTheRestToOthers) {
  const FairShare share = solve({.capacities = {{12}},
                                 .routes = {{LinkId{0}}, {LinkId{0}}},
                                 .caps = {{2}, {std::numeric_limits<double>::infinity()}}});
  EXPECT_DOUBLE_EQ(share.rates[0].value, 2);
  EXPECT_DOUBLE_EQ(share.rates[1].value, 10);
}

// A link of 12; one flow passes it twice, one once: each byte of the first counts twice, so 4 and 4.
TEST(MaxMin, LinkPassedTwice_CountsTwice) {
  const FairShare share = solve({.capacities = {{12}}, .routes = {{LinkId{0}, LinkId{0}}, {LinkId{0}}}, .caps = {}});
  EXPECT_DOUBLE_EQ(share.rates[0].value, 4);
  EXPECT_DOUBLE_EQ(share.rates[1].value, 4);
}

TEST(MaxMin, FlowWithoutLinksAndCap_IsUnlimited) {
  const FairShare share = solve({.capacities = {{12}}, .routes = {{}, {LinkId{0}}}, .caps = {}});
  EXPECT_EQ(share.rates[0].value, std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(share.rates[1].value, 12);
}

// This property defines max-min fairness.
RC_GTEST_PROP(MaxMin, EveryFlowHasABottleneck, ()) {
  const RandomNetwork network = random_network(30, 60);
  const FairShare share = solve(network);
  const std::vector<double> load = link_loads(network, share.rates);
  std::vector<double> fastest(load.size(), 0);
  for (std::size_t f = 0; f < share.rates.size(); ++f) {
    for (const LinkId link : network.routes[f]) {
      fastest[link.index()] = std::max(fastest[link.index()], share.rates[f].value);
    }
  }
  for (std::size_t l = 0; l < load.size(); ++l) RC_ASSERT(load[l] <= network.capacities[l].value * (1 + 1e-9));
  for (std::size_t f = 0; f < share.rates.size(); ++f) {
    const double rate = share.rates[f].value;
    RC_ASSERT(rate > 0);
    bool stopped = !network.caps.empty() && rate >= network.caps[f].value * (1 - 1e-9);
    if (!network.caps.empty()) RC_ASSERT(rate <= network.caps[f].value * (1 + 1e-9));
    for (const LinkId link : network.routes[f]) {
      const bool full = load[link.index()] >= network.capacities[link.index()].value * (1 - 1e-9);
      stopped = stopped || (full && rate >= fastest[link.index()] * (1 - 1e-9));
    }
    RC_ASSERT(stopped);
  }
}

// The level of a full link is the rate of its fastest flows; a link with room has none.
RC_GTEST_PROP(MaxMin, LevelIsTheRateOfTheFastestFlow, ()) {
  const RandomNetwork network = random_network(20, 40);
  const FairShare share = solve(network);
  const std::vector<double> load = link_loads(network, share.rates);
  for (std::size_t l = 0; l < load.size(); ++l) {
    const double level = share.levels[l].value;
    if (level == std::numeric_limits<double>::infinity()) continue;
    RC_ASSERT(load[l] >= network.capacities[l].value * (1 - 1e-9));
    double fastest = 0;
    for (std::size_t f = 0; f < share.rates.size(); ++f) {
      if (std::ranges::count(network.routes[f], LinkId{l}) > 0) fastest = std::max(fastest, share.rates[f].value);
    }
    RC_ASSERT(std::abs(fastest - level) <= 1e-9 * level);
  }
}

RC_GTEST_PROP(MaxMin, OrderOfFlowsChangesNothing, ()) {
  const RandomNetwork network = random_network(30, 60);
  RandomNetwork reversed = network;
  std::ranges::reverse(reversed.routes);
  std::ranges::reverse(reversed.caps);
  const FairShare share = solve(network);
  const FairShare other = solve(reversed);
  for (std::size_t f = 0; f < share.rates.size(); ++f) {
    const double mirrored = other.rates[share.rates.size() - 1 - f].value;
    RC_ASSERT(std::abs(mirrored - share.rates[f].value) <= 1e-11 * share.rates[f].value);
  }
}

RC_GTEST_PROP(MaxMin, RatesScaleWithCapacities, ()) {
  const RandomNetwork network = random_network(20, 40);
  const double factor = 1024.0 * 3;
  RandomNetwork larger = network;
  for (BytesPerSecond& capacity : larger.capacities) capacity = factor * capacity;
  for (BytesPerSecond& cap : larger.caps) cap = factor * cap;
  const FairShare share = solve(network);
  const FairShare scaled = solve(larger);
  for (std::size_t f = 0; f < share.rates.size(); ++f) {
    RC_ASSERT(std::abs(scaled.rates[f].value - factor * share.rates[f].value) <= 1e-11 * scaled.rates[f].value);
  }
}

// Twice every flow on links of twice the capacity: flows of one class may be counted together.
RC_GTEST_PROP(MaxMin, DoubledFlowsOnDoubledLinks_KeepTheirRates, ()) {
  const RandomNetwork network = random_network(20, 40);
  RandomNetwork doubled = network;
  for (BytesPerSecond& capacity : doubled.capacities) capacity = 2.0 * capacity;
  doubled.routes.insert(doubled.routes.end(), network.routes.begin(), network.routes.end());
  doubled.caps.insert(doubled.caps.end(), network.caps.begin(), network.caps.end());
  const FairShare share = solve(network);
  const FairShare twice = solve(doubled);
  for (std::size_t f = 0; f < share.rates.size(); ++f) {
    RC_ASSERT(std::abs(twice.rates[f].value - share.rates[f].value) <= 1e-11 * share.rates[f].value);
    RC_ASSERT(std::abs(twice.rates[f + share.rates.size()].value - share.rates[f].value) <=
              1e-11 * share.rates[f].value);
  }
}

}  // namespace
}  // namespace moesim
