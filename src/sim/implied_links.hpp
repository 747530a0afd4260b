#pragma once

#include <span>
#include <vector>

#include "moesim/sim/max_min.hpp"

namespace moesim {

/// Links that can never be the reason why a flow is no faster: every flow over such a link passes one of a few other
/// links that together are no wider, so they are full before it could be. Max-min rates are the same without it, of
/// these flows and of any subset of them. (Covers are found greedily: a link may be implied and not found.)
/// @return by LinkId: 1 when implied by links that are not; links without flows are
[[nodiscard]] std::vector<char> implied_links(std::span<const BytesPerSecond> capacities, const RouteList& routes);

}  // namespace moesim
