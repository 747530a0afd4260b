#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cluster/topology.hpp"

namespace moesim {

/// How bytes get from one rank to another, as NCCL chooses it per pair.
enum class Transport {
  self,         ///< same rank: a copy in device memory, no link
  nvlink,       ///< peer to peer over NVLink
  pcie_p2p,     ///< peer to peer over PCIe (or inside a hub)
  host_staged,  ///< SHM: written to host memory, read back by the receiver (PCIe twice, host memory twice)
  net_direct,   ///< NIC reads and writes device memory (GPU-direct)
  net_staged    ///< NIC reads and writes host memory, on both sides or on the one that is too far from its NIC
};
[[nodiscard]] std::string_view transport_name(Transport transport);

/// Farthest PCIe path over which two GPUs, or a GPU and a NIC, speak directly: the names and the order of NCCL's
/// NCCL_P2P_LEVEL and NCCL_NET_GDR_LEVEL (NCCL user guide, "Environment variables").
enum class PathLevel {
  local,   ///< LOC: never between two devices
  nvlink,  ///< NVL: only over NVLink
  pix,     ///< through at most one PCIe switch
  pxb,     ///< through several PCIe switches, no host bridge
  phb,     ///< through a host bridge of one socket
  sys      ///< between sockets
};
struct NamedPathLevel {
  std::string_view name;
  PathLevel level;
};
inline constexpr std::array kPathLevels = {
    NamedPathLevel{"loc", PathLevel::local}, NamedPathLevel{"nvl", PathLevel::nvlink},
    NamedPathLevel{"pix", PathLevel::pix},   NamedPathLevel{"pxb", PathLevel::pxb},
    NamedPathLevel{"phb", PathLevel::phb},   NamedPathLevel{"sys", PathLevel::sys}};
[[nodiscard]] constexpr std::string_view path_level_name(PathLevel level) {
  return kPathLevels[static_cast<std::size_t>(level)].name;
}

/// What decides the transport of a pair. NCCL's own p2p_level depends on the processor and its version: sys on AMD; on
/// Intel phb in older and pxb in newer versions (ncclTopoCheckP2p); its gdr_level is pxb (ncclTopoCheckGdr). Cluster
/// files say which.
struct TransportRules {
  PathLevel p2p_level = PathLevel::phb;  ///< farthest GPU-GPU path for peer to peer
  PathLevel gdr_level = PathLevel::pxb;  ///< farthest GPU-NIC path for GPU-direct
  /// PXN: when the destination's NIC is on another leaf, hand the message over NVLink to the GPU next to the NIC on
  /// that leaf (rails). Not PXN: across the spine.
  bool pxn = true;
};

/// The links of a path in order: a view of up to three runs inside a PathTable (out of the machine, through the
/// network, into the other machine), so that a table of R ranks needs no R^2 lists. Valid as long as the table or a
/// copy of it.
class LinkSequence {
 public:
  using Run = std::span<const LinkId>;

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = LinkId;
    using difference_type = std::ptrdiff_t;
    using pointer = const LinkId*;
    using reference = const LinkId&;

    Iterator() = default;
    Iterator(const LinkSequence* sequence, std::size_t run) : sequence_(sequence), run_(run) {}
    reference operator*() const { return sequence_->runs_[run_][at_]; }
    Iterator& operator++() {
      if (++at_ == sequence_->runs_[run_].size()) {
        at_ = 0;
        ++run_;
      }
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const LinkSequence* sequence_ = nullptr;
    std::size_t run_ = 0;
    std::size_t at_ = 0;
  };

  LinkSequence() = default;
  /// Empty runs are left out.
  explicit LinkSequence(Run first, Run second = {}, Run third = {}) {
    for (const Run run : {first, second, third}) {
      if (!run.empty()) runs_[count_++] = run;
    }
  }

  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, count_}; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return runs_[0].size() + runs_[1].size() + runs_[2].size(); }
  /// For tight loops: the runs that are not empty.
  [[nodiscard]] std::span<const Run> runs() const { return {runs_.data(), count_}; }

 private:
  std::array<Run, 3> runs_;
  std::size_t count_ = 0;
};

struct Path {
  Transport transport = Transport::self;
  LinkSequence
      links;        ///< a connected walk; staged paths pass host memory, and a link may be of a kind that came before
  Seconds latency;  ///< sum over the links
};

/// Paths between all pairs of ranks, found once per topology. A cheap value: copies share the routes, which never
/// change.
///
/// Inside a machine: NVLink (direct, or through NVSwitches) when there is one and p2p_level is not `loc`; else PCIe
/// when its level is within p2p_level; else through host memory of the RECEIVER's socket, where NCCL's SHM transport
/// keeps its buffers (NCCL_SHM_LOCALITY, not documented, defaults to the receiver's side). Paths inside a hub are
/// always direct.
///
/// Between machines: GPU, its NIC, network, the other GPU's NIC, that GPU. A GPU's NIC is the nearest by level, then
/// hops, then latency; GPUs that have several equal ones take them in turn. GPU and NIC within gdr_level: direct; else
/// through host memory of the GPU's own socket (NCCL's proxy thread, which owns the buffer, runs there).
///
/// Every part is a shortest path: fewest hops, then lowest latency, then lowest link number. In the network, routes
/// that are equal by hops and latency are taken in turn over the pairs of ranks (an ECMP without chance).
class PathTable {
 public:
  /// @throws InputError naming the pairs for which no transport is possible
  PathTable(const Topology& topology, const TransportRules& rules);

  [[nodiscard]] Path path(RankId from, RankId to) const;
  [[nodiscard]] int ranks() const;

 private:
  struct Routes;
  std::shared_ptr<const Routes> routes_;
};

}  // namespace moesim
