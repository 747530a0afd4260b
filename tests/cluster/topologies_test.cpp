// What holds for every row of kTopologies, and what builders refuse.
#include "moesim/cluster/topologies.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "moesim/cluster/paths.hpp"

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> wrong_keys(const ClusterConfig& config) {
  std::vector<std::string> keys;
  for (const Diagnostic& problem : problems_of([&] { static_cast<void>(build_topology(config)); }))
    keys.push_back(problem.key);
  return keys;
}

class EveryTopology : public ::testing::TestWithParam<NamedTopology> {};

TEST_P(EveryTopology, Sample_IsBuiltAndHasAPathForEveryPair) {
  const ClusterConfig config = sample_cluster(GetParam().name);
  const Topology topology = GetParam().build(config);
  const PathTable paths(topology, config.transport);
  ASSERT_EQ(paths.ranks(), topology.ranks());
  for (int from = 0; from < paths.ranks(); ++from) {
    for (int to = 0; to < paths.ranks(); ++to) {
      EXPECT_EQ(paths.path(rank(from), rank(to)).links.empty(), from == to);
    }
  }
}

TEST_P(EveryTopology, SameConfiguration_GivesTheSamePaths) {
  const ClusterConfig config = sample_cluster(GetParam().name);
  const Topology topology = GetParam().build(config);
  const PathTable first(topology, config.transport);
  const PathTable second(GetParam().build(config), config.transport);
  for (int from = 0; from < first.ranks(); ++from) {
    for (int to = 0; to < first.ranks(); ++to) {
      const Path a = first.path(rank(from), rank(to));
      const Path b = second.path(rank(from), rank(to));
      EXPECT_TRUE(std::equal(a.links.begin(), a.links.end(), b.links.begin(), b.links.end()));
    }
  }
}

TEST_P(EveryTopology, Name_IsUniqueAndDescribed) {
  EXPECT_EQ(std::ranges::count(kTopologies, GetParam().name, &NamedTopology::name), 1);
  EXPECT_FALSE(GetParam().description.empty());
  EXPECT_FALSE(GetParam().keys.empty());
}

INSTANTIATE_TEST_SUITE_P(Topologies, EveryTopology, ::testing::ValuesIn(kTopologies),
                         [](const auto& row) { return std::string(row.param.name); });

class SizedTopology : public ::testing::TestWithParam<NamedTopology> {};

// A cluster far beyond anything built is refused before it fills the memory, and so is one of no machines.
TEST_P(SizedTopology, AbsurdSizes_AreRefused) {
  ClusterConfig config = sample_cluster(GetParam().name);
  config.fabric.nodes = std::numeric_limits<int>::max();
  EXPECT_THAT(wrong_keys(config), Contains("nodes"));
  config.fabric.nodes = 0;
  EXPECT_THAT(wrong_keys(config), Contains("nodes"));
  config.fabric.nodes = 2;
  config.box.gpus = -8;
  EXPECT_THAT(wrong_keys(config), Contains("box.gpus"));
}

INSTANTIATE_TEST_SUITE_P(Topologies, SizedTopology, ::testing::ValuesIn(generated_topologies()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BuildTopology, UnknownName_ListsTheKnownOnes) {
  const auto problems = problems_of([] { static_cast<void>(build_topology(sample_cluster("hypercube"))); });
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].key, "topology");
  EXPECT_THAT(problems[0].message, HasSubstr("\"hypercube\" is not known (one of: pcie_shared_nic, pcie_nic_per_pair"));
}

TEST(PcieSharedNic, AllFaults_AreReportedTogether) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.box.pcie = {};
  config.box.uplink.latency = {-1e-6};
  config.box.gpus_per_switch = 3;
  config.nic.count = 0;
  config.fabric.oversubscription = 2;
  EXPECT_THAT(wrong_keys(config), ElementsAre("box.gpus_per_switch", "box.pcie.bandwidth", "box.uplink.latency",
                                              "nic.count", "fabric.oversubscription"));
}

TEST(PcieSharedNic, BridgesBetweenAnOddNumber_AreRefused) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.box.gpus = 3;
  config.box.gpus_per_switch = 1;
  config.box.nvlink_pairs = true;
  EXPECT_THAT(wrong_keys(config), ElementsAre("box.nvlink_pairs"));
}

TEST(PcieNicPerPair, WithoutSwitches_IsRefused) {
  ClusterConfig config = sample_cluster("pcie_nic_per_pair");
  config.box.gpus_per_switch = 1;
  EXPECT_THAT(wrong_keys(config), ElementsAre("box.gpus_per_switch"));
}

TEST(NvlinkRails, NeedsProcessorsOnlyWithUplinks) {
  ClusterConfig config = sample_cluster("nvlink_rails");
  config.box.host_memory = {};
  EXPECT_THAT(wrong_keys(config), ElementsAre("box.host_memory.bandwidth"));
  config.box.uplink = {};
  EXPECT_THAT(wrong_keys(config), IsEmpty());
}

TEST(Nic, OfAMachineAlone_IsNotNeeded) {
  ClusterConfig config = sample_cluster("pcie_shared_nic");
  config.nic = {.count = 0, .port = {}, .placement = NicPlacement::first_socket};
  EXPECT_THAT(wrong_keys(config), ElementsAre("nic.bandwidth", "nic.count"));
  config.fabric.nodes = 1;
  EXPECT_THAT(wrong_keys(config), IsEmpty());
}

TEST(Torus, DimensionsMustMultiplyToTheGpus) {
  ClusterConfig config = sample_cluster("torus");
  config.fabric.dimensions = {4, 5};
  const auto problems = problems_of([&] { static_cast<void>(build_topology(config)); });
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].message, HasSubstr("multiply to 20 points, but nodes x box.gpus is 2 x 8"));
  config.fabric.dimensions = {};
  EXPECT_THAT(wrong_keys(config), Contains("fabric.dimensions"));
}

TEST(Dragonfly, MachinesMustBeDealtOutEvenly) {
  ClusterConfig config = sample_cluster("dragonfly");
  config.fabric.dimensions = {2, 2};
  EXPECT_THAT(wrong_keys(config), ElementsAre("fabric.dimensions"));
  config.fabric.dimensions = {2};
  EXPECT_THAT(wrong_keys(config), ElementsAre("fabric.dimensions"));
}

}  // namespace
}  // namespace moesim
