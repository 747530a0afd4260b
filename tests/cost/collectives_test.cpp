#include "moesim/cost/collectives.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cluster/topologies.hpp"

#include "cost/collective_fixture.hpp"

namespace moesim {
namespace {

double ideal_time(const CollectiveModel& model, CollectiveKind kind, double bytes,
                  AllToAllAlgorithm algorithm = AllToAllAlgorithm::flat, TokenCopies copies = {}) {
  const CollectivePlan plan = model.plan(kind, algorithm, {first_ranks(model.topology().ranks())}, copies);
  return model.estimate(plan, {bytes}).estimate.time.value;
}

void expect_relative(double value, double expected) {
  EXPECT_NEAR(value / expected, 1, kExact) << value << " " << expected;
}

// Two GPUs and a hub: each link carries one half of the buffer.
TEST(IdealAllToAll, TwoGpusOnAHub_TakesHalfTheBuffer) {
  ClusterConfig config = reference(1, 0);
  config.box.gpus = 2;
  expect_relative(ideal_time(ideal_model(config), CollectiveKind::all_to_all, 50e9), 25e9 / kGpuLink);
}

// A PCIe box of four GPUs under two switches of one socket, uplinks half as fast as the GPUs' links. Out of a switch go
// 2 GPUs x 2 peers x S/4 = S, out of a GPU 3/4 S: the uplink decides.
TEST(IdealAllToAll, SwitchesWithNarrowUplinks_TakeTheUplinksLoad) {
  ClusterConfig config;
  config.name = "box";
  config.topology = "pcie_shared_nic";
  config.box.gpus = 4;
  config.box.sockets = 1;
  config.box.gpus_per_switch = 2;
  config.box.pcie = {.bandwidth = {30e9}, .latency = {0}};
  config.box.uplink = {.bandwidth = {15e9}, .latency = {0}};
  config.box.host_memory = {.bandwidth = {100e9}, .latency = {0}};
  const double bytes = 60e9;
  expect_relative(ideal_time(ideal_model(config), CollectiveKind::all_to_all, bytes), bytes / 15e9);
}

// The same box with a bridge inside each pair: the pair's traffic leaves PCIe; the uplinks' stays.
TEST(IdealAllToAll, BridgedPairs_LeaveTheUplinkAsItWas) {
  ClusterConfig config;
  config.name = "box";
  config.topology = "pcie_shared_nic";
  config.box.gpus = 4;
  config.box.sockets = 1;
  config.box.gpus_per_switch = 2;
  config.box.pcie = {.bandwidth = {30e9}, .latency = {0}};
  config.box.uplink = {.bandwidth = {60e9}, .latency = {0}};
  config.box.host_memory = {.bandwidth = {100e9}, .latency = {0}};
  config.box.nvlink = {.bandwidth = {10e9}, .latency = {0}};
  config.box.nvlink_pairs = true;
  // Bridge: S/4 at 10 GB/s; PCIe of a GPU: S/2 at 30 GB/s; uplink: S at 60 GB/s. The bridge is the slowest.
  const double bytes = 60e9;
  expect_relative(ideal_time(ideal_model(config), CollectiveKind::all_to_all, bytes), bytes / 4 / 10e9);
}

// Out of a machine of n: 8 GPUs x (R - 8) / R of the buffer over one NIC, which is slower than 8 GPU links.
TEST(IdealAllToAll, ReferenceSharedNic_TakesWhatLeavesAMachine) {
  for (const int nodes : {4, 16, 32}) {
    const double ranks = 8.0 * nodes;
    const double bytes = 64 * kMebibyte;
    expect_relative(ideal_time(ideal_model(reference(nodes, 0)), CollectiveKind::all_to_all, bytes),
                    8 * (ranks - 8) / ranks * bytes / kNic);
  }
}

// Eight machines to a leaf, uplinks of half their NICs' sum. One leaf (4 machines): the NIC decides. More: of 64 GPUs'
// buffers the share (R - 64) / R crosses the uplink of 50 GB/s, more than a NIC's load takes.
TEST(IdealAllToAll, ReferenceFatTree_TakesWhatLeavesALeaf) {
  const double bytes = 64 * kMebibyte;
  expect_relative(ideal_time(ideal_model(reference(4, 8)), CollectiveKind::all_to_all, bytes), 6 * bytes / kNic);
  for (const int nodes : {16, 32}) {
    const double ranks = 8.0 * nodes;
    expect_relative(ideal_time(ideal_model(reference(nodes, 8)), CollectiveKind::all_to_all, bytes),
                    64 * (ranks - 64) / ranks * bytes / (8 * kNic / 2));
  }
}

// Rank i sends rank j 1 MiB x (1 + (7 i + 3 j) mod 11). The loads are summed here without the graph: by GPU, machine
// and leaf, each way.
TEST(IdealAllToAll, UnevenSizes_TakeTheLargestLoadOfAnyLink) {
  for (const int nodes_per_leaf : {0, 8}) {
    for (const int nodes : {4, 16, 32}) {
      const std::size_t ranks = 8 * static_cast<std::size_t>(nodes);
      std::vector<double> bytes(ranks * ranks, 0);
      std::vector<double> out(ranks, 0), in(ranks, 0), node_out(ranks / 8, 0), node_in(ranks / 8, 0), leaf_out(4, 0),
          leaf_in(4, 0);
      for (std::size_t i = 0; i < ranks; ++i) {
        for (std::size_t j = 0; j < ranks; ++j) {
          const double size = kMebibyte * static_cast<double>(1 + (7 * i + 3 * j) % 11);
          bytes[i * ranks + j] = size;
          if (i == j) continue;
          out[i] += size;
          in[j] += size;
          if (i / 8 == j / 8) continue;
          node_out[i / 8] += size;
          node_in[j / 8] += size;
          if (i / 64 == j / 64) continue;
          leaf_out[i / 64] += size;
          leaf_in[j / 64] += size;
        }
      }
      const auto most = [](const std::vector<double>& loads) { return *std::ranges::max_element(loads); };
      double expected =
          std::max({most(out) / kGpuLink, most(in) / kGpuLink, most(node_out) / kNic, most(node_in) / kNic});
      if (nodes_per_leaf > 0) expected = std::max({expected, most(leaf_out) / (4 * kNic), most(leaf_in) / (4 * kNic)});
      const CollectiveModel model = ideal_model(reference(nodes, nodes_per_leaf));
      const CollectiveEstimate estimate =
          model.all_to_all(first_ranks(static_cast<int>(ranks)), bytes, AllToAllAlgorithm::flat);
      expect_relative(estimate.estimate.time.value, expected);
      expect_relative(estimate.bound.value, expected);
    }
  }
}

// Latencies add the longest path's once: two hub links, two NIC links.
TEST(IdealAllToAll, Latencies_AddTheLongestPath) {
  ClusterConfig config = reference(2, 0);
  config.box.pcie.latency = {1e-6};
  config.nic.port.latency = {2e-6};
  const double bytes = kMebibyte;
  EXPECT_NEAR(ideal_time(ideal_model(config), CollectiveKind::all_to_all, bytes), 4 * bytes / kNic + 2e-6 + 4e-6,
              1e-15);
}

// 4 machines of 8: first 7 neighbours get 4 blocks of S/32 each, then 3 machines get 8 blocks of S/32 from every GPU.
TEST(HierarchicalAllToAll, SharedNic_AddsItsTwoSteps) {
  const double bytes = 64 * kMebibyte;
  expect_relative(
      ideal_time(ideal_model(reference(4, 0)), CollectiveKind::all_to_all, bytes, AllToAllAlgorithm::hierarchical_2d),
      7 * 4.0 / 32 * bytes / kGpuLink + 8 * 3 * 8.0 / 32 * bytes / kNic);
}

TEST(HierarchicalAllToAll, UnequalMachines_IsTheUsersMistake) {
  const CollectiveModel model = ideal_model(reference(2, 0));
  EXPECT_THROW(
      static_cast<void>(model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::hierarchical_2d, {first_ranks(12)})),
      InputError);
}

// A token that goes to half as many machines as experts crosses the network half as often: 8 GPUs x 3/4 S / 2 over the
// NIC. Inside, 7/8 of every buffer is forwarded, at the same time.
TEST(DeduplicatedAllToAll, SharedNic_ScalesWithTheCopies) {
  const double bytes = 64 * kMebibyte;
  const CollectiveModel model = ideal_model(reference(4, 0));
  for (const double copies : {0.5, 1.0}) {
    expect_relative(ideal_time(model, CollectiveKind::all_to_all, bytes, AllToAllAlgorithm::node_deduplicated,
                               {.machines = copies}),
                    6 * copies * bytes / kNic);
  }
  // With hardly anything on the network a GPU's own link decides: 3/4 c S out, 7/8 S forwarded, half of it when a token
  // goes to half as many ranks as experts.
  expect_relative(ideal_time(model, CollectiveKind::all_to_all, bytes, AllToAllAlgorithm::node_deduplicated,
                             {.machines = 0.01, .ranks = 0.5}),
                  (0.75 * 0.01 + 0.875 * 0.5) * bytes / kGpuLink);
}

TEST(DeduplicatedAllToAll, OneMachine_IsTheFlatOne) {
  const double bytes = 64 * kMebibyte;
  const CollectiveModel model = ideal_model(reference(1, 0));
  for (const NamedAllToAll& one : kAllToAllAlgorithms) {
    expect_relative(ideal_time(model, CollectiveKind::all_to_all, bytes, one.algorithm), 7.0 / 8 * bytes / kGpuLink);
  }
}

// A ring crosses each machine's NIC once: (R - 1) / R of the data, twice for an all-reduce.
TEST(IdealRing, SharedNic_CrossesEachNicOnce) {
  const double bytes = 64 * kMebibyte;
  const CollectiveModel model = ideal_model(reference(4, 0));
  expect_relative(ideal_time(model, CollectiveKind::all_gather, bytes), 31.0 / 32 * bytes / kNic);
  expect_relative(ideal_time(model, CollectiveKind::reduce_scatter, bytes), 31.0 / 32 * bytes / kNic);
  expect_relative(ideal_time(model, CollectiveKind::all_reduce, bytes), 2 * 31.0 / 32 * bytes / kNic);
}

// Eight NICs on rails: eight channels, each leaving a machine by another one. NVLink carries all of a rank's data.
TEST(IdealRing, Rails_ShareTheDataAmongTheNics) {
  ClusterConfig config;
  config.name = "rails";
  config.topology = "nvlink_rails";
  config.box.gpus = 8;
  config.box.sockets = 2;
  config.box.pcie = {.bandwidth = {60e9}, .latency = {0}};
  config.box.inter_socket = {.bandwidth = {60e9}, .latency = {0}};
  config.box.host_memory = {.bandwidth = {100e9}, .latency = {0}};
  config.box.nvlink = {.bandwidth = {900e9}, .latency = {0}};
  config.nic.port = {.bandwidth = {50e9}, .latency = {0}};
  config.fabric.nodes = 4;
  const double bytes = 64 * kMebibyte;
  const CollectiveModel model = ideal_model(config);
  expect_relative(ideal_time(model, CollectiveKind::all_gather, bytes), 31.0 / 32 * bytes / 8 / 50e9);
  // All-to-all on rails: 3/4 of a GPU's buffer over its own NIC.
  expect_relative(ideal_time(model, CollectiveKind::all_to_all, bytes), 0.75 * bytes / 50e9);
}

// Every rank sends its message to the next; the last of a machine to the first of the next one, over the NIC.
TEST(IdealSendRecv, IsARingShift) {
  expect_relative(ideal_time(ideal_model(reference(1, 0)), CollectiveKind::send_recv, 1e9), 1e9 / kGpuLink);
  expect_relative(ideal_time(ideal_model(reference(2, 0)), CollectiveKind::send_recv, 1e9), 1e9 / kNic);
}

// Eight groups of one rank per machine: their loads meet on the NIC.
TEST(CollectivePlan, ConcurrentGroups_ShareTheLinks) {
  const CollectiveModel model = ideal_model(reference(4, 0));
  RankGroups groups(8);
  for (std::size_t rank = 0; rank < 32; ++rank) groups[rank % 8].push_back(RankId(rank));
  const double bytes = 64 * kMebibyte;
  const auto together = model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, groups);
  const auto alone = model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {groups[0]});
  expect_relative(model.estimate(alone, {bytes}).estimate.time.value, 0.75 * bytes / kNic);
  expect_relative(model.estimate(together, {bytes}).estimate.time.value, 6 * bytes / kNic);
}

