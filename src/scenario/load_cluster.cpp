#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "scenario/choices.hpp"
#include "scenario/limits.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

/// Keys of a cluster file are used or refused by the topology that it names; this table tells which
/// (NamedTopology::keys).
class TopologyKeys {
 public:
  TopologyKeys(const NamedTopology* topology, bool describing) : topology_(topology), describing_(describing) {}

  /// Whether the topology reads the key. If not, and the key is there, that is reported; without a (known) topology
  /// nothing is refused.
  [[nodiscard]] bool take(Reader& in, std::string_view key, std::string_view path) const {
    if (describing_ || topology_ == nullptr) return true;
    if (std::find(topology_->keys.begin(), topology_->keys.end(), path) != topology_->keys.end()) return true;
    if (in.has(key)) {
      in.problem(key, fmt::format("has no effect in topology {} (it has no such part) leave it out", topology_->name));
    }
    in.ignore(key);
    return false;
  }

 private:
  const NamedTopology* topology_;
  bool describing_;
};

Cable read_cable(Reader in) {
  Cable cable;
  cable.bandwidth = in.quantity<BytesPerSecond>({"bandwidth", "payload per direction"}, kBandwidth);
  cable.latency = in.quantity<Seconds>({"latency", "of one passage"}, kLatency, Seconds{0});
  in.reject_unknown_keys();
  return cable;
}

