#include "moesim/sim/run_collective.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <rapidcheck/gtest.h>
#include <vector>

#include "reference_cluster.hpp"
#include "sim/link_tiers.hpp"

namespace moesim {
namespace {

using testing::all_ranks;
using testing::reference_cluster;

std::shared_ptr<const Topology> one_switch(int nodes, int gpus = 8) {
  return std::make_shared<const Topology>(reference_cluster(nodes, 0, gpus));
}

/// Four machines of four GPUs on PCIe, with latencies, two of them staged: as unlike the reference clusters as it gets.
std::shared_ptr<const Topology> pcie_boxes() {
  ClusterConfig config;
  config.name = "boxes";
  config.topology = "pcie_shared_nic";
  config.box.gpus = 4;
  config.box.sockets = 2;
  config.box.gpus_per_switch = 2;
  config.box.pcie = {.bandwidth = {32e9}, .latency = {5e-7}};
  config.box.uplink = {.bandwidth = {32e9}, .latency = {2e-7}};
  config.box.inter_socket = {.bandwidth = {60e9}, .latency = {1e-7}};
  config.box.host_memory = {.bandwidth = {100e9}, .latency = {1e-7}};
  config.nic.port = {.bandwidth = {12.5e9}, .latency = {1e-6}};
  config.nic.count = 1;
  config.fabric.nodes = 4;
  return std::make_shared<const Topology>(pcie_box_shared_nic(config));
}

/// A law in which every term counts.
CollectiveModel measured(const std::shared_ptr<const Topology>& topology) {
  FittedLaw law;
  law.name = "links";
  for (const char* const family : {"all_to_all", "ring", "all_reduce"}) {
    for (const char* const side : {"", "net."}) {
      const std::string prefix = std::string(side) + family + ".";
      law.coefficients[prefix + "startup"] = 2e-5;
      law.coefficients[prefix + "startup_per_round"] = 1e-6;
      law.coefficients[prefix + "bend"] = 1e-5;
      law.coefficients[prefix + "switch_bytes"] = 1e5;
      law.coefficients[prefix + "small_message_cost"] = 0.5;
      law.coefficients[prefix + "contention"] = 0.4;
      law.coefficients[prefix + "nic_contention"] = 0.1;
      law.coefficients[prefix + "local_share"] = 0.2;
      law.coefficients[prefix + "efficiency.pcie"] = 0.8;
      law.coefficients[prefix + "efficiency.nic"] = 0.9;
      law.coefficients[prefix + "efficiency.ideal"] = 0.7;
    }
  }
  Calibration calibration;
  calibration.laws.push_back(law);
  return {topology, {}, calibration};
}

constexpr std::array kKinds = {CollectiveKind::all_to_all, CollectiveKind::all_reduce, CollectiveKind::all_gather,
                               CollectiveKind::reduce_scatter, CollectiveKind::send_recv};

// Without contention and skew the engines agree: equal transfers keep the busiest link full from the first byte to the
// last. Simulated in full (spans wanted) and folded.
TEST(RunCollective, EqualSizes_TakeTheTimeOfTheLaw) {
  for (const auto& topology : {one_switch(4), pcie_boxes()}) {
    const CollectiveModel model = measured(topology);
    for (const CollectiveKind kind : kKinds) {
      for (const Algorithms algorithm :
           {Algorithms(AllToAllAlgorithm::flat), Algorithms(AllToAllAlgorithm::hierarchical_2d),
            Algorithms(CollectiveAlgorithm::tree), Algorithms(CollectiveAlgorithm::direct)}) {
        const CollectivePlan plan = model.plan(kind, algorithm, {all_ranks(*topology)}, {}, PlanDetail::transfers);
        for (const double bytes : {1e4, 1e6, 1e8}) {
          const double expected = model.estimate(plan, {bytes}).estimate.time.value;
          const CollectiveRun folded = run_collective(model, plan, {bytes});
          const CollectiveRun full = run_collective(model, plan, {bytes}, FlowDetail::spans);
          EXPECT_NEAR(folded.time.value, expected, 1e-9 * expected);
          EXPECT_NEAR(full.time.value, expected, 1e-9 * expected);
          EXPECT_EQ(folded.folded, folded.transfers);
          EXPECT_EQ(full.folded, 0U);
          EXPECT_EQ(full.flows.size(), full.transfers);
        }
      }
    }
  }
}

// Groups of one kind that run together contend in both engines.
TEST(RunCollective, ConcurrentGroups_TakeTheTimeOfTheLaw) {
  const auto topology = one_switch(4, 4);
  const CollectiveModel model = measured(topology);
  RankGroups groups(4);
  for (std::size_t rank = 0; rank < 16; ++rank) groups[rank % 4].push_back(RankId{rank});
  for (const CollectiveKind kind : kKinds) {
    for (const NamedCollectiveAlgorithm& named : kCollectiveAlgorithms) {
      const CollectivePlan plan = model.plan(kind, named.algorithm, groups, {}, PlanDetail::transfers);
      const double expected = model.estimate(plan, {1e7}).estimate.time.value;
      EXPECT_NEAR(run_collective(model, plan, {1e7}, FlowDetail::spans).time.value, expected, 1e-9 * expected);
    }
  }
}

// Skewed sizes: never below what the links need, and the spans carry all bytes.
RC_GTEST_PROP(RunCollective, UnevenSizes_AreNeverBelowTheBound, ()) {
  const auto topology = *rc::gen::arbitrary<bool>() ? one_switch(3, 3) : pcie_boxes();
  const auto ranks = static_cast<std::size_t>(topology->ranks());
  std::vector<double> bytes;
  for (std::size_t i = 0; i < ranks * ranks; ++i) bytes.push_back(*rc::gen::inRange(0, 4000000));
  const CollectiveModel model = measured(topology);
  for (const NamedAllToAll& named : kAllToAllAlgorithms) {
    const CollectivePlan plan =
        model.plan_uneven(all_ranks(*topology), bytes, named.algorithm, {}, PlanDetail::transfers);
    const Bytes size{plan.uneven_bytes};
    const CollectiveEstimate closed = model.estimate(plan, size);
    const CollectiveRun run = run_collective(model, plan, size, FlowDetail::spans);
    RC_ASSERT(run.time.value >= closed.estimate.time.value * (1 - 1e-9));
    RC_ASSERT(run.time.value >= closed.bound.value * (1 - 1e-9));
    for (const FlowSpan& flow : run.flows) RC_ASSERT(flow.begin <= flow.end && flow.end <= run.time);
  }
}

// Two hosts of two GPUs on 25 GB/s, NICs of 12.5 GB/s. Rank 0 sends 3 and 1 GB to the other machine, rank 1 sends
// nothing: the NIC bounds at 4 / 12.5 = 0.32 s, and two flows that share it use it to the end. Both to rank 2: the
// same.
TEST(RunCollective, HandWorkedSkew) {
  const auto topology = one_switch(2, 2);
  const CollectiveModel model(topology, {}, {}, true);
  std::vector<double> bytes(16, 0);
  bytes[0 * 4 + 2] = 3e9;
  bytes[0 * 4 + 3] = 1e9;
  const CollectivePlan plan =
      model.plan_uneven(all_ranks(*topology), bytes, AllToAllAlgorithm::flat, {}, PlanDetail::transfers);
  const CollectiveRun run = run_collective(model, plan, {plan.uneven_bytes}, FlowDetail::spans);
  EXPECT_NEAR(run.time.value, 0.32, 1e-12);
  ASSERT_EQ(run.flows.size(), 2U);
  EXPECT_NEAR(run.flows[1].end.value, 0.16, 1e-12);  // 1 GB at half of the NIC
}

// What the closed form cannot see. Seven machines of one GPU, NICs of 12.5 GB/s. Out of 0 and into 1 and 2 pass 4 GB
// each, so the bound is 0.32 s. But into 1 and 2 three flows share, a third of a NIC each, and 0's own NIC is only two
// thirds full until the 1 GB flows end at 0.24 s; the other GB of 0's two flows takes 0.16 s more.
TEST(RunCollective, SenderHeldUpAtItsReceivers_TakesLongerThanTheBound) {
  const auto topology = one_switch(7, 1);
  const CollectiveModel model(topology, {}, {}, true);
  std::vector<double> bytes(49, 0);
  const auto send = [&](std::size_t from, std::size_t to, double size) { bytes[from * 7 + to] = size; };
  send(0, 1, 2e9);
  send(0, 2, 2e9);
  send(3, 1, 1e9);
  send(4, 1, 1e9);
  send(5, 2, 1e9);
  send(6, 2, 1e9);
  const CollectivePlan plan =
      model.plan_uneven(all_ranks(*topology), bytes, AllToAllAlgorithm::flat, {}, PlanDetail::transfers);
  EXPECT_NEAR(model.estimate(plan, {plan.uneven_bytes}).estimate.time.value, 0.32, 1e-12);
  EXPECT_NEAR(run_collective(model, plan, {plan.uneven_bytes}).time.value, 0.40, 1e-12);
}

// A link of 12.5 GB/s under two families with shares 0.5 and 0.8: nested constraints of 6.25 and 10 GB/s.
TEST(LinkTiers, SharesNest) {
  const auto topology = one_switch(2, 1);
  LinkTiers tiers(*topology);
  CapacityFactors slow;
  slow.fill(1);
  CapacityFactors fast = slow;
  slow[static_cast<std::size_t>(LinkKind::nic)] = 0.5;
  fast[static_cast<std::size_t>(LinkKind::nic)] = 0.8;
  tiers.declare(slow);
  tiers.declare(fast);
  tiers.declare(slow);
  const std::vector<BytesPerSecond> capacities = tiers.capacities();
  const CollectiveModel model(topology, {}, {}, true);
  const Path path = model.paths().path(RankId{0}, RankId{1});
  std::vector<LinkId> route;
  tiers.route(path, slow, route);
  std::vector<double> of_nic;
  for (const LinkId link : route) {
    if (capacities[link.index()].value < 12e9) of_nic.push_back(capacities[link.index()].value);
  }
  EXPECT_EQ(of_nic, (std::vector<double>{6.25e9, 10e9, 6.25e9, 10e9}));  // out and in
  tiers.route(path, fast, route);
  EXPECT_EQ(std::ranges::count_if(route, [&](LinkId link) { return capacities[link.index()].value < 12e9; }), 2);
}

}  // namespace
}  // namespace moesim
