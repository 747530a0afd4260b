#include "microbench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {

double Measurement::total() const { return std::accumulate(seconds_.begin(), seconds_.end(), 0.0); }

double Measurement::median() const {
  MOESIM_EXPECTS(!seconds_.empty());
  std::vector<double> sorted = seconds_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  if (sorted.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(sorted.begin(), middle)) / 2;
}

double Measurement::noise() const {
  if (count() < 2) return std::numeric_limits<double>::infinity();
  const double n = count();
  const double mean = total() / n;
  double squares = 0;
  for (const double one : seconds_) squares += (one - mean) * (one - mean);
  return mean > 0 ? std::sqrt(squares / (n - 1) / n) / mean : 0;
}

bool Measurement::settled(const StoppingRule& rule, double launches) const {
  if (count() < rule.fewest) return false;
  const double spent = total() * launches;
  return (noise() <= rule.noise && spent >= rule.least_seconds) || spent >= rule.patience;
}

}  // namespace moesim::microbench
