#include "fit/residuals.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "moesim/base/statistics.hpp"

namespace moesim {
namespace {

constexpr double kHeld = 0.9;

}  // namespace

double holding_spread(std::vector<double> sizes) {
  if (sizes.empty()) return 0;
  const auto count = static_cast<double>(sizes.size());
  const double rank = std::min(std::ceil(kHeld * (count + 1)), count);
  const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
  std::ranges::nth_element(sizes, at);
  return *at;
}

namespace {

/// Half-widths of the 90 % intervals by region, from the residuals outside one fold.
struct Spreads {
  double all = 0;
  std::map<std::string_view, double> of_region;

  [[nodiscard]] double of(std::string_view region) const {
    const auto found = of_region.find(region);
    return found != of_region.end() ? found->second : all;
  }
};

template <class Kept>
Spreads spreads_of(std::span<const Residual> residuals, const Kept& kept) {
  std::vector<double> all;
  std::map<std::string_view, std::vector<double>> by_region;
  for (const Residual& one : residuals) {
    if (!kept(one)) continue;
    all.push_back(std::abs(one.log_ratio));
    by_region[one.region].push_back(all.back());
  }
  Spreads spreads{.all = holding_spread(all), .of_region = {}};
  for (const auto& [region, some] : by_region) {
    if (some.size() >= kFewestInRegion) spreads.of_region[region] = holding_spread(some);
  }
  return spreads;
}

}  // namespace

std::vector<bool> held_by_other_folds(std::span<const Residual> residuals) {
  std::set<int> folds;
  for (const Residual& one : residuals) folds.insert(one.fold);
  std::map<int, Spreads> without;
  for (const int fold : folds) {
    without[fold] = spreads_of(residuals, [&](const Residual& one) { return folds.size() == 1 || one.fold != fold; });
  }
  std::vector<bool> held;
  held.reserve(residuals.size());
  for (const Residual& one : residuals) {
    held.push_back(std::abs(one.log_ratio) <= without[one.fold].of(one.region));
  }
  return held;
}

namespace {

RegionError error_of(std::string region, std::span<const Residual> residuals, const std::vector<bool>& held) {
  std::vector<double> ratios;
  std::vector<double> errors;
  std::vector<double> logs;
  for (const Residual& one : residuals) {
    ratios.push_back(one.log_ratio);
    errors.push_back(std::abs(std::exp(one.log_ratio) - 1));
    logs.push_back(std::abs(one.log_ratio));
  }
  const auto inside = static_cast<double>(std::ranges::count(held, true));
  return {.region = std::move(region),
          .samples = static_cast<int>(residuals.size()),
          .median = nearest_quantile(errors, 0.5),
          .p90 = nearest_quantile(errors, 0.9),
          .bias = nearest_quantile(ratios, 0.5),
          .log_p90 = holding_spread(logs),
          .coverage = residuals.empty() ? 0 : inside / static_cast<double>(residuals.size())};
}

}  // namespace

RegionError error_of(std::string region, std::span<const Residual> residuals) {
  return error_of(std::move(region), residuals, held_by_other_folds(residuals));
}

std::vector<RegionError> errors_by_region(std::span<const Residual> residuals) {
  const std::vector<bool> held = held_by_other_folds(residuals);
  std::map<std::string_view, std::pair<std::vector<Residual>, std::vector<bool>>> parts;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    auto& [some, inside] = parts[residuals[i].region];
    some.push_back(residuals[i]);
    inside.push_back(held[i]);
  }
  std::vector<RegionError> errors;
  errors.reserve(parts.size());
  for (const auto& [region, part] : parts) errors.push_back(error_of(std::string(region), part.first, part.second));
  return errors;
}

}  // namespace moesim