BoxConfig read_box(Reader in, const TopologyKeys& keys) {
  BoxConfig box;
  if (keys.take(in, "gpus", "box.gpus")) box.gpus = in.integer({"gpus", "GPUs of a machine"}, {1, 1'024}, box.gpus);
  if (keys.take(in, "sockets", "box.sockets")) {
    box.sockets = in.integer({"sockets", "CPU sockets of a machine"}, {1, 64}, box.sockets);
  }
  if (keys.take(in, "gpus_per_switch", "box.gpus_per_switch")) {
    box.gpus_per_switch = in.integer({"gpus_per_switch", "GPUs under one PCIe switch; 1: each on its own root port"},
                                     {1, 1'024}, box.gpus_per_switch);
  }
  const auto cable = [&](const Key& key, std::string_view path, Cable& into) {
    if (!keys.take(in, key.name, path)) return;
    if (auto reader = in.optional_child(key)) into = read_cable(std::move(*reader));
  };
  cable({"pcie", "GPU or NIC to its switch or root port; in a hub box GPU to hub"}, "box.pcie", box.pcie);
  cable({"uplink", "PCIe switch to the root port of its socket"}, "box.uplink", box.uplink);
  cable({"inter_socket", "between two sockets"}, "box.inter_socket", box.inter_socket);
  cable({"host_memory", "socket to its memory, per direction"}, "box.host_memory", box.host_memory);
  cable({"nvlink", "GPU to NVSwitch, all lanes together, or one bridge of a pair"}, "box.nvlink", box.nvlink);
  if (keys.take(in, "nvlink_pairs", "box.nvlink_pairs")) {
    box.nvlink_pairs = in.flag({"nvlink_pairs", "bridges between GPUs 2i and 2i+1 of a PCIe box"}, box.nvlink_pairs);
  }
  in.reject_unknown_keys();
  return box;
}

NicConfig read_nic(Reader in, const TopologyKeys& keys) {
  NicConfig nic;
  if (keys.take(in, "count", "nic.count")) {
    nic.count = in.integer({"count", "NICs of a machine, where the topology leaves it open"}, {1, 1'024}, nic.count);
  }
  if (keys.take(in, "bandwidth", "nic.bandwidth")) {
    nic.port.bandwidth = in.quantity<BytesPerSecond>({"bandwidth", "of one port, per direction"}, kBandwidth);
  }
  if (keys.take(in, "latency", "nic.latency")) {
    nic.port.latency = in.quantity<Seconds>({"latency", "NIC to its leaf switch"}, kLatency, Seconds{0});
  }
  if (keys.take(in, "placement", "nic.placement")) {
    nic.placement = in.choice({"placement", "first_socket: all on socket 0; spread: over the sockets"},
                              kNicPlacementChoices, nic.placement);
  }
  in.reject_unknown_keys();
  return nic;
}

void read_fabric(Reader in, const TopologyKeys& keys, FabricConfig& fabric) {
  if (keys.take(in, "nodes_per_leaf", "fabric.nodes_per_leaf")) {
    fabric.nodes_per_leaf = in.integer({"nodes_per_leaf", "fat tree: machines per leaf, rails: per pod; 0: one switch"},
                                       {0, kMostRanks}, fabric.nodes_per_leaf);
  }
  if (keys.take(in, "oversubscription", "fabric.oversubscription")) {
    fabric.oversubscription = in.number({"oversubscription", "a leaf's downlinks : uplinks, 1 is non-blocking"},
                                        {1e-3, 1e3}, fabric.oversubscription);
  }
  if (keys.take(in, "latency", "fabric.latency")) {
    fabric.switch_latency = in.quantity<Seconds>({"latency", "of one passage of a switch"}, kLatency, Seconds{0});
  }
  if (keys.take(in, "dimensions", "fabric.dimensions")) {
    fabric.dimensions = in.integers(
        {"dimensions", "torus: extent per dimension; dragonfly: [routers per group, groups]"}, {1, kMostRanks}, 8);
  }
  const auto bandwidth = [&](const Key& key, std::string_view path, BytesPerSecond& into) {
    if (keys.take(in, key.name, path)) into = in.optional_quantity<BytesPerSecond>(key, kBandwidth).value_or(into);
  };
  bandwidth({"local_bandwidth", "dragonfly: inside a group; torus: between neighbours"}, "fabric.local_bandwidth",
            fabric.local_bandwidth);
  bandwidth({"global_bandwidth", "dragonfly: between groups"}, "fabric.global_bandwidth", fabric.global_bandwidth);
  in.reject_unknown_keys();
}

TransportRules read_transport(Reader in) {
  TransportRules rules;
  rules.p2p_level = in.choice({"p2p_level", "farthest path between GPUs that is used peer to peer (NCCL_P2P_LEVEL)"},
                              kPathLevelChoices, rules.p2p_level);
  rules.gdr_level = in.choice({"gdr_level", "farthest path between GPU and NIC for GPU-direct (NCCL_NET_GDR_LEVEL)"},
                              kPathLevelChoices, rules.gdr_level);
  rules.pxn = in.flag({"pxn", "over NVLink to the GPU beside the right NIC, instead of across the spine (NCCL_PXN)"},
                      rules.pxn);
  in.reject_unknown_keys();
  return rules;
}

std::vector<Node> read_nodes(Reader& in) {
  std::vector<Node> nodes;
  for (Reader& reader :
       in.children({"nodes_list", "topology explicit: the nodes; GPUs are ranks in this order"}, kMostListed)) {
    Node node;
    node.name = reader.text({"name", "unique"});
    node.kind = reader.choice({"kind", "what it is"}, kNodeKindChoices, NodeKind::gpu);
    node.host =
        reader.integer({"host", "machine, from 0; -1: outside (network switches)"}, {-1, kMostRanks}, node.host);
    reader.reject_unknown_keys();
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::vector<ExplicitLink> read_links(Reader& in) {
  std::vector<ExplicitLink> links;
  for (Reader& reader : in.children({"links", "topology explicit: the cables"}, kMostListed)) {
    ExplicitLink link;
    link.from = reader.text({"from", "name of a node"});
    link.to = reader.text({"to", "name of a node"});
    link.kind = reader.choice({"kind", "what it is; decides the transport"}, kLinkKindChoices, link.kind);
    link.cable.bandwidth = reader.quantity<BytesPerSecond>({"bandwidth", "per direction"}, kBandwidth);
    link.cable.latency = reader.quantity<Seconds>({"latency", "of one passage"}, kLatency, Seconds{0});
    link.duplex = reader.flag({"duplex", "also the other way, with the same numbers"}, link.duplex);
    reader.reject_unknown_keys();
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace

int ranks_of(const ClusterConfig& config) {
  const std::int64_t listed = std::count_if(config.nodes_list.begin(), config.nodes_list.end(),
                                            [](const Node& node) { return node.kind == NodeKind::gpu; });
  const std::int64_t ranks =
      config.topology == "explicit" ? listed : static_cast<std::int64_t>(config.fabric.nodes) * config.box.gpus;
  return ranks <= kMostRanks ? static_cast<int>(ranks) : 0;
}

ClusterSection read_cluster(Reader in) {
  std::array<std::string_view, kTopologies.size()> names;
  std::transform(kTopologies.begin(), kTopologies.end(), names.begin(),
                 [](const NamedTopology& one) { return one.name; });

  ClusterSection section;
  ClusterConfig& config = section.config;
  config.name = in.text({"name", "as reports print it"});
  const auto topology = in.pick({"topology", "how the parts are joined"}, names, std::nullopt, true);
  if (topology) config.topology = names[*topology];
  const TopologyKeys keys(topology ? &kTopologies[*topology] : nullptr, in.describing());
  if (keys.take(in, "nodes", "nodes")) {
    config.fabric.nodes = in.integer({"nodes", "machines"}, {1, kMostRanks}, config.fabric.nodes);
  }
  if (auto box = in.optional_child({"box", "the inside of a machine; see cluster.box"})) {
    config.box = read_box(std::move(*box), keys);
  }
  if (auto nic = in.optional_child({"nic", "see cluster.nic"})) config.nic = read_nic(std::move(*nic), keys);
  if (auto fabric = in.optional_child({"fabric", "between the machines; see cluster.fabric"})) {
    read_fabric(std::move(*fabric), keys, config.fabric);
  }
  if (keys.take(in, "transport", "transport")) {
    if (auto transport = in.optional_child({"transport", "NCCL's rules; see cluster.transport"})) {
      config.transport = read_transport(std::move(*transport));
    }
  }
  if (keys.take(in, "nodes_list", "nodes_list")) config.nodes_list = read_nodes(in);
  if (keys.take(in, "links", "links")) config.links = read_links(in);
  if (auto calibration = in.optional_section(
          {"calibration",
           "fitted laws of the collectives; absent: the links as they stand here, with a wide interval"})) {
    section.calibration = read_calibration(std::move(*calibration));
    config.calibration = section.calibration.name;
  }
  config.assumptions = in.texts({"assumptions", "what the file takes for granted"}, kMostAssumptions);
  if (in.describing()) static_cast<void>(in.optional_section({"device", "the GPU; only `collective` does without"}));
  in.ignore("device");
  in.require(ranks_of(config) > 0, {"nodes", "box", "nodes_list"}, "makes no GPU, or more than {} of them", kMostRanks);
  in.reject_unknown_keys();
  return section;
}

}  // namespace moesim
