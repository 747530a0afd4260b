#include "moesim/cost/calibration.hpp"

#include <algorithm>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

double FittedLaw::coefficient(std::string_view key) const {
  const auto found = coefficients.find(key);
  MOESIM_EXPECTS(found != coefficients.end());
  return found->second;
}

double FittedLaw::coefficient_or(std::string_view key, double otherwise) const {
  const auto found = coefficients.find(key);
  return found == coefficients.end() ? otherwise : found->second;
}

bool FittedLaw::has_spread(std::string_view region) const {
  return std::ranges::find(spreads, region, &Spread::region) != spreads.end();
}

double FittedLaw::spread(std::string_view region) const {
  double widest = 0;
  for (const Spread& one : spreads) {
    if (one.region == region) return one.value;
    widest = std::max(widest, one.value);
  }
  return widest;
}

bool FittedLaw::covers(std::string_view argument, double value) const {
  const auto found = ranges.find(argument);
  return found == ranges.end() || (value >= found->second.lo && value <= found->second.hi);
}

const FittedLaw* Calibration::find(std::string_view law) const {
  const auto found = std::ranges::find(laws, law, &FittedLaw::name);
  return found == laws.end() ? nullptr : &*found;
}

}  // namespace moesim
