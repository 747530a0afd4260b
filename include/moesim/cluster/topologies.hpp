#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topology.hpp"

namespace moesim {

/// Capacity of one direction and latency of a kind of cable. Bandwidth 0: not there.
struct Cable {
  BytesPerSecond bandwidth;
  Seconds latency;
};

/// Inside of a machine. Fields that a builder does not use are ignored by it (the loader refuses them, see
/// NamedTopology::keys).
struct BoxConfig {
  int gpus = 8;
  int sockets = 2;
  int gpus_per_switch = 2;  ///< GPUs under one PCIe switch; 1: no switches, each GPU on its own root port
  Cable pcie;               ///< GPU or NIC to its switch or root port; in a hub box GPU to hub
  Cable uplink;  ///< PCIe switch to the root port of its socket; without switches root port to socket (absent: as pcie)
  Cable inter_socket;  ///< between two sockets, each direction (UPI, Infinity Fabric); every socket is joined to every
                       ///< other
  /// Socket to its memory, per direction. Memory itself is one resource for reads and writes; but what a staged
  /// transfer writes is read once from the same memory, so a memory of bandwidth M is exactly M/2 per direction.
  Cable host_memory;
  Cable nvlink;               ///< GPU to NVSwitch, all its lanes together (NVLink box), or of one bridge (pairs)
  bool nvlink_pairs = false;  ///< bridges between GPUs 2i and 2i+1 in a PCIe box
};

enum class NicPlacement {
  first_socket,  ///< all NICs on root ports of socket 0
  spread         ///< NIC i on a root port of socket i * sockets / count
};
struct NamedNicPlacement {
  std::string_view name;
  NicPlacement placement;
};
inline constexpr std::array kNicPlacements = {NamedNicPlacement{"first_socket", NicPlacement::first_socket},
                                              NamedNicPlacement{"spread", NicPlacement::spread}};

struct NicConfig {
  int count = 1;  ///< per machine, where the builder leaves it open (pcie_shared_nic, hub, dragonfly)
  Cable port;     ///< NIC to its leaf switch, one direction; YAML: nic.bandwidth, nic.latency
  NicPlacement placement = NicPlacement::first_socket;  ///< pcie_shared_nic
};

/// Network between the machines. Each passage of a switch costs `switch_latency` (on the link that leaves it).
struct FabricConfig {
  int nodes = 1;           ///< machines; YAML: top-level `nodes`
  int nodes_per_leaf = 0;  ///< fat tree: machines per leaf, rails: per pod; 0: one non-blocking switch (one per rail)
  double oversubscription = 1;      ///< a leaf's downlinks : uplinks
  Seconds switch_latency;           ///< YAML: fabric.latency
  std::vector<int> dimensions;      ///< torus: extent per dimension; dragonfly: {routers per group, groups}
  BytesPerSecond local_bandwidth;   ///< dragonfly: inside a group; torus: between neighbours
  BytesPerSecond global_bandwidth;  ///< dragonfly: between groups
};

/// A cable of an explicit graph, by names.
struct ExplicitLink {
  std::string from;
  std::string to;
  LinkKind kind = LinkKind::pcie;
  Cable cable;
  bool duplex = true;  ///< also the other direction, with the same numbers
};

/// A cluster file, field by field (docs/configuration.md).
struct ClusterConfig {
  std::string name;
  std::string device;    ///< name in configs/devices; empty: none (reference clusters)
  std::string topology;  ///< name in kTopologies
  BoxConfig box;
  NicConfig nic;
  FabricConfig fabric;
  TransportRules transport;
  std::vector<Node> nodes_list;          ///< topology "explicit"
  std::vector<ExplicitLink> links;       ///< topology "explicit"
  std::string calibration;               ///< of its links, in calibration/; empty: capacities of this file as they are
  std::vector<std::string> assumptions;  ///< what the file takes for granted; reports print it
};

struct NamedTopology {
  std::string_view name;
  std::string_view description;
  Topology (*build)(const ClusterConfig&);
  std::span<const std::string_view> keys;  ///< what of `box`, `nic`, `fabric` and the lists it reads, as YAML paths
};

/// Builders throw InputError with all problems; each Diagnostic's key is the path in the cluster file
/// ("box.pcie.bandwidth").
[[nodiscard]] Topology pcie_box_shared_nic(const ClusterConfig& config);
[[nodiscard]] Topology pcie_box_nic_per_pair(const ClusterConfig& config);
[[nodiscard]] Topology nvlink_box_rails(const ClusterConfig& config);
[[nodiscard]] Topology hub_box(const ClusterConfig& config);
[[nodiscard]] Topology torus(const ClusterConfig& config);
[[nodiscard]] Topology dragonfly(const ClusterConfig& config);
[[nodiscard]] Topology explicit_graph(const ClusterConfig& config);

namespace topology_keys {
inline constexpr std::array<std::string_view, 18> kPcieSharedNic = {"box.gpus",
                                                                    "box.sockets",
                                                                    "box.gpus_per_switch",
                                                                    "box.pcie",
                                                                    "box.uplink",
                                                                    "box.inter_socket",
                                                                    "box.host_memory",
                                                                    "box.nvlink",
                                                                    "box.nvlink_pairs",
                                                                    "nic.count",
                                                                    "nic.bandwidth",
                                                                    "nic.latency",
                                                                    "nic.placement",
                                                                    "nodes",
                                                                    "fabric.nodes_per_leaf",
                                                                    "fabric.oversubscription",
                                                                    "fabric.latency",
                                                                    "transport"};
inline constexpr std::array<std::string_view, 16> kPcieNicPerPair = {"box.gpus",
                                                                     "box.sockets",
                                                                     "box.gpus_per_switch",
                                                                     "box.pcie",
                                                                     "box.uplink",
                                                                     "box.inter_socket",
                                                                     "box.host_memory",
                                                                     "box.nvlink",
                                                                     "box.nvlink_pairs",
                                                                     "nic.bandwidth",
                                                                     "nic.latency",
                                                                     "nodes",
                                                                     "fabric.nodes_per_leaf",
                                                                     "fabric.oversubscription",
                                                                     "fabric.latency",
                                                                     "transport"};
inline constexpr std::array<std::string_view, 14> kNvlinkRails = {
    "box.gpus",       "box.sockets",   "box.pcie",    "box.uplink", "box.inter_socket",      "box.host_memory",
    "box.nvlink",     "nic.bandwidth", "nic.latency", "nodes",      "fabric.nodes_per_leaf", "fabric.oversubscription",
    "fabric.latency", "transport"};
inline constexpr std::array<std::string_view, 9> kHub = {"box.gpus",
                                                         "box.pcie",
                                                         "nic.count",
                                                         "nic.bandwidth",
                                                         "nic.latency",
                                                         "nodes",
                                                         "fabric.nodes_per_leaf",
                                                         "fabric.oversubscription",
                                                         "fabric.latency"};
inline constexpr std::array<std::string_view, 5> kTorus = {"box.gpus", "nodes", "fabric.dimensions",
                                                           "fabric.local_bandwidth", "fabric.latency"};
inline constexpr std::array<std::string_view, 10> kDragonfly = {"box.gpus",
                                                                "box.pcie",
                                                                "nic.count",
                                                                "nic.bandwidth",
                                                                "nic.latency",
                                                                "nodes",
                                                                "fabric.dimensions",
                                                                "fabric.local_bandwidth",
                                                                "fabric.global_bandwidth",
                                                                "fabric.latency"};
inline constexpr std::array<std::string_view, 3> kExplicit = {"nodes_list", "links", "transport"};
}  // namespace topology_keys

/// Every box can stand under one switch or under a two-level fat tree (fabric.nodes_per_leaf). One machine: no network.
inline constexpr std::array kTopologies = {
    NamedTopology{"pcie_shared_nic", "PCIe boxes, all GPUs of a machine share its NIC(s)", pcie_box_shared_nic,
                  topology_keys::kPcieSharedNic},
    NamedTopology{"pcie_nic_per_pair", "PCIe boxes, one NIC under every PCIe switch", pcie_box_nic_per_pair,
                  topology_keys::kPcieNicPerPair},
    NamedTopology{"nvlink_rails", "NVSwitch boxes, one NIC per GPU, rail-optimised leaves", nvlink_box_rails,
                  topology_keys::kNvlinkRails},
    NamedTopology{"hub", "each GPU on its own link into a hub (reference clusters)", hub_box, topology_keys::kHub},
    NamedTopology{"torus", "GPUs as the points of a torus", torus, topology_keys::kTorus},
    NamedTopology{"dragonfly", "hub boxes on dragonfly routers, minimal routes", dragonfly, topology_keys::kDragonfly},
    NamedTopology{"explicit", "nodes and links as listed in the file", explicit_graph, topology_keys::kExplicit}};

/// Builds what config.topology names.
/// @throws InputError for an unknown name (with the known ones), or with every problem of the configuration
[[nodiscard]] Topology build_topology(const ClusterConfig& config);

}  // namespace moesim
