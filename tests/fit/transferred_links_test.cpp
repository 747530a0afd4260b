// What rests on relatives: the links of the paper's cluster, and predictions that nothing was fitted to.

#include <cmath>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

#include "fit/link_machines.hpp"

namespace moesim {
namespace {

double coefficient(const FittedLaw& law, const std::string& name) { return law.coefficient(name); }

// links_pcie_nic says which file each number is from: it is the same there.
TEST(TransferredLinks, PcieNic_HoldsTheNumbersOfItsRelatives) {
  const auto paper = cluster_model("paper_4x8", false);
  const auto hiermoe = cluster_model("hiermoe_a6000_4x8", false);
  const auto simumax = cluster_model("a100_pcie_1x8", false);
  int compared = 0;
  for (const auto& [name, value] : paper->law()->coefficients) {
    if (name.starts_with("net.ring.") || name.starts_with("net.all_reduce.")) continue;  // stated in the file
    const bool exchange = name.starts_with("all_to_all.") || name.starts_with("net.all_to_all.");
    EXPECT_EQ(value, coefficient(exchange ? *hiermoe->law() : *simumax->law(), name)) << name;
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

// HierMoE's seven fits over 4 to 24 MiB: one parameter set meets the levels that leave a machine and the whole machine
// within 10 %; those inside a socket, whose published start-ups contradict each other (0.114 ms for four GPUs, 0.204 ms
// for two), within a factor of two.
TEST(TransferredLinks, HierMoe_EachLevelWithinItsResidual) {
  const auto model = cluster_model("hiermoe_a6000_4x8", false);
  for (const LinkMachine& machine : link_machines()) {
    if (machine.name != "hiermoe_a6000_4x8") continue;
    for (const LinkSample& sample : machine.samples()) {
      if (sample.bytes < 4 * 1048576.0) continue;
      const auto plan = model->plan(sample.kind, AllToAllAlgorithm::flat, sample.groups);
      const double ratio = model->estimate(plan, {sample.bytes}).estimate.time.value / sample.seconds;
      const bool network = plan.phases.front().load.network;
      EXPECT_LE(std::abs(std::log(ratio)), network ? 0.05 : std::log(2.0))
          << sample.ranks << " ranks of " << sample.groups.size() << " groups, " << sample.bytes << " B";
    }
  }
}

// github.com/NVIDIA/nccl-tests/issues/78: 8 x 8 V100, 100 Gb/s InfiniBand, 256 MiB per rank: 520.9 ms, 512 MiB: 1042
// ms. No number of ours comes from it; the law of the A6000 machines is 30 to 45 % short of it, and the stated interval
// covers it.
TEST(TransferredLinks, V100At100Gbps_LiesInTheInterval) {
  const Cluster cluster = load_cluster("paper_4x8", {{"nodes=8"}, {"nic.count=1"}}, {{MOESIM_SOURCE_DIR}}, false);
  std::vector<RankId> group;
  for (std::size_t rank = 0; rank < 64; ++rank) group.push_back(RankId(rank));
  const auto plan = cluster.collectives->plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {group});
  for (const auto& [bytes, measured] : {std::pair(256 * 1048576.0, 0.5209), std::pair(512 * 1048576.0, 1.0420)}) {
    const Estimate estimate = cluster.collectives->estimate(plan, {bytes}).estimate;
    EXPECT_GT(estimate.time.value / measured, 0.55);
    EXPECT_LT(estimate.time.value / measured, 0.70);
    EXPECT_GT(estimate.interval().hi.value, measured);
  }
}

// The same cluster, peer to peer everywhere or staged everywhere: both are a setting of `transport`.
TEST(TransferredLinks, PaperCluster_StagedAndPeerToPeerDiffer) {
  std::vector<RankId> group;
  for (std::size_t rank = 0; rank < 8; ++rank) group.push_back(RankId(rank));
  const auto time = [&](const std::string& level) {
    const Cluster cluster = load_cluster("paper_4x8", {{"transport.p2p_level=" + level}}, {{MOESIM_SOURCE_DIR}}, false);
    const auto plan = cluster.collectives->plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {group});
    for (const PhaseLoad& load : {plan.phases.front().load}) {
      const double memory = load.seconds_per_byte[static_cast<std::size_t>(LinkKind::host_memory)];
      EXPECT_EQ(memory > 0, level == "loc") << level;
    }
    return cluster.collectives->estimate(plan, {64 * 1048576.0}).estimate.time.value;
  };
  EXPECT_GE(time("loc"), time("sys"));
}

// More NICs, fewer GPUs to share each: the bytes out of a machine per second grow.
TEST(TransferredLinks, PaperCluster_MoreNicsAreFaster) {
  std::vector<RankId> group;
  for (std::size_t rank = 0; rank < 32; ++rank) group.push_back(RankId(rank));
  double last = 1e9;
  for (const char* nics : {"nic.count=1", "nic.count=2", "nic.count=4"}) {
    const Cluster cluster = load_cluster("paper_4x8", {{nics}, {"nic.placement=spread"}}, {{MOESIM_SOURCE_DIR}}, false);
    const auto plan = cluster.collectives->plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {group});
    const double time = cluster.collectives->estimate(plan, {64 * 1048576.0}).estimate.time.value;
    EXPECT_LT(time, 0.75 * last) << nics;
    last = time;
  }
}

}  // namespace
}  // namespace moesim
