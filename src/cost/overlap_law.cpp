#include "moesim/cost/overlap_law.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

double positive(const FittedLaw& law, std::string_view key, double least) {
  const double value = law.coefficient_or(key, -1);
  if (value >= least && value > 0) return value;
  throw InputError(fmt::format("law {}: coefficients.{}: must be there and {} (got {})", law.name, key,
                               least > 0 ? fmt::format("at least {}", least) : "positive", value));
}

}  // namespace

double ProductOverlap::product_slowdown(Seconds alone) const {
  double measured = alone.value;
  if (const auto range = law->ranges.find("kernel_s"); range != law->ranges.end()) {
    measured = std::clamp(measured, range->second.lo, range->second.hi);
  }
  return measured > 0 ? 1 + std::pow(doubling / measured, power) : 1;
}

std::optional<ProductOverlap> product_overlap(const Calibration& calibration) {
  const FittedLaw* law = calibration.find("overlap.bf16");
  if (law == nullptr) return std::nullopt;
  return ProductOverlap{.law = law,
                        .doubling = positive(*law, "doubling_s", 0),
                        .power = positive(*law, "power", 0),
                        .communication = positive(*law, "communication_slowdown", 1)};
}

}  // namespace moesim