TEST(CollectivePlan, OneRank_TakesNoTime) {
  const CollectiveModel model = ideal_model(reference(1, 0));
  for (const NamedCollective& one : kCollectives) {
    const auto plan = model.plan(one.kind, AllToAllAlgorithm::flat, {first_ranks(1)});
    EXPECT_EQ(model.estimate(plan, {1e9}).estimate.time.value, 0) << one.name;
    EXPECT_TRUE(model.link_loads(plan, {1e9}).empty()) << one.name;
  }
}

TEST(CollectiveModel, BadGroups_AreRefused) {
  const CollectiveModel model = ideal_model(reference(1, 0));
  const auto plan = [&](const RankGroups& groups) {
    return model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, groups);
  };
  EXPECT_THROW(plan({}), ContractViolation);
  EXPECT_THROW(plan({{RankId(0), RankId(0)}}), ContractViolation);
  EXPECT_THROW(plan({{RankId(0), RankId(99)}}), ContractViolation);
  EXPECT_THROW(plan({{RankId(0), RankId(1)}, {RankId(2)}}), ContractViolation);
}

// No law and not ideal: the links as they stand, and an interval that says that nobody has measured them.
TEST(CollectiveModel, WithoutALaw_IsUncertain) {
  const ClusterConfig config = reference(4, 0);
  const CollectiveModel model(std::make_shared<Topology>(build_topology(config)), config.transport, {});
  const auto plan = model.plan(CollectiveKind::all_to_all, AllToAllAlgorithm::flat, {first_ranks(32)});
  const CollectiveEstimate estimate = model.estimate(plan, {1e6});
  expect_relative(estimate.estimate.time.value, 6e6 / kNic);
  expect_relative(estimate.estimate.interval().hi.value, 12e6 / kNic);
  EXPECT_TRUE(estimate.extrapolated);
}

TEST(BusBandwidthFactor, IsThatOfNcclTests) {
  EXPECT_DOUBLE_EQ(bus_bandwidth_factor(CollectiveKind::all_to_all, 8), 7.0 / 8);
  EXPECT_DOUBLE_EQ(bus_bandwidth_factor(CollectiveKind::all_reduce, 4), 1.5);
  EXPECT_DOUBLE_EQ(bus_bandwidth_factor(CollectiveKind::send_recv, 4), 1);
}

}  // namespace
}  // namespace moesim
