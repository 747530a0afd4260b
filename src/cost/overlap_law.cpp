#include "moesim/cost/overlap_law.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

double checked(const FittedLaw& law, std::string_view key, double value, bool right, std::string_view what) {
  if (right) return value;
  throw InputError(fmt::format("law {}: coefficients.{}: must be {} (got {})", law.name, key, what, value));
}

double positive(const FittedLaw& law, std::string_view key) {
  const double value = law.coefficient_or(key, -1);
  return checked(law, key, value, value > 0, "there and positive");
}

/// How many times as long something takes; 1 where the law does not say.
double slowdown(const FittedLaw& law, std::string_view key) {
  const double value = law.coefficient_or(key, 1);
  return checked(law, key, value, value >= 1, "at least 1");
}

}  // namespace

double KernelOverlap::product_slowdown(Seconds alone) const {
  double measured = alone.value;
  if (const auto range = law->ranges.find("kernel_s"); range != law->ranges.end()) {
    measured = std::clamp(measured, range->second.lo, range->second.hi);
  }
  return measured > 0 ? 1 + std::pow(doubling / measured, power) : 1;
}

std::optional<KernelOverlap> kernel_overlap(const Calibration& calibration) {
  const FittedLaw* law = calibration.find("overlap.bf16");
  if (law == nullptr) return std::nullopt;
  const double wait = law->coefficient_or("kernel_wait", 0);
  return KernelOverlap{.law = law,
                       .doubling = positive(*law, "doubling_s"),
                       .power = positive(*law, "power"),
                       .attention = slowdown(*law, "attention_slowdown"),
                       .memory = slowdown(*law, "memory_slowdown"),
                       .communication = slowdown(*law, "communication_slowdown"),
                       .wait = checked(*law, "kernel_wait", wait, wait >= 0 && wait <= 1, "between 0 and 1")};
}

}  // namespace moesim
