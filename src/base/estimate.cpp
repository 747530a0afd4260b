#include "moesim/base/estimate.hpp"

#include <cmath>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

bool finite_and_not_negative(double x) { return std::isfinite(x) && x >= 0; }

}  // namespace

Interval Estimate::interval() const {
  const double factor = std::exp(spread);
  return {time / factor, time * factor};
}

void EstimateSum::add(std::string_view source, const Estimate& estimate, double count) {
  MOESIM_EXPECTS(finite_and_not_negative(estimate.time.value));
  MOESIM_EXPECTS(finite_and_not_negative(estimate.spread));
  MOESIM_EXPECTS(finite_and_not_negative(count));
  const Seconds time = count * estimate.time;
  time_ += time;
  const double deviation = time.value * estimate.spread;
  if (const auto known = deviation_by_source_.find(source); known != deviation_by_source_.end()) {
    known->second += deviation;
  } else {
    deviation_by_source_.emplace(source, deviation);
  }
}

void EstimateSum::add(const EstimateSum& other, double count) {
  MOESIM_EXPECTS(finite_and_not_negative(count));
  time_ += count * other.time_;
  for (const auto& [source, deviation] : other.deviation_by_source_) deviation_by_source_[source] += count * deviation;
}

Estimate EstimateSum::total() const {
  if (time_.value == 0) return {};
  // The map's order is that of the names, so the result does not depend on the order of the calls beyond rounding.
  double variance = 0;
  for (const auto& [source, deviation] : deviation_by_source_) variance += deviation * deviation;
  return {time_, std::sqrt(variance) / time_.value};
}

}  // namespace moesim
