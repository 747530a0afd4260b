#include "cluster/machine_routes.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "cluster/search_graph.hpp"

namespace moesim {
namespace {

using Links = std::vector<LinkId>;

bool is_nvlink(const Link& link) { return link.kind == LinkKind::nvlink; }

bool is_bus_link(const Link& link) {
  return link.kind == LinkKind::pcie || link.kind == LinkKind::inter_socket || link.kind == LinkKind::host_memory ||
         link.kind == LinkKind::ideal;
}

bool forwards(const Node& node) {
  return node.kind == NodeKind::pcie_switch || node.kind == NodeKind::root_port || node.kind == NodeKind::socket ||
         node.kind == NodeKind::hub || node.kind == NodeKind::nv_switch;
}

/// Farthest thing that a PCIe path passes. Inside a hub, and for a GPU that is its own NIC, nothing is far: `local`.
PathLevel path_level(const Topology& topology, const Links& links) {
  PathLevel level = PathLevel::local;
  int switches = 0;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const Link& link = topology.link(links[i]);
    if (link.kind == LinkKind::pcie) level = std::max(level, PathLevel::pix);
    if (link.kind == LinkKind::inter_socket) level = PathLevel::sys;
    if (i + 1 == links.size()) break;  // the last link's end is the partner, not on the way
    switch (topology.node(link.to).kind) {
      case NodeKind::socket:
      case NodeKind::root_port:
        level = std::max(level, PathLevel::phb);
        break;
      case NodeKind::pcie_switch:
        if (++switches > 1) level = std::max(level, PathLevel::pxb);
        break;
      default:
        break;
    }
  }
  return level;
}

Links joined(Links first, const Links& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// Where one machine's GPUs find their memory, their NICs and each other.
class Machine {
 public:
  Machine(const Topology& topology, const TransportRules& rules, const std::vector<NodeId>& nodes,
          const std::vector<NodeId>& gpus, const NetworkRoutes& network, SegmentPool& pool)
      : topology_(topology),
        rules_(rules),
        gpus_(gpus),
        network_(network),
        pool_(pool),
        bus_(topology, nodes, is_bus_link, forwards),
        nvlinks_(topology, nodes, is_nvlink, forwards) {
    for (const NodeId node : nodes) {
      if (topology.node(node).kind == NodeKind::host_memory) memories_.push_back(node);
      if (!network.outward(node).empty() && !network.inward(node).empty()) nics_.push_back(node);
    }
    for (const NodeId gpu : gpus) {
      from_gpu_.push_back(bus_.search(gpu));
      over_nvlink_.push_back(nvlinks_.search(gpu));
    }
    for (const NodeId node : memories_) from_node_.emplace(node, bus_.search(node));
    for (const NodeId node : nics_) from_node_.emplace(node, bus_.search(node));
    for (std::size_t g = 0; g < gpus.size(); ++g) home_.push_back(home_memory(g));
  }

  [[nodiscard]] MachineRoutes routes() {
    MachineRoutes routes;
    for (std::size_t from = 0; from < gpus_.size(); ++from) {
      for (std::size_t to = 0; to < gpus_.size(); ++to) {
        routes.local.push_back(from == to ? LocalRoute{} : local_route(from, to));
      }
    }
    choose_nics();
    for (std::size_t g = 0; g < gpus_.size(); ++g) {
      routes.exits.push_back(own_exits(g));
      routes.entries.push_back(own_entries(g));
      routes.problems.push_back(routes.exits[g].empty() || routes.entries[g].empty() ? why_no_gate(g) : std::string{});
    }
    for (std::size_t g = 0; g < gpus_.size(); ++g) add_forwarded_exits(g, routes);
    return routes;
  }

 private:
  [[nodiscard]] bool nvlink_allowed() const { return rules_.p2p_level >= PathLevel::nvlink; }

  [[nodiscard]] Links way(const SearchGraph::Tree& tree, NodeId to) const { return bus_.path(tree, to); }

  /// Nearest memory from which the GPU can also be reached.
  [[nodiscard]] std::optional<NodeId> home_memory(std::size_t gpu) const {
    std::optional<NodeId> home;
    for (const NodeId memory : memories_) {
      if (!from_gpu_[gpu].reaches(memory) || !from_node_.at(memory).reaches(gpus_[gpu])) continue;
      if (!home || from_gpu_[gpu].distance(memory) < from_gpu_[gpu].distance(*home)) home = memory;
    }
    return home;
  }

  [[nodiscard]] LocalRoute local_route(std::size_t from, std::size_t to) {
    if (nvlink_allowed() && over_nvlink_[from].reaches(gpus_[to])) {
      return {Transport::nvlink, pool_.add(topology_, nvlinks_.path(over_nvlink_[from], gpus_[to]))};
    }
    if (from_gpu_[from].reaches(gpus_[to])) {
      const Links links = way(from_gpu_[from], gpus_[to]);
      const PathLevel level = path_level(topology_, links);
      if (level == PathLevel::local || level <= rules_.p2p_level)
        return {Transport::pcie_p2p, pool_.add(topology_, links)};
    }
    if (home_[to] && from_gpu_[from].reaches(*home_[to])) {
      const Links links = joined(way(from_gpu_[from], *home_[to]), way(from_node_.at(*home_[to]), gpus_[to]));
      return {Transport::host_staged, pool_.add(topology_, links)};
    }
    return {};
  }

  /// The NICs nearest to a GPU: several only if they are equal by level, hops and latency.
  [[nodiscard]] std::vector<NodeId> nearest_nics(std::size_t gpu) const {
    std::vector<NodeId> nearest;
    std::pair<PathLevel, Distance> best;
    for (const NodeId nic : nics_) {
      if (!from_gpu_[gpu].reaches(nic) || !from_node_.at(nic).reaches(gpus_[gpu])) continue;
      const std::pair key(path_level(topology_, way(from_gpu_[gpu], nic)), from_gpu_[gpu].distance(nic));
      if (nearest.empty() || key < best) {
        nearest.clear();
        best = key;
      }
      if (key == best) nearest.push_back(nic);
    }
    return nearest;
  }

  void choose_nics() {
    std::map<std::vector<NodeId>, std::size_t> turns;  // GPUs with the same choice so far
    for (std::size_t g = 0; g < gpus_.size(); ++g) {
      const std::vector<NodeId> nearest = nearest_nics(g);
      std::optional<NodeId>& nic = nic_.emplace_back();
      if (!nearest.empty()) nic = nearest[turns[nearest]++ % nearest.size()];
    }
  }

  [[nodiscard]] bool gpu_direct(std::size_t gpu) const {
    const PathLevel level = path_level(topology_, way(from_gpu_[gpu], *nic_[gpu]));
    return level == PathLevel::local || level <= rules_.gdr_level;
  }

  [[nodiscard]] std::vector<Gate> own_exits(std::size_t gpu) {
    if (!nic_[gpu]) return {};
    const NodeId nic = *nic_[gpu];
    const bool direct = gpu_direct(gpu);
    if (!direct && (!home_[gpu] || !from_node_.at(*home_[gpu]).reaches(nic))) return {};
    const Links to_nic = direct ? way(from_gpu_[gpu], nic)
                                : joined(way(from_gpu_[gpu], *home_[gpu]), way(from_node_.at(*home_[gpu]), nic));
    std::vector<Gate> gates;
    for (const NetworkRoutes::Attachment& attachment : network_.outward(nic)) {
      Links links = to_nic;
      if (attachment.link) links.push_back(*attachment.link);
      gates.push_back({pool_.add(topology_, links), attachment.point, !direct, false});
    }
    return gates;
  }

  [[nodiscard]] std::vector<Gate> own_entries(std::size_t gpu) {
    if (!nic_[gpu]) return {};
    const NodeId nic = *nic_[gpu];
    const bool direct = gpu_direct(gpu);
    if (!direct && (!home_[gpu] || !from_node_.at(nic).reaches(*home_[gpu]))) return {};
    const Links to_gpu =
        direct ? way(from_node_.at(nic), gpus_[gpu])
               : joined(way(from_node_.at(nic), *home_[gpu]), way(from_node_.at(*home_[gpu]), gpus_[gpu]));
    std::vector<Gate> gates;
    for (const NetworkRoutes::Attachment& attachment : network_.inward(nic)) {
      Links links;
      if (attachment.link) links.push_back(*attachment.link);
      gates.push_back({pool_.add(topology_, joined(std::move(links), to_gpu)), attachment.point, !direct, false});
    }
    return gates;
  }

  /// PXN: over NVLink to another GPU, and out through its NIC, for points that the GPU's own NIC does not touch. Only
  /// with GPU-direct there, as NCCL does.
  void add_forwarded_exits(std::size_t gpu, MachineRoutes& routes) {
    if (!rules_.pxn || !nvlink_allowed()) return;
    std::vector<Gate>& exits = routes.exits[gpu];
    for (std::size_t proxy = 0; proxy < gpus_.size(); ++proxy) {
      if (proxy == gpu || !over_nvlink_[gpu].reaches(gpus_[proxy])) continue;
      for (std::size_t e = 0; e < routes.exits[proxy].size(); ++e) {
        const Gate beyond = routes.exits[proxy][e];
        if (beyond.staged || beyond.forwarded) continue;
        if (std::ranges::find(exits, beyond.point, &Gate::point) != exits.end()) continue;
        const auto rest = pool_.links(beyond.segment);
        const Links links = joined(nvlinks_.path(over_nvlink_[gpu], gpus_[proxy]), Links(rest.begin(), rest.end()));
        exits.push_back({pool_.add(topology_, links), beyond.point, false, true});
      }
    }
  }

  [[nodiscard]] std::string why_no_gate(std::size_t gpu) const {
    const std::string& name = topology_.node(gpus_[gpu]).name;
    if (!nic_[gpu]) return fmt::format("{} has no way to a NIC that is joined to the network", name);
    return fmt::format(
        "{} cannot exchange bytes with {}: farther than gdr_level ({}), and there is no host memory to stage through "
        "(add one, "
        "or raise transport.gdr_level)",
        name, topology_.node(*nic_[gpu]).name, path_level_name(rules_.gdr_level));
  }

  const Topology& topology_;
  const TransportRules& rules_;
  const std::vector<NodeId>& gpus_;
  const NetworkRoutes& network_;
  SegmentPool& pool_;
  SearchGraph bus_;  ///< PCIe, sockets and memory; a hub's links
  SearchGraph nvlinks_;
  std::vector<NodeId> memories_;
  std::vector<NodeId> nics_;                       ///< nodes with a way into the network and one back
  std::vector<SearchGraph::Tree> from_gpu_;        ///< on bus_
  std::vector<SearchGraph::Tree> over_nvlink_;     ///< on nvlinks_
  std::map<NodeId, SearchGraph::Tree> from_node_;  ///< on bus_, of memories and NICs
  std::vector<std::optional<NodeId>> home_;        ///< memory by GPU
  std::vector<std::optional<NodeId>> nic_;         ///< NIC by GPU
};

}  // namespace

MachineRoutes find_machine_routes(const Topology& topology, const TransportRules& rules,
                                  const std::vector<NodeId>& nodes, const std::vector<NodeId>& gpus,
                                  const NetworkRoutes& network, SegmentPool& pool) {
  return Machine(topology, rules, nodes, gpus, network, pool).routes();
}

}  // namespace moesim
