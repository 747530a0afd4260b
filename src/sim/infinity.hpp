#pragma once

#include <limits>

namespace moesim {

/// A rate that nothing limits, a time that does not come.
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace moesim
