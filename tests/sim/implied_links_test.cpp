#include "sim/implied_links.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <iterator>
#include <rapidcheck/gtest.h>

#include "moesim/sim/flow_network.hpp"

#include "sim/random_network.hpp"

namespace moesim {
namespace {

RouteList without(const RouteList& routes, const std::vector<char>& implied) {
  RouteList kept;
  for (std::size_t route = 0; route < routes.size(); ++route) {
    std::vector<LinkId> links;
    std::ranges::copy_if(routes[route], std::back_inserter(links),
                         [&](LinkId link) { return implied[link.index()] == 0; });
    kept.add(links);
  }
  return kept;
}

// Links of capacity 10 (0), 3 (1), 4 (2), 7 (3). Flows 0-1, 0-2 and 3 alone: 3 + 4 <= 10, so link 0 is never full.
TEST(ImpliedLinks, NarrowerLinksTogether_ImplyAWideOne) {
  RouteList routes;
  routes.add(std::vector{LinkId{0}, LinkId{1}});
  routes.add(std::vector{LinkId{0}, LinkId{2}});
  routes.add(std::vector{LinkId{3}});
  const std::vector<BytesPerSecond> wide = {{10}, {3}, {4}, {7}};
  EXPECT_EQ(implied_links(wide, routes), (std::vector<char>{1, 0, 0, 0}));
  const std::vector<BytesPerSecond> narrow = {{6}, {3}, {4}, {7}};
  EXPECT_EQ(implied_links(narrow, routes), (std::vector<char>{0, 0, 0, 0}));
  routes.add(std::vector{LinkId{0}});  // nothing else holds this one back
  EXPECT_EQ(implied_links(wide, routes), (std::vector<char>{0, 0, 0, 0}));
}

// Two links in a row of one capacity: one of them is enough, and one is kept.
TEST(ImpliedLinks, EqualLinksInARow_KeepOne) {
  RouteList routes;
  routes.add(std::vector{LinkId{0}, LinkId{1}});
  EXPECT_EQ(implied_links(std::vector<BytesPerSecond>{{5}, {5}}, routes), (std::vector<char>{0, 1}));
}

RC_GTEST_PROP(ImpliedLinks, RatesAndEndsAreTheSameWithoutThem, ()) {
  const testing::RandomNetwork network = testing::random_network(8, 30);
  const RouteList routes = testing::route_list(network);
  const RouteList fewer = without(routes, implied_links(network.capacities, routes));
  const FairShare all = max_min_rates(network.capacities, routes);
  const FairShare some = max_min_rates(network.capacities, fewer);
  FlowSet set{.routes = routes, .begin = std::vector<Seconds>(routes.size()), .bytes = {}, .caps = {}};
  for (std::size_t f = 0; f < routes.size(); ++f) {
    RC_ASSERT(std::abs(all.rates[f] / some.rates[f] - 1) < 1e-9);
    set.bytes.push_back({static_cast<double>(*rc::gen::inRange(1, 1000))});
  }
  FlowSet fewer_set = set;
  fewer_set.routes = fewer;
  const FlowTimes ends = run_flows(network.capacities, set);
  const FlowTimes same = run_flows(network.capacities, fewer_set);
  for (std::size_t f = 0; f < routes.size(); ++f) RC_ASSERT(std::abs(ends.end[f] / same.end[f] - 1) < 1e-9);
}

}  // namespace
}  // namespace moesim
