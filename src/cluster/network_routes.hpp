#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "moesim/cluster/topology.hpp"

#include "cluster/segment_pool.hpp"

namespace moesim {

/// Routes between the points at which machines touch the network: switches with a cable to a machine, NICs with a cable
/// to another machine's, GPUs that forward for each other.
class NetworkRoutes {
 public:
  NetworkRoutes(const Topology& topology, SegmentPool& pool);

  /// A way from a machine's node into the network, or back.
  struct Attachment {
    std::uint32_t point = 0;
    std::optional<LinkId> link;  ///< none: the node is itself a point
  };
  [[nodiscard]] const std::vector<Attachment>& outward(NodeId node) const { return outward_[node.index()]; }
  [[nodiscard]] const std::vector<Attachment>& inward(NodeId node) const { return inward_[node.index()]; }

  static constexpr int kNoRoute = std::numeric_limits<int>::max();
  [[nodiscard]] int hops(std::uint32_t from, std::uint32_t to) const { return hops_[from * points_ + to]; }
  /// One of the equally short routes; `turn` takes them in turn.
  /// @pre hops(from, to) != kNoRoute
  [[nodiscard]] const Segment& route(std::uint32_t from, std::uint32_t to, std::size_t turn) const {
    return routes_[(from * points_ + to) * ways_ + turn % ways_];
  }
  /// Whether there is a route between every two points.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  std::vector<std::vector<Attachment>> outward_;  ///< by NodeId
  std::vector<std::vector<Attachment>> inward_;
  std::size_t points_ = 0;
  std::size_t ways_ = 1;         ///< routes kept per pair of points
  std::vector<int> hops_;        ///< [from * points + to]
  std::vector<Segment> routes_;  ///< [(from * points + to) * ways + turn]
  bool complete_ = true;
};

}  // namespace moesim
