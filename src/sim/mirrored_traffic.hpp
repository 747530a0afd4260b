#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/traffic_plans.hpp"

namespace moesim {

/// Which link carries the other way what a link carries one way: found from pairs of routes, there and back.
class MirroredLinks {
 public:
  /// Views: as long as both live.
  MirroredLinks(std::span<const BytesPerSecond> capacities, const RouteList& routes);

  /// Whether the route back passes, in reversed order, the mirror images of the links of the route there: links of the
  /// same capacity, one image each, whatever pair asks.
  [[nodiscard]] bool mirror(std::uint32_t there, std::uint32_t back);

 private:
  std::span<const BytesPerSecond> capacities_;
  const RouteList* routes_;
  std::vector<LinkId> image_;  ///< by LinkId; the number of links: not known yet
};

/// Whether two collectives are mirror images: from j to i in one what goes from i to j in the other, over mirrored
/// links. Renaming the links then turns one into the other, so alone on the network they take the same time.
/// @param links by Leg::shares
[[nodiscard]] bool mirrored(const PlannedTraffic& one, const PlannedTraffic& other, std::vector<MirroredLinks>& links);

}  // namespace moesim
