#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "moesim/cluster/topology.hpp"

namespace moesim {

/// Part of a path: a run of links in a SegmentPool, and the sum of their latencies.
struct Segment {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  Seconds latency;
};

/// All links of all segments, one after the other.
class SegmentPool {
 public:
  Segment add(const Topology& topology, std::span<const LinkId> links) {
    Segment segment{.first = static_cast<std::uint32_t>(links_.size()),
                    .count = static_cast<std::uint32_t>(links.size()),
                    .latency = Seconds{0}};
    for (const LinkId id : links) {
      segment.latency += topology.link(id).latency;
      links_.push_back(id);
    }
    return segment;
  }
  [[nodiscard]] std::span<const LinkId> links(const Segment& segment) const {
    return {links_.data() + segment.first, segment.count};
  }

 private:
  std::vector<LinkId> links_;
};

}  // namespace moesim
