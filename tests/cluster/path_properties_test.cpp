// Laws of paths, on random configurations of every builder.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <string_view>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topologies.hpp"

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

struct Sample {
  ClusterConfig config;
  Topology topology;
  PathTable paths;
};

Sample sample(std::string_view name) {
  ClusterConfig config = random_cluster(name);
  Topology topology = build_topology(config);
  PathTable paths(topology, config.transport);
  return {std::move(config), std::move(topology), std::move(paths)};
}

template <class Visit>
void for_each_pair(const Sample& sample, Visit&& visit) {
  for (int from = 0; from < sample.paths.ranks(); ++from) {
    for (int to = 0; to < sample.paths.ranks(); ++to) {
      if (from != to) visit(rank(from), rank(to), sample.paths.path(rank(from), rank(to)));
    }
  }
}

int links_of_kind(const Topology& topology, const Path& path, LinkKind kind) {
  return static_cast<int>(
      std::count_if(path.links.begin(), path.links.end(), [&](LinkId id) { return topology.link(id).kind == kind; }));
}

/// Passages through memories: a link into one directly before the link out of the same.
int stagings(const Topology& topology, const Path& path) {
  int passages = 0;
  NodeId last_end;
  bool in_memory = false;
  for (const LinkId id : path.links) {
    const Link& link = topology.link(id);
    if (in_memory && topology.node(link.from).kind == NodeKind::host_memory && link.from == last_end) ++passages;
    last_end = link.to;
    in_memory = topology.node(link.to).kind == NodeKind::host_memory;
  }
  return passages;
}

/// Walks from the sender to the receiver, and only the network is between machines.
void check_walk(const Sample& sample, RankId from, RankId to, const Path& path) {
  NodeId at = sample.topology.gpus()[from.index()];
  double latency = 0;
  for (const LinkId id : path.links) {
    const Link& link = sample.topology.link(id);
    RC_ASSERT(link.from == at);
    at = link.to;
    latency += link.latency.value;
  }
  RC_ASSERT(at == sample.topology.gpus()[to.index()]);
  RC_ASSERT(std::abs(path.latency.value - latency) <= 1e-12 * latency);
}

void check_transport(const Sample& sample, RankId from, RankId to, const Path& path) {
  const Topology& topology = sample.topology;
  const int host_from = topology.host_of(from);
  const int host_to = topology.host_of(to);
  const bool inside = host_from == host_to;
  const bool torus = sample.config.topology == "torus";
  const int memory = links_of_kind(topology, path, LinkKind::host_memory);
  RC_ASSERT(memory == 2 * stagings(topology, path));
  switch (path.transport) {
    case Transport::self:
      RC_FAIL("different ranks");
    case Transport::nvlink:
      RC_ASSERT(inside && links_of_kind(topology, path, LinkKind::nvlink) == static_cast<int>(path.links.size()));
      break;
    case Transport::pcie_p2p:
      RC_ASSERT(inside && memory == 0);
      break;
    case Transport::host_staged:
      RC_ASSERT(inside && memory == 2);  // once in, once out
      break;
    case Transport::net_direct:
      RC_ASSERT((!inside || torus) && memory == 0);
      break;
    case Transport::net_staged:
      RC_ASSERT(!inside && (memory == 2 || memory == 4));
      break;
  }
  if (inside || torus) return;
  // Out through a NIC (or hub) of the sender's machine, in through one of the receiver's, and none of a third machine.
  const auto is_gate = [&](NodeId id) {
    return topology.node(id).kind == NodeKind::nic || topology.node(id).kind == NodeKind::hub;
  };
  int out = 0;
  int in = 0;
  for (const LinkId id : path.links) {
    const Link& link = topology.link(id);
    if (link.kind == LinkKind::nic && is_gate(link.from)) {
      RC_ASSERT(topology.node(link.from).host == host_from);
      ++out;
    }
    if (link.kind == LinkKind::nic && is_gate(link.to)) {
      RC_ASSERT(topology.node(link.to).host == host_to);
      ++in;
    }
  }
  RC_ASSERT(out == 1 && in == 1);
}

/// There and back are as long: the builders' machines are all alike.
void check_symmetry(const Sample& sample, RankId from, RankId to, const Path& path) {
  const Path back = sample.paths.path(to, from);
  RC_ASSERT(back.transport == path.transport);
  RC_ASSERT(back.links.size() == path.links.size());
  RC_ASSERT(std::abs(back.latency.value - path.latency.value) <= 1e-12 * path.latency.value);
}

