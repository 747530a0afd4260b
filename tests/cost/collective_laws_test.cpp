#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/cluster/topologies.hpp"
#include "moesim/cost/collectives.hpp"

#include "cost/collective_fixture.hpp"

namespace moesim {
namespace {

/// A reference cluster of random size, with a law of random coefficients.
struct RandomCluster {
  ClusterConfig config;
  Calibration calibration;
};

RandomCluster random_cluster() {
  RandomCluster made;
  made.config = reference(*rc::gen::inRange(1, 6), *rc::gen::element(0, 1, 2));
  made.config.box.gpus = *rc::gen::inRange(1, 5);
  made.config.box.pcie.bandwidth = {*rc::gen::inRange(1, 100) * 1e9};
  made.config.nic.port.bandwidth = {*rc::gen::inRange(1, 100) * 1e9};
  made.config.box.pcie.latency = {*rc::gen::inRange(0, 10) * 1e-7};
  FittedLaw law;
  law.name = "links";
  for (const std::string family : {"all_to_all.", "net.all_to_all.", "ring.", "net.ring.", "net.all_reduce."}) {
    law.coefficients[family + "startup"] = *rc::gen::inRange(0, 100) * 1e-6;
    law.coefficients[family + "startup_per_round"] = *rc::gen::inRange(0, 100) * 1e-7;
    law.coefficients[family + "simple_startup"] = *rc::gen::inRange(0, 100) * 1e-7;
    law.coefficients[family + "switch_bytes"] = std::pow(2, *rc::gen::inRange(0, 24));
    law.coefficients[family + "bend"] = *rc::gen::inRange(0, 100) * 1e-7;
    law.coefficients[family + "bend_power"] = *rc::gen::inRange(1, 101) * 0.01;
    law.coefficients[family + "small_message_cost"] = *rc::gen::inRange(0, 81) * 0.1;
    law.coefficients[family + "contention"] = *rc::gen::inRange(0, 30) * 0.1;
    law.coefficients[family + "nic_contention"] = *rc::gen::inRange(0, 10) * 0.1;
    law.coefficients[family + "local_share"] = *rc::gen::inRange(0, 20) * 0.1;
    law.coefficients[family + "efficiency.ideal"] = *rc::gen::inRange(1, 101) * 0.01;
    law.coefficients[family + "efficiency.nic"] = *rc::gen::inRange(1, 101) * 0.01;
  }
  made.calibration = {.name = "random", .device = "", .laws = {law}};
  return made;
}

CollectiveModel model_of(const RandomCluster& cluster) {
  return {std::make_shared<Topology>(build_topology(cluster.config)), cluster.config.transport, cluster.calibration};
}

CollectivePlan random_plan(const CollectiveModel& model) {
  const auto kind = rc::gen::elementOf(std::vector<NamedCollective>(kCollectives.begin(), kCollectives.end()));
  const auto exchange =
      rc::gen::elementOf(std::vector<NamedAllToAll>(kAllToAllAlgorithms.begin(), kAllToAllAlgorithms.end()));
  const auto other = rc::gen::elementOf(
      std::vector<NamedCollectiveAlgorithm>(kCollectiveAlgorithms.begin(), kCollectiveAlgorithms.end()));
  Algorithms algorithms = (*exchange).algorithm;
  algorithms.others = (*other).algorithm;
  return model.plan((*kind).kind, algorithms, {first_ranks(model.topology().ranks())},
                    {.machines = *rc::gen::inRange(1, 11) * 0.1, .ranks = *rc::gen::inRange(1, 11) * 0.1});
}

RC_GTEST_PROP(CollectiveLaws, NeverBelowTheBound_AndGrowingWithTheBytes, ()) {
  const CollectiveModel model = model_of(random_cluster());
  const CollectivePlan plan = random_plan(model);
  double last = 0;
  for (double bytes = 1; bytes < 1e10; bytes *= 1.9) {
    const CollectiveEstimate estimate = model.estimate(plan, {bytes});
    RC_ASSERT(estimate.estimate.time.value >= bytes * plan.bound_per_byte * (1 - kExact));
    RC_ASSERT(estimate.estimate.time.value >= last * (1 - kExact));
    last = estimate.estimate.time.value;
  }
}

RC_GTEST_PROP(CollectiveLaws, NoLinkIsUsedMoreThanFully_BusiestFirst, ()) {
  const CollectiveModel model = model_of(random_cluster());
  const CollectivePlan plan = random_plan(model);
  double last = 1;
  for (const LinkLoad& load : model.link_loads(plan, {*rc::gen::inRange(1, 1000) * 1e6})) {
    RC_ASSERT(load.utilization > 0);
    RC_ASSERT(load.utilization <= last);
    last = load.utilization;
  }
}

// What the GPUs of a machine lose to each other does not depend on the number of its ports. In a PCIe box these are
// links of their own; a hub has one cable for all.
RC_GTEST_PROP(CollectiveLaws, TwiceThePorts_CarryAtMostTwiceAsMuch, ()) {
  RandomCluster cluster = random_cluster();
  cluster.config.topology = "pcie_shared_nic";
  cluster.config.fabric.nodes = *rc::gen::inRange(2, 5);
  cluster.config.box.gpus = *rc::gen::inRange(1, 9);
  cluster.config.box.sockets = 1;
  cluster.config.box.gpus_per_switch = 1;
  cluster.config.box.host_memory = {.bandwidth = {1e12}, .latency = {0}};
  const int ports = *rc::gen::inRange(1, 5);
  const double bytes = *rc::gen::inRange(1, 1000) * 1e6;
  const auto time = [&](int count) {
    cluster.config.nic.count = count;
    const CollectiveModel model = model_of(cluster);
    const CollectivePlan plan =
        model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {first_ranks(model.topology().ranks())});
    return model.estimate(plan, {bytes}).estimate.time.value;
  };
  RC_ASSERT(time(ports) <= 2 * time(2 * ports) * (1 + kExact));
  RC_ASSERT(time(2 * ports) <= time(ports) * (1 + kExact));
}

RC_GTEST_PROP(CollectiveLaws, BytesIntoEveryNode_AreBytesOutOfIt, ()) {
  const RandomCluster cluster = random_cluster();
  const CollectiveModel model = model_of(cluster);
  const Topology& topology = model.topology();
  const auto ranks = static_cast<std::size_t>(topology.ranks());
  std::vector<double> bytes(ranks * ranks);
  for (double& one : bytes) one = *rc::gen::inRange(0, 100);
  const CollectivePlan plan = model.plan_uneven(first_ranks(topology.ranks()), bytes, AllToAllAlgorithm::flat);
  std::vector<double> in(topology.nodes().size(), 0);
  std::vector<double> out(topology.nodes().size(), 0);
  for (std::size_t link = 0; link < topology.links().size(); ++link) {
    out[topology.links()[link].from.index()] += plan.load_per_byte[link] * plan.uneven_bytes;
    in[topology.links()[link].to.index()] += plan.load_per_byte[link] * plan.uneven_bytes;
  }
  for (std::size_t node = 0; node < in.size(); ++node) {
    double sent = 0;
    double received = 0;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      if (topology.gpus()[rank].index() != node) continue;
      for (std::size_t peer = 0; peer < ranks; ++peer) {
        if (peer == rank) continue;
        sent += bytes[rank * ranks + peer];
        received += bytes[peer * ranks + rank];
      }
    }
    RC_ASSERT(std::abs(in[node] - received - (out[node] - sent)) <= 1e-9 * (1 + in[node]));
    if (topology.nodes()[node].kind == NodeKind::gpu) RC_ASSERT(std::abs(in[node] - received) <= 1e-9 * (1 + received));
  }
}

