#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

/// A sample predicted by a fit that has not seen it.
struct Residual {
  double log_ratio = 0;     ///< ln(measured / predicted)
  std::string_view region;  ///< of the law
  int fold = 0;             ///< samples of one fold were left out together
};

/// Regions with fewer samples take the spread of all.
inline constexpr std::size_t kFewestInRegion = 10;

[[nodiscard]] RegionError error_of(std::string region, std::span<const Residual> residuals);
/// One for each region, by name.
[[nodiscard]] std::vector<RegionError> errors_by_region(std::span<const Residual> residuals);

/// Half-width that holds 90 % of what comes next of the same kind, from n sizes of residuals: the one of rank
/// ceil(0.9 (n + 1)), at most the largest (split conformal prediction: Lei et al. 2018, J. Am. Stat. Assoc. 113,
/// section 2.2). The plain quantile of few residuals holds less. 0 for none.
[[nodiscard]] double holding_spread(std::vector<double> sizes);

/// Whether each residual lies in the interval that the residuals of the other folds give its region: the spread is
/// never estimated from what it is tested on. All in one fold: each against all.
[[nodiscard]] std::vector<bool> held_by_other_folds(std::span<const Residual> residuals);

}  // namespace moesim
