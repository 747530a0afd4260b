#include "moesim/model/selection.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

/// Distributions of the number of arrivals among the first i and among the last n - i experts at one time, cut off at
/// `top_k - 1` arrivals. Sums of products of probabilities only: nothing cancels, however close to 0 or 1 they are.
class ArrivalCounts {
 public:
  ArrivalCounts(std::size_t experts, int top_k)
      : width_(static_cast<std::size_t>(top_k)),
        first_((experts + 1) * width_),
        at_most_last_((experts + 1) * width_),
        absent_(experts) {}

  void set_time(std::span<const double> weights, double time) {
    const std::size_t n = weights.size();
    std::transform(weights.begin(), weights.end(), absent_.begin(), [time](double w) { return std::exp(-w * time); });
    first_[0] = 1;
    std::fill(first_.begin() + 1, first_.begin() + static_cast<std::ptrdiff_t>(width_), 0.0);
    for (std::size_t i = 0; i < n; ++i) convolve(&first_[i * width_], &first_[(i + 1) * width_], absent_[i]);
    // P(at most m arrivals) obeys the same recursion as P(m arrivals): it starts from 1 for every m instead of for m =
    // 0
    std::fill(at_most_last_.end() - static_cast<std::ptrdiff_t>(width_), at_most_last_.end(), 1.0);
    for (std::size_t i = n; i-- > 0;)
      convolve(&at_most_last_[(i + 1) * width_], &at_most_last_[i * width_], absent_[i]);
  }

  /// P(fewer than top_k arrivals among all experts but [begin, end)).
  [[nodiscard]] double fewer_than_top_k_outside(std::size_t begin, std::size_t end) const {
    double probability = 0;
    for (std::size_t m = 0; m < width_; ++m) {
      probability += first_[begin * width_ + m] * at_most_last_[end * width_ + (width_ - 1 - m)];
    }
    return probability;
  }

 private:
  void convolve(const double* from, double* to, double absent) const {
    to[0] = absent * from[0];
    for (std::size_t m = 1; m < width_; ++m) to[m] = absent * from[m] + (1 - absent) * from[m - 1];
  }

  std::size_t width_;
  std::vector<double> first_;
  std::vector<double> at_most_last_;
  std::vector<double> absent_;
};

}  // namespace

std::vector<double> selection_probabilities(std::span<const double> weights, int top_k, std::span<const int> groups) {
  MOESIM_EXPECTS(top_k > 0 && std::accumulate(groups.begin(), groups.end(), std::size_t{0}) == weights.size());
  MOESIM_EXPECTS(std::count_if(weights.begin(), weights.end(), [](double w) { return w > 0; }) >= top_k);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  MOESIM_EXPECTS(std::isfinite(total) && *std::min_element(weights.begin(), weights.end()) >= 0);

  std::vector<double> rates(weights.begin(), weights.end());
  for (double& rate : rates) rate /= total;  // so that the first arrival is at a time of about 1
  std::vector<double> group_rates;
  auto expert = rates.cbegin();
  for (const int size : groups) {
    MOESIM_EXPECTS(size > 0);
    group_rates.push_back(std::accumulate(expert, expert + size, 0.0));
    expert += size;
  }

  // t = exp(x - exp(-x)), dt = t (1 + exp(-x)) dx: the integrand falls off doubly exponentially at both ends, so that
  // the trapezoidal rule converges exponentially. The step follows the time that the k-th arrival is spread over, about
  // 1 / sqrt(k) of itself (tests compare with exact values).
  const double step = std::min(1.0 / 8, 1 / (3 * std::sqrt(top_k)));
  constexpr double kFrom = -3.625;       // t = 1e-18
  constexpr double kNegligible = 1e-17;  // each integrand is at most 1 / t of this
  ArrivalCounts counts(rates.size(), top_k);
  std::vector<double> probabilities(groups.size());
  for (double x = kFrom;; x += step) {
    const double time = std::exp(x - std::exp(-x));
    const double interval = step * time * (1 + std::exp(-x));
    counts.set_time(rates, time);
    if (x > 0 && time * counts.fewer_than_top_k_outside(0, 0) < kNegligible) break;
    std::size_t begin = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const std::size_t end = begin + static_cast<std::size_t>(groups[g]);
      const double none_yet = std::exp(-group_rates[g] * time);
      probabilities[g] += interval * group_rates[g] * none_yet * counts.fewer_than_top_k_outside(begin, end);
      begin = end;
    }
  }
  for (double& probability : probabilities) probability = std::min(probability, 1.0);
  return probabilities;
}

std::vector<double> selection_probabilities(std::span<const double> weights, int top_k) {
  return selection_probabilities(weights, top_k, std::vector<int>(weights.size(), 1));
}

std::vector<double> weights_for_probabilities(std::span<const double> probabilities, int top_k) {
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  MOESIM_EXPECTS(std::abs(sum - top_k) < 1e-6 * top_k);
  constexpr double kCertain = 1 - 1e-9;
  constexpr double kTolerance = 1e-10;
  constexpr int kIterations = 200;
  // If arrivals stopped at a fixed time, expert i's probability would be 1 - exp(-w_i t): exact for many experts, and
  // the correction of each weight by -ln(1 - p) wanted over reached converges in a few steps otherwise.
  const auto arrivals = [](double p) { return -std::log1p(p < kCertain ? -p : -kCertain); };
  std::vector<double> weights(probabilities.size());
  std::transform(probabilities.begin(), probabilities.end(), weights.begin(), arrivals);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    const std::vector<double> reached = selection_probabilities(weights, top_k);
    double error = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] <= 0) continue;
      error = std::max(error, std::abs(reached[i] - std::min(probabilities[i], kCertain)));
      weights[i] *= arrivals(probabilities[i]) / arrivals(reached[i]);
    }
    if (error < kTolerance) break;
  }
  return weights;
}

double uniform_touch_probability(int experts, int group, int top_k) {
  MOESIM_EXPECTS(group >= 0 && group <= experts && top_k > 0 && top_k <= experts);
  double untouched = 1;
  for (int i = 0; i < top_k; ++i) untouched *= std::max(experts - group - i, 0) / (1.0 * experts - i);
  return 1 - untouched;
}

double expected_distinct_nodes(int experts, int top_k, int nodes, int max_nodes) {
  MOESIM_EXPECTS(nodes > 0 && experts > 0 && experts % nodes == 0 && top_k > 0 && top_k <= experts);
  const int per_node = experts / nodes;
  if (max_nodes <= 0 || max_nodes >= nodes) return nodes * uniform_touch_probability(experts, per_node, top_k);
  MOESIM_EXPECTS(top_k <= max_nodes * per_node);
  // probability of d machines open after i draws; the next draw opens one with (n - d) e/n of the e - i experts left
  std::vector<double> open(static_cast<std::size_t>(max_nodes) + 1);
  open[0] = 1;
  for (int i = 0; i < top_k; ++i) {
    for (int d = max_nodes; d >= 0; --d) {
      const auto at = static_cast<std::size_t>(d);
      const double opens = d == max_nodes ? 0 : (nodes - d) * per_node / (1.0 * experts - i);
      if (opens > 0) open[at + 1] += opens * open[at];
      open[at] *= 1 - opens;
    }
  }
  double mean = 0;
  for (int d = 1; d <= max_nodes; ++d) mean += d * open[static_cast<std::size_t>(d)];
  return mean;
}

}  // namespace moesim
