#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cluster/topology.hpp"

namespace moesim {

/// A part of the cluster as it is drawn: it may stand for many.
struct DrawnNode {
  std::string name;  ///< without the machine's: "gpu3", "leaf*"
  NodeKind kind = NodeKind::gpu;
  std::size_t box = 0;    ///< machine that it is in, by index into boxes; kNoBox: the network
  std::size_t count = 1;  ///< parts that it stands for, of one machine
  double x = 0;           ///< centre; neighbours of a row are 1 apart
  double y = 0;           ///< row, downwards
};
inline constexpr std::size_t kNoBox = static_cast<std::size_t>(-1);

/// A machine, or several that are built alike.
struct DrawnBox {
  std::string name;  ///< of the first
  std::size_t count = 1;
};

/// All links between two drawn parts, both directions.
struct DrawnLink {
  std::size_t from = 0;  ///< by index into nodes
  std::size_t to = 0;
  LinkKind kind = LinkKind::pcie;
  BytesPerSecond capacity;  ///< of one link in one direction
  std::vector<LinkId> forward;
  std::vector<LinkId> backward;
};

/// A cluster graph laid out in rows: the network above the machines.
struct ClusterDrawing {
  std::vector<DrawnBox> boxes;
  std::vector<DrawnNode> nodes;
  std::vector<DrawnLink> links;
};

/// Machines that are built alike become one, and so do switches of the network of one make ("leaf0", "leaf1"). Every
/// link of the cluster is in exactly one drawn link, so nothing hot is lost: what is drawn can show the busiest of
/// them.
[[nodiscard]] ClusterDrawing draw_cluster(const Topology& topology);

/// Use of a drawn link over a step: bytes / (capacity x step time), of its links in each direction.
struct DrawnUse {
  double forward_max = 0;
  double backward_max = 0;
  double mean = 0;  ///< over both directions
};
/// By drawn link. @param bytes over each link in the step, by LinkId; empty: none
[[nodiscard]] std::vector<DrawnUse> use_of(const ClusterDrawing& drawing, const Topology& topology,
                                           const std::vector<double>& bytes, Seconds step_time);

/// {"boxes": [...], "nodes": [...], "links": [{"from", "to", "kind", "capacity_Bps", "count", "name"}...]}
[[nodiscard]] std::string to_json(const ClusterDrawing& drawing, const Topology& topology);
/// [[forward, backward, mean]...] by drawn link, four decimals.
[[nodiscard]] std::string to_json(const std::vector<DrawnUse>& use);

}  // namespace moesim
