#pragma once

#include <vector>

#include "moesim/fit/fit_links.hpp"

namespace moesim {

/// A sample with what the graph says about it.
struct LinkPoint {
  LinkSample sample;
  PhaseLoad load;
  double weight = 1;
};

/// ln(measured / predicted).
[[nodiscard]] double log_ratio(const LinkPoint& point, const LinkCoefficients& law);

/// Coefficients of the law with the shape's free parameters at the least weighted sum of Huber's loss of log_ratio.
/// @param given values of all that is not fitted; points not empty
[[nodiscard]] LinkCoefficients fit_points(const std::vector<LinkPoint>& points, const LinkCoefficients& given,
                                          const LinkLawShape& shape);

}  // namespace moesim
