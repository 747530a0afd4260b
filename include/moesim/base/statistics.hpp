#pragma once

#include <vector>

namespace moesim {

/// The value at `share` of the way from the smallest to the largest: of the nearest rank, not between two. 0 for no
/// values.
[[nodiscard]] double nearest_quantile(std::vector<double> values, double share);

}  // namespace moesim
