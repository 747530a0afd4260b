#include "moesim/sim/flow_network.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>
#include <vector>

#include "random_network.hpp"
#include "reference_cluster.hpp"

namespace moesim {
namespace {

using testing::all_ranks;
using testing::random_network;
using testing::RandomNetwork;
using testing::reference_cluster;
using testing::route_list;
using testing::skewed_bytes;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The definition, without any of the engine's shortcuts: solve, go to the next completion or beginning, solve again.
std::vector<double> plain_ends(const RandomNetwork& network, const std::vector<double>& bytes,
                               const std::vector<double>& begin) {
  std::vector<double> left = bytes;
  std::vector<double> end(bytes.size(), -1);
  double now = 0;
  while (std::ranges::count(end, -1) > 0) {
    RandomNetwork present{.capacities = network.capacities, .routes = {}, .caps = {}};
    std::vector<std::size_t> who;
    double next_begin = kInfinity;
    for (std::size_t f = 0; f < bytes.size(); ++f) {
      if (end[f] >= 0) continue;
      if (begin[f] > now) {
        next_begin = std::min(next_begin, begin[f]);
        continue;
      }
      who.push_back(f);
      present.routes.push_back(network.routes[f]);
      if (!network.caps.empty()) present.caps.push_back(network.caps[f]);
    }
    const FairShare share = max_min_rates(present.capacities, route_list(present), present.caps);
    double step = next_begin - now;
    for (std::size_t i = 0; i < who.size(); ++i) step = std::min(step, left[who[i]] / share.rates[i].value);
    const double then = step == next_begin - now ? next_begin : now + step;
    for (std::size_t i = 0; i < who.size(); ++i) {
      left[who[i]] -= share.rates[i].value * step;
      if (left[who[i]] <= 1e-11 * bytes[who[i]]) end[who[i]] = then;
    }
    now = then;
  }
  return end;
}

FlowSet flow_set(const RandomNetwork& network, const std::vector<double>& bytes, const std::vector<double>& begin) {
  FlowSet flows{.routes = route_list(network), .begin = {}, .bytes = {}, .caps = network.caps};
  for (std::size_t f = 0; f < bytes.size(); ++f) {
    flows.begin.push_back({begin[f]});
    flows.bytes.push_back({bytes[f]});
  }
  return flows;
}

// A link of 10 B/s; flows of 10 and 20 B share it until the first is done at 2 s, then the second has it alone: 3 s.
TEST(FlowNetwork, TwoFlowsOneLink_SecondSpeedsUp) {
  const std::vector<BytesPerSecond> capacities = {{10}};
  FlowNetwork network(capacities);
  const std::size_t route = network.add_route(std::vector<LinkId>{LinkId{0}});
  const FlowId first = network.start(route, {10});
  const FlowId second = network.start(route, {20});
  std::vector<FlowId> done;
  EXPECT_DOUBLE_EQ(network.next_completion().value, 2);
  network.advance({1}, done);
  EXPECT_TRUE(done.empty());
  EXPECT_DOUBLE_EQ(network.link_bytes()[0].value, 10);
  network.advance(network.next_completion(), done);
  EXPECT_EQ(done, std::vector<FlowId>{first});
  EXPECT_DOUBLE_EQ(network.rate(second).value, 10);
  network.advance(network.next_completion(), done);
  EXPECT_DOUBLE_EQ(network.now().value, 3);
  EXPECT_EQ(network.active(), 0U);
  EXPECT_EQ(network.next_completion().value, kInfinity);
  EXPECT_DOUBLE_EQ(network.link_bytes()[0].value, 30);
}

TEST(FlowNetwork, FlowsWithNothingToMove_AreDoneAtOnce) {
  const std::vector<BytesPerSecond> capacities = {{10}};
  FlowNetwork network(capacities);
  const std::size_t link = network.add_route(std::vector<LinkId>{LinkId{0}});
  const std::size_t none = network.add_route(std::vector<LinkId>{});
  network.start(link, {0});
  network.start(none, {1e9});
  std::vector<FlowId> done;
  EXPECT_DOUBLE_EQ(network.next_completion().value, 0);
  network.advance({0}, done);
  EXPECT_EQ(done.size(), 2U);
}

// With a cap, a flow that leaves no link takes its time: a copy inside a device.
TEST(FlowNetwork, CappedFlowWithoutLinks_TakesBytesOverCap) {
  const std::vector<BytesPerSecond> capacities = {{10}};
  FlowNetwork network(capacities);
  network.start(network.add_route(std::vector<LinkId>{}), {30}, {5});
  EXPECT_DOUBLE_EQ(network.next_completion().value, 6);
}

// "With latencies, a flow begins to move data after the sum of its route's latencies." Two links of 10 B/s, 1 s and
// 2 s; 10 B sent at 4 s: 4 + 3 + 1.
TEST(RunFlows, LatencyOfTheRoute_ComesBeforeTheFirstByte) {
  const std::vector<LinkId> links = {LinkId{0}, LinkId{1}};
  FlowSet flows;
  flows.add(Path{.transport = Transport::pcie_p2p, .links = LinkSequence(links), .latency = {3}}, {10}, {4});
  const std::vector<BytesPerSecond> capacities = {{10}, {10}};
  EXPECT_DOUBLE_EQ(run_flows(capacities, flows).makespan.value, 8);
}

RC_GTEST_PROP(RunFlows, EqualsTheDefinition, ()) {
  const RandomNetwork network = random_network(12, 60);
  std::vector<double> bytes;
  std::vector<double> begin;
  const bool together = *rc::gen::arbitrary<bool>();
  for (std::size_t f = 0; f < network.routes.size(); ++f) {
    bytes.push_back(*rc::gen::inRange(1, 100000));
    begin.push_back(together ? 0 : *rc::gen::inRange(0, 50));
  }
  const FlowTimes times = run_flows(network.capacities, flow_set(network, bytes, begin));
  const std::vector<double> expected = plain_ends(network, bytes, begin);
  for (std::size_t f = 0; f < bytes.size(); ++f) {
    RC_ASSERT(std::abs(times.end[f].value - expected[f]) <= 1e-9 * expected[f]);
  }
}

// Makespan of the balanced exchange by hand: 8 GPUs of a machine send 8 (R - 8) S out of one NIC of 12.5 GB/s.
TEST(RunFlows, BalancedAllToAllOnOneSwitch_IsBoundByTheNic) {
  const Topology topology = reference_cluster(16, 0);
  const PathTable paths(topology, {});
  const FlowTimes times = run_flows(link_capacities(topology),
                                    all_to_all_flows(paths, all_ranks(topology), std::vector<double>(128 * 128, 1e6)));
  EXPECT_NEAR(times.makespan.value, 8 * 120 * 1e6 / 12.5e9, 1e-12);
}

// Two leaves of 8 machines, uplinks of half their NICs' sum, 50 GB/s: 64 x 64 messages cross each way.
TEST(RunFlows, BalancedAllToAllOnTheTree_IsBoundByTheUplink) {
  const Topology topology = reference_cluster(16, 8);
  const PathTable paths(topology, {});
  const FlowTimes times = run_flows(link_capacities(topology),
                                    all_to_all_flows(paths, all_ranks(topology), std::vector<double>(128 * 128, 1e6)));
  EXPECT_NEAR(times.makespan.value, 64 * 64 * 1e6 / 50e9, 1e-12);
}

// Sizes that make every class, level and order change: against the definition, to nine digits.
TEST(RunFlows, SkewedAllToAllOnTheTree_EqualsTheDefinition) {
  const Topology topology = reference_cluster(6, 2, 4);
  const PathTable paths(topology, {});
  const std::vector<RankId> ranks = all_ranks(topology);
  const std::vector<double> bytes = skewed_bytes(ranks.size());
  FlowSet flows = all_to_all_flows(paths, ranks, bytes);
  RandomNetwork network;
  network.capacities = link_capacities(topology);
  std::vector<double> sizes;
  for (std::size_t f = 0; f < flows.bytes.size(); ++f) {
    network.routes.emplace_back(flows.routes[f].begin(), flows.routes[f].end());
    sizes.push_back(flows.bytes[f].value);
  }
  const std::vector<double> expected = plain_ends(network, sizes, std::vector<double>(sizes.size(), 0));
  const FlowTimes times = run_flows(network.capacities, flows);
  for (std::size_t f = 0; f < sizes.size(); ++f) EXPECT_NEAR(times.end[f].value, expected[f], 1e-9 * expected[f]);
}

// Laws: no link carries more than its capacity on average, and what is sent has passed every link of its route.
RC_GTEST_PROP(FlowNetwork, BytesInAreBytesOut, ()) {
  const RandomNetwork network = random_network(10, 50);
  FlowNetwork flows(network.capacities, route_list(network));
  std::vector<double> expected(network.capacities.size(), 0);
  for (std::size_t f = 0; f < network.routes.size(); ++f) {
    const double bytes = *rc::gen::inRange(1, 100000);
    flows.start(f, {bytes}, network.caps.empty() ? FlowNetwork::kNoCap : network.caps[f]);
    for (const LinkId link : network.routes[f]) expected[link.index()] += bytes;
  }
  std::vector<FlowId> done;
  while (flows.active() > 0) {
    const Seconds next = flows.next_completion();
    flows.advance({0.5 * (flows.now().value + next.value)}, done);
    for (std::size_t l = 0; l < expected.size(); ++l) {
      RC_ASSERT(flows.link_bytes()[l].value <= network.capacities[l].value * flows.now().value * (1 + 1e-9));
    }
    flows.advance(next, done);
  }
  RC_ASSERT(done.size() == network.routes.size());
  for (std::size_t l = 0; l < expected.size(); ++l) {
    RC_ASSERT(std::abs(flows.link_bytes()[l].value - expected[l]) <= 1e-9 * expected[l]);
  }
}

}  // namespace
}  // namespace moesim