RC_GTEST_PROP(CollectiveLaws, FasterLinks_ShortenTheIdealTimeAsMuch, ()) {
  RandomCluster cluster = random_cluster();
  cluster.config.box.pcie.latency = {0};
  const CollectiveModel slow = ideal_model(cluster.config);
  const CollectivePlan plan = random_plan(slow);
  const double factor = *rc::gen::inRange(1, 50);
  cluster.config.box.pcie.bandwidth = factor * cluster.config.box.pcie.bandwidth;
  cluster.config.nic.port.bandwidth = factor * cluster.config.nic.port.bandwidth;
  const CollectiveModel fast = ideal_model(cluster.config);
  const RankGroups all = {first_ranks(slow.topology().ranks())};
  const double bytes = 1e9;
  for (const NamedCollective& one : kCollectives) {
    const double before = slow.estimate(slow.plan(one.kind, AllToAllAlgorithm::flat, all), {bytes}).estimate.time.value;
    const double after = fast.estimate(fast.plan(one.kind, AllToAllAlgorithm::flat, all), {bytes}).estimate.time.value;
    RC_ASSERT(std::abs(after * factor - before) <= kExact * before);
  }
}

RC_GTEST_PROP(CollectiveLaws, EqualSizes_AreTheSpecialCaseOfUnevenOnes, ()) {
  const RandomCluster cluster = random_cluster();
  const CollectiveModel model = model_of(cluster);
  const auto ranks = static_cast<std::size_t>(model.topology().ranks());
  const auto algorithm =
      (*rc::gen::elementOf(std::vector<NamedAllToAll>(kAllToAllAlgorithms.begin(), kAllToAllAlgorithms.end())))
          .algorithm;
  const double bytes = *rc::gen::inRange(1, 1000) * 1e5;
  const auto group = first_ranks(model.topology().ranks());
  const double even =
      model.estimate(model.plan(CollectiveKind::all_to_all, algorithm, {group}), {bytes}).estimate.time.value;
  const std::vector<double> matrix(ranks * ranks, bytes / static_cast<double>(ranks));
  const double uneven = model.all_to_all(group, matrix, algorithm).estimate.time.value;
  RC_ASSERT(std::abs(even - uneven) <= 1e-9 * even);
}

}  // namespace
}  // namespace moesim
