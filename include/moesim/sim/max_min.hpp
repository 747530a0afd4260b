#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"

namespace moesim {

/// Routes of many flows in one block of memory: a million of them are an ordinary all-to-all.
class RouteList {
 public:
  /// Appends a route: any range of LinkId. A link that is passed twice is named twice. @return its index
  template <class Links>
  std::size_t add(const Links& links) {
    for (const LinkId link : links) links_.push_back(link);
    ends_.push_back(static_cast<std::uint32_t>(links_.size()));
    return ends_.size() - 1;
  }
  void reserve(std::size_t routes, std::size_t links) {
    ends_.reserve(routes);
    links_.reserve(links);
  }

  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::span<const LinkId> operator[](std::size_t route) const {
    const std::size_t begin = route == 0 ? 0 : ends_[route - 1];
    return {links_.data() + begin, ends_[route] - begin};
  }

 private:
  std::vector<LinkId> links_;
  std::vector<std::uint32_t> ends_;  ///< [route]: end in links_
};

/// Max-min fair rates of flows that share links.
struct FairShare {
  std::vector<BytesPerSecond> rates;   ///< by flow
  std::vector<BytesPerSecond> levels;  ///< by link: rate of the flows that it stops; infinite for a link with room
};

/// Equal-weight max-min fairness by progressive filling (Bertsekas and Gallager, Data Networks, 1992, section 6.5.2):
/// all rates grow together; a link that is full, or a flow's own cap, stops the flows concerned. The result is the
/// only allocation in which every flow has a bottleneck: its cap, or a full link on which no other flow is faster.
/// Links that fill within a relative 1e-12 of each other fill together. A flow without links and cap gets infinity.
/// @param rate_caps by flow, > 0; empty: none
/// @pre capacities are positive; every link of a route has one
[[nodiscard]] FairShare max_min_rates(std::span<const BytesPerSecond> capacities, const RouteList& routes,
                                      std::span<const BytesPerSecond> rate_caps = {});

}  // namespace moesim
