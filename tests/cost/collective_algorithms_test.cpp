// Rings, trees and direct transfers: what they move, on which links, in how many steps.

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <numeric>
#include <rapidcheck/gtest.h>
#include <set>
#include <vector>

#include "moesim/cost/collectives.hpp"

#include "cost/collective_fixture.hpp"

namespace moesim {
namespace {

CollectivePlan plan_of(const CollectiveModel& model, CollectiveKind kind, CollectiveAlgorithm algorithm,
                       const std::vector<RankId>& group) {
  return model.plan(kind, algorithm, {group}, {}, PlanDetail::transfers);
}

/// One rank on each of so many machines, network latency 1 us a hop.
CollectiveModel one_rank_machines(int machines) {
  ClusterConfig config = reference(machines, 0);
  config.box.gpus = 1;
  config.nic.port.latency = {1e-6};
  return ideal_model(config);
}

/// What a rank sends and receives, per byte.
struct Moved {
  double out = 0;
  double in = 0;
};
std::map<RankId, Moved> moved(const CollectivePlan& plan) {
  std::map<RankId, Moved> by_rank;
  for (const CollectivePlan::Phase& phase : plan.phases) {
    for (const Transfer& one : phase.transfers) {
      by_rank[one.from].out += one.bytes;
      by_rank[one.to].in += one.bytes;
    }
  }
  return by_rank;
}

// What has to be moved at least is what each algorithm moves in all: (R - 1)/R of the data to each rank, twice for an
// all_reduce; up and down R - 1 edges of a tree.
RC_GTEST_PROP(CollectiveAlgorithms, MoveTheSameBytesInAll, ()) {
  ClusterConfig config = reference(*rc::gen::inRange(1, 7), 0);
  config.box.gpus = *rc::gen::inRange(1, 9);
  const CollectiveModel model = ideal_model(config);
  const int ranks = model.topology().ranks();
  RC_PRE(ranks > 1);
  const auto total = [&](CollectiveKind kind, CollectiveAlgorithm algorithm) {
    double in = 0;
    double out = 0;
    for (const auto& [rank, bytes] : moved(plan_of(model, kind, algorithm, first_ranks(ranks)))) {
      in += bytes.in;
      out += bytes.out;
    }
    RC_ASSERT(std::abs(in - out) < 1e-9 * in);
    return in;
  };
  for (const CollectiveKind kind : {CollectiveKind::all_gather, CollectiveKind::reduce_scatter}) {
    for (const CollectiveAlgorithm algorithm : {CollectiveAlgorithm::ring, CollectiveAlgorithm::direct}) {
      RC_ASSERT(std::abs(total(kind, algorithm) / (ranks - 1) - 1) < 1e-9);
    }
  }
  for (const NamedCollectiveAlgorithm& named : kCollectiveAlgorithms) {
    RC_ASSERT(std::abs(total(CollectiveKind::all_reduce, named.algorithm) / (2 * (ranks - 1)) - 1) < 1e-9);
  }
}

// Direct: each rank gets the shard of each other, once.
TEST(CollectiveAlgorithms, DirectAllGather_BringsEveryShardToEveryRank) {
  const CollectiveModel model = ideal_model(reference(2, 0));
  const CollectivePlan plan = plan_of(model, CollectiveKind::all_gather, CollectiveAlgorithm::direct, first_ranks(16));
  ASSERT_EQ(plan.phases.size(), 1U);
  std::set<std::pair<RankId, RankId>> pairs;
  for (const Transfer& one : plan.phases.front().transfers) {
    EXPECT_DOUBLE_EQ(one.bytes, 1.0 / 16);
    pairs.insert({one.from, one.to});
  }
  EXPECT_EQ(pairs.size(), 16U * 15U);
}

// On a full crossbar, direct transfers use the links as rings do, in one step instead of R - 1.
TEST(CollectiveAlgorithms, DirectOnACrossbar_HasTheRingsBandwidthInFewerSteps) {
  const CollectiveModel model = ideal_model(reference(1, 0));
  for (const CollectiveKind kind : {CollectiveKind::all_gather, CollectiveKind::all_reduce}) {
    const CollectivePlan ring = plan_of(model, kind, CollectiveAlgorithm::ring, first_ranks(8));
    const CollectivePlan direct = plan_of(model, kind, CollectiveAlgorithm::direct, first_ranks(8));
    EXPECT_NEAR(direct.bound_per_byte / ring.bound_per_byte, 1, kExact);
    const auto steps = [](const CollectivePlan& plan) {
      return std::accumulate(plan.phases.begin(), plan.phases.end(), 0.0,
                             [](double sum, const CollectivePlan::Phase& phase) { return sum + phase.load.steps; });
    };
    EXPECT_EQ(steps(ring), (kind == CollectiveKind::all_reduce ? 2 : 1) * 7);
    EXPECT_EQ(steps(direct), kind == CollectiveKind::all_reduce ? 2 : 1);
  }
}

// Two trees over 2^k machines: k hops up and k down; a ring's steps grow with the ranks.
TEST(CollectiveAlgorithms, TreeLatency_GrowsWithTheLogarithmOfTheMachines) {
  for (int k = 1; k <= 6; ++k) {
    const int machines = 1 << k;
    const CollectiveModel model = one_rank_machines(machines);
    const auto load = [&](CollectiveAlgorithm algorithm) {
      return plan_of(model, CollectiveKind::all_reduce, algorithm, first_ranks(machines)).phases.front().load;
    };
    EXPECT_EQ(load(CollectiveAlgorithm::tree).steps, 2 * k);
    EXPECT_EQ(load(CollectiveAlgorithm::ring).steps, 2 * (machines - 1));
    EXPECT_NEAR(load(CollectiveAlgorithm::tree).latency / (2 * k * 2e-6), 1, kExact);
  }
}

// Each tree connects all ranks without a circle, and the two share the work: nobody moves more than twice the data each
// way, which is a ring's bandwidth in the limit of many ranks.
TEST(CollectiveAlgorithms, TwoTrees_ConnectAllAndShareTheWork) {
  for (int machines = 2; machines <= 33; ++machines) {
    const CollectiveModel model = one_rank_machines(machines);
    const CollectivePlan plan =
        plan_of(model, CollectiveKind::all_reduce, CollectiveAlgorithm::tree, first_ranks(machines));
    const std::vector<Transfer>& transfers = plan.phases.front().transfers;
    const auto edges = 2 * static_cast<std::size_t>(machines - 1);  // of a tree, up and down
    ASSERT_EQ(transfers.size(), 2 * edges);
    for (std::size_t tree = 0; tree < 2; ++tree) {
      std::vector<int> part(static_cast<std::size_t>(machines));
      std::iota(part.begin(), part.end(), 0);
      int parts = machines;
      for (std::size_t i = tree * edges; i < (tree + 1) * edges; i += 2) {
        const int a = part[transfers[i].from.index()];
        const int b = part[transfers[i].to.index()];
        ASSERT_NE(a, b) << machines;
        std::replace(part.begin(), part.end(), a, b);
        --parts;
      }
      EXPECT_EQ(parts, 1) << machines;
    }
    for (const auto& [rank, bytes] : moved(plan)) {
      EXPECT_LE(bytes.out, 2 + kExact) << machines;
      EXPECT_LE(bytes.in, 2 + kExact) << machines;
    }
  }
}

// Laws were fitted on rings: the others say that theirs is borrowed. There is no tree of an all_gather.
TEST(CollectiveAlgorithms, WithoutALawOfTheirOwn_CountAsExtrapolated) {
  const ClusterConfig config = reference(2, 0);
  FittedLaw law;
  law.name = "links";
  for (const std::string family :
       {"all_to_all.", "net.all_to_all.", "ring.", "net.ring.", "all_reduce.", "net.all_reduce."}) {
    law.coefficients[family + "startup"] = 1e-5;
    law.coefficients[family + "efficiency.nic"] = family.find("all_to_all") == std::string::npos ? 0.9 : 0.5;
  }
  const CollectiveModel model(std::make_shared<Topology>(build_topology(config)), config.transport,
                              {.name = "test", .device = "", .laws = {law}});
  const auto estimate = [&](CollectiveAlgorithm algorithm) {
    return model.estimate(plan_of(model, CollectiveKind::all_reduce, algorithm, first_ranks(16)), {1e6});
  };
  EXPECT_FALSE(estimate(CollectiveAlgorithm::ring).extrapolated);
  EXPECT_TRUE(estimate(CollectiveAlgorithm::tree).extrapolated);
  EXPECT_TRUE(estimate(CollectiveAlgorithm::direct).extrapolated);
  const auto direct = plan_of(model, CollectiveKind::all_gather, CollectiveAlgorithm::direct, first_ranks(16));
  EXPECT_EQ(direct.phases.front().law.coefficients.efficiency[static_cast<std::size_t>(LinkKind::nic)], 0.5);
  EXPECT_FALSE(has_algorithm(CollectiveKind::all_gather, CollectiveAlgorithm::tree));
  const auto ring = plan_of(model, CollectiveKind::all_gather, CollectiveAlgorithm::tree, first_ranks(16));
  EXPECT_EQ(ring.load_per_byte,
            plan_of(model, CollectiveKind::all_gather, CollectiveAlgorithm::ring, first_ranks(16)).load_per_byte);
  EXPECT_FALSE(model.estimate(ring, {1e6}).extrapolated);
}

}  // namespace
}  // namespace moesim