/// Balanced all-to-all: what goes into a node comes out of it, and a GPU that does not forward sends and receives R
/// - 1.
void check_conservation(const Sample& sample) {
  const Topology& topology = sample.topology;
  const std::vector<double> loads = all_to_all_loads(topology, sample.paths);
  std::vector<double> in(topology.nodes().size(), 0);
  std::vector<double> out(topology.nodes().size(), 0);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    out[topology.links()[i].from.index()] += loads[i];
    in[topology.links()[i].to.index()] += loads[i];
  }
  RC_ASSERT(in == out);
  const bool gpus_forward = sample.config.topology == "torus" || sample.config.topology == "nvlink_rails";
  for (const NodeId gpu : topology.gpus()) {
    const double sent = out[gpu.index()];
    RC_ASSERT((gpus_forward ? sent >= topology.ranks() - 1 : sent == topology.ranks() - 1));
  }
}

/// Numbers of links by formula: cables times two directions.
int expected_links(const ClusterConfig& config) {
  const BoxConfig& box = config.box;
  const int nodes = config.fabric.nodes;
  const bool networked = nodes > 1;
  const int per_leaf = config.fabric.nodes_per_leaf;
  const int leaves = per_leaf > 0 ? (nodes + per_leaf - 1) / per_leaf : 1;
  const int spine_cables = networked && per_leaf > 0 ? leaves : 0;
  const int sockets = box.sockets + box.sockets * (box.sockets - 1) / 2;  // memories and pairs
  const int switches = box.gpus_per_switch > 1 ? box.gpus / box.gpus_per_switch : 0;
  const int ports = switches > 0 ? switches : box.gpus;
  const int pcie_box =
      sockets + box.gpus + (switches > 0 ? switches : 0) + ports + (box.nvlink_pairs ? box.gpus / 2 : 0);
  if (config.topology == "pcie_shared_nic") {
    return 2 * (nodes * (pcie_box + (networked ? 3 * config.nic.count : 0)) + spine_cables);
  }
  if (config.topology == "pcie_nic_per_pair")
    return 2 * (nodes * (pcie_box + (networked ? 2 * switches : 0)) + spine_cables);
  if (config.topology == "nvlink_rails") {
    const bool pods = networked && leaves > 1;
    return 2 * (nodes * (sockets + box.gpus * (4 + (networked ? 2 : 0))) + (pods ? leaves * box.gpus : 0));
  }
  if (config.topology == "hub") return 2 * (nodes * (box.gpus + (networked ? 1 : 0)) + spine_cables);
  if (config.topology == "torus") {
    int cables = 0;
    for (const int extent : config.fabric.dimensions) {
      cables += extent == 1 ? 0 : nodes * box.gpus / (extent == 2 ? 2 : 1);
    }
    return 2 * cables;
  }
  const int per_group = config.fabric.dimensions[0];
  const int groups = config.fabric.dimensions[1];
  return 2 * (nodes * (box.gpus + 1) + groups * per_group * (per_group - 1) / 2 + groups * (groups - 1) / 2);
}

class PathLaws : public ::testing::TestWithParam<NamedTopology> {};

TEST_P(PathLaws, HoldOnRandomConfigurations) {
  const std::string_view name = GetParam().name;
  EXPECT_TRUE(rc::check([name] {
    const Sample random = sample(name);
    RC_ASSERT(static_cast<int>(random.topology.links().size()) == expected_links(random.config));
    for_each_pair(random, [&](RankId from, RankId to, const Path& path) {
      check_walk(random, from, to, path);
      check_transport(random, from, to, path);
      check_symmetry(random, from, to, path);
    });
    check_conservation(random);
  }));
}

INSTANTIATE_TEST_SUITE_P(Topologies, PathLaws, ::testing::ValuesIn(generated_topologies()),
                         [](const auto& row) { return std::string(row.param.name); });

/// A farther p2p_level or gdr_level only ever removes stagings.
RC_GTEST_PROP(PathRules, FartherLevels_StageLess, ()) {
  ClusterConfig config = random_cluster("pcie_shared_nic");
  config.transport = {.p2p_level = PathLevel::pix, .gdr_level = PathLevel::pix, .pxn = true};
  const Topology topology = build_topology(config);
  const PathTable near(topology, config.transport);
  const PathTable far(topology, {.p2p_level = PathLevel::sys, .gdr_level = PathLevel::sys, .pxn = true});
  for (int from = 0; from < near.ranks(); ++from) {
    for (int to = 0; to < near.ranks(); ++to) {
      RC_ASSERT(stagings(topology, far.path(rank(from), rank(to))) <=
                stagings(topology, near.path(rank(from), rank(to))));
      RC_ASSERT(stagings(topology, far.path(rank(from), rank(to))) == 0);
    }
  }
}

}  // namespace
}  // namespace moesim
