#include "cluster/sample_clusters.hpp"

#include <algorithm>
#include <iterator>
#include <rapidcheck.h>
#include <stdexcept>
#include <string>

namespace moesim {
namespace {

using namespace literals;

Cable random_cable(double typical) {
  return {.bandwidth = BytesPerSecond{typical * *rc::gen::inRange(1, 9)},
          .latency = Seconds{1e-7 * *rc::gen::inRange(0, 30)}};
}

int one_of(std::initializer_list<int> choices) { return *rc::gen::elementOf(std::vector<int>(choices)); }

}  // namespace

std::vector<NamedTopology> generated_topologies() {
  std::vector<NamedTopology> rows;
  std::ranges::copy_if(kTopologies, std::back_inserter(rows),
                       [](const NamedTopology& row) { return row.name != "explicit"; });
  return rows;
}

ClusterConfig sample_cluster(std::string_view topology) {
  ClusterConfig config;
  config.name = "sample";
  config.topology = topology;
  config.box = {.gpus = 8,
                .sockets = 2,
                .gpus_per_switch = 2,
                .pcie = {31.5_GBps, 0.5_us},
                .uplink = {31.5_GBps, 0.25_us},
                .inter_socket = {40.0_GBps, 0.125_us},
                .host_memory = {80.0_GBps, 0.0625_us},
                .nvlink = {300.0_GBps, 0.75_us},
                .nvlink_pairs = false};
  config.nic = {.count = 1, .port = {100.0_Gbps, 1.0_us}, .placement = NicPlacement::first_socket};
  config.fabric.nodes = 2;
  config.fabric.switch_latency = 0.3_us;
  config.fabric.local_bandwidth = 50.0_GBps;
  config.fabric.global_bandwidth = 25.0_GBps;
  if (topology == "torus") config.fabric.dimensions = {4, 4};
  if (topology == "dragonfly") config.fabric.dimensions = {1, 2};
  if (topology == "explicit") {
    config.nodes_list = {{"a", NodeKind::gpu, 0}, {"b", NodeKind::gpu, 0}, {"s", NodeKind::pcie_switch, 0}};
    config.links = {{"a", "s", LinkKind::pcie, config.box.pcie, true},
                    {"s", "b", LinkKind::pcie, config.box.pcie, true}};
  }
  return config;
}

ClusterConfig reference_cluster(int nodes, int nodes_per_leaf) {
  ClusterConfig config;
  config.name = "reference";
  config.topology = "hub";
  config.box.gpus = 8;
  config.box.pcie = {25.0_GBps, 0.0_s};
  config.nic.port = {12.5_GBps, 0.0_s};
  config.fabric.nodes = nodes;
  config.fabric.nodes_per_leaf = nodes_per_leaf;
  config.fabric.oversubscription = nodes_per_leaf > 0 ? 2 : 1;
  return config;
}

ClusterConfig random_cluster(std::string_view topology) {
  ClusterConfig config;
  config.topology = topology;
  BoxConfig& box = config.box;
  box.gpus_per_switch = topology == "pcie_nic_per_pair" ? one_of({2, 4}) : one_of({1, 2, 4});
  box.gpus = box.gpus_per_switch * *rc::gen::inRange(1, 5);
  box.sockets = *rc::gen::inRange(1, 4);
  box.pcie = random_cable(8e9);
  box.uplink = random_cable(8e9);
  box.inter_socket = random_cable(8e9);
  box.host_memory = random_cable(20e9);
  box.nvlink = random_cable(50e9);
  box.nvlink_pairs = box.gpus % 2 == 0 && *rc::gen::arbitrary<bool>();
  config.nic.count = *rc::gen::inRange(1, 4);
  config.nic.port = random_cable(12.5e9);
  config.nic.placement = *rc::gen::arbitrary<bool>() ? NicPlacement::spread : NicPlacement::first_socket;
  FabricConfig& fabric = config.fabric;
  fabric.nodes = *rc::gen::inRange(1, 64 / box.gpus + 1);
  fabric.nodes_per_leaf = *rc::gen::inRange(0, 5);
  fabric.oversubscription = fabric.nodes_per_leaf > 0 ? *rc::gen::inRange(1, 5) : 1;
  fabric.switch_latency = Seconds{1e-7 * *rc::gen::inRange(0, 10)};
  fabric.local_bandwidth = BytesPerSecond{1e9 * *rc::gen::inRange(1, 50)};
  fabric.global_bandwidth = BytesPerSecond{1e9 * *rc::gen::inRange(1, 50)};
  if (topology == "torus") {
    fabric.dimensions = {*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 5), *rc::gen::inRange(1, 5)};
    box.gpus = fabric.dimensions[2];
    fabric.nodes = fabric.dimensions[0] * fabric.dimensions[1];
  } else if (topology == "dragonfly") {
    fabric.dimensions = {*rc::gen::inRange(1, 4), *rc::gen::inRange(1, 6)};
    box.gpus = *rc::gen::inRange(1, 4);
    fabric.nodes = fabric.dimensions[0] * fabric.dimensions[1] * *rc::gen::inRange(1, 3);
  }
  // Within these rules every topology finds a path: whatever is too far is staged through host memory.
  const std::vector<PathLevel> levels = {PathLevel::local, PathLevel::nvlink, PathLevel::pix,
                                         PathLevel::pxb,   PathLevel::phb,    PathLevel::sys};
  config.transport.p2p_level = *rc::gen::elementOf(levels);
  config.transport.gdr_level = *rc::gen::elementOf(levels);
  // Without a spine, and without NVLink to hand over on, rails of one pod are not joined.
  const bool rails_joined =
      config.transport.p2p_level >= PathLevel::nvlink && config.transport.gdr_level >= PathLevel::pix;
  if (topology == "nvlink_rails" && !rails_joined) fabric.nodes_per_leaf = 1;
  return config;
}

NodeId node_named(const Topology& topology, std::string_view name) {
  const auto found = std::ranges::find(topology.nodes(), name, &Node::name);
  if (found == topology.nodes().end()) throw std::invalid_argument("no node " + std::string(name));
  return NodeId(static_cast<std::size_t>(found - topology.nodes().begin()));
}

std::vector<std::string> stations(const Topology& topology, const Path& path) {
  std::vector<std::string> names;
  for (const LinkId id : path.links) {
    const Link& link = topology.link(id);
    if (names.empty()) names.push_back(topology.node(link.from).name);
    names.push_back(topology.node(link.to).name);
  }
  return names;
}

std::vector<double> all_to_all_loads(const Topology& topology, const PathTable& paths) {
  std::vector<double> loads(topology.links().size(), 0);
  for (int from = 0; from < paths.ranks(); ++from) {
    for (int to = 0; to < paths.ranks(); ++to) {
      const Path path = paths.path(rank(from), rank(to));
      for (const LinkId link : path.links) loads[link.index()] += 1;
    }
  }
  return loads;
}

}  // namespace moesim
