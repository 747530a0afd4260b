#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"

namespace moesim {

enum class NodeKind { gpu, pcie_switch, root_port, socket, host_memory, nv_switch, nic, network_switch, hub };

struct NamedNodeKind {
  std::string_view name;
  NodeKind kind;
};
inline constexpr std::array kNodeKinds = {
    NamedNodeKind{"gpu", NodeKind::gpu},
    NamedNodeKind{"pcie_switch", NodeKind::pcie_switch},
    NamedNodeKind{"root_port", NodeKind::root_port},
    NamedNodeKind{"socket", NodeKind::socket},
    NamedNodeKind{"host_memory", NodeKind::host_memory},
    NamedNodeKind{"nv_switch", NodeKind::nv_switch},
    NamedNodeKind{"nic", NodeKind::nic},
    NamedNodeKind{"network_switch", NodeKind::network_switch},
    NamedNodeKind{"hub", NodeKind::hub},
};
[[nodiscard]] constexpr std::string_view node_kind_name(NodeKind kind) {
  return kNodeKinds[static_cast<std::size_t>(kind)].name;
}

struct Node {
  std::string name;  ///< unique, e.g. "host0/gpu3"
  NodeKind kind = NodeKind::gpu;
  int host = -1;  ///< machine it belongs to; -1: outside (leaf and spine switches)
};

enum class LinkKind { pcie, inter_socket, host_memory, nvlink, nic, fabric, ideal };

struct NamedLinkKind {
  std::string_view name;
  LinkKind kind;
};
inline constexpr std::array kLinkKinds = {
    NamedLinkKind{"pcie", LinkKind::pcie},
    NamedLinkKind{"inter_socket", LinkKind::inter_socket},
    NamedLinkKind{"host_memory", LinkKind::host_memory},
    NamedLinkKind{"nvlink", LinkKind::nvlink},
    NamedLinkKind{"nic", LinkKind::nic},        // between a NIC (or hub) and the network
    NamedLinkKind{"fabric", LinkKind::fabric},  // between network switches, or GPUs that forward for each other (torus)
    NamedLinkKind{"ideal", LinkKind::ideal},    // into a hub: no transport rule applies
};
[[nodiscard]] constexpr std::string_view link_kind_name(LinkKind kind) {
  return kLinkKinds[static_cast<std::size_t>(kind)].name;
}

/// One direction of a cable: full-duplex connections are two links.
struct Link {
  NodeId from;
  NodeId to;
  LinkKind kind = LinkKind::pcie;
  BytesPerSecond capacity;  ///< payload bytes the line can carry per second (encoding taken off, protocol headers not)
  Seconds latency;
  /// unique; empty: `create` names it after its ends, "host0/pcie_switch0->host0/root_port0", parallel ones with "#2",
  /// "#3"...
  std::string name;
};

/// What parts of one make have in common: "host3/nic1->switch" becomes "host*/nic*->switch".
[[nodiscard]] std::string make_of_name(std::string_view name);

/// A connected directed graph; GPUs are ranks in the order in which they are listed. Invariants, checked by `create`,
/// each with its own message:
///  1. names of nodes are unique and not empty;                     5. names of links are unique;
///  2. machines are numbered 0, 1, 2... without a gap;              6. capacities are positive and finite;
///  3. GPUs, NICs and other parts of a machine belong to one,       7. latencies are finite and not negative;
///     network switches to none;                                    8. there is at least one GPU;
///  4. a link joins two different existing nodes, and only `fabric` 9. from every GPU every other can be reached.
///     and `nic` links leave a machine;
class Topology {
 public:
  /// @throws InputError with every violated invariant
  [[nodiscard]] static Topology create(std::vector<Node> nodes, std::vector<Link> links);

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<Link>& links() const { return links_; }
  [[nodiscard]] const Node& node(NodeId id) const { return nodes_[id.index()]; }
  [[nodiscard]] const Link& link(LinkId id) const { return links_[id.index()]; }
  [[nodiscard]] const std::vector<LinkId>& links_from(NodeId id) const { return outgoing_[id.index()]; }
  [[nodiscard]] const std::vector<NodeId>& gpus() const { return gpus_; }  ///< by rank
  [[nodiscard]] int ranks() const { return static_cast<int>(gpus_.size()); }
  [[nodiscard]] int hosts() const { return hosts_; }
  [[nodiscard]] int host_of(RankId rank) const { return nodes_[gpus_[rank.index()].index()].host; }

 private:
  Topology() = default;

  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::vector<std::vector<LinkId>> outgoing_;
  std::vector<NodeId> gpus_;
  int hosts_ = 0;
};

}  // namespace moesim
