#pragma once

#include <vector>

namespace moesim::microbench {

/// When enough has been measured: by noise, not by count.
struct StoppingRule {
  double noise = 0.01;          ///< standard error of the mean : mean
  int fewest = 5;               ///< samples
  double least_seconds = 2e-3;  ///< of device time
  double patience = 0.3;        ///< [s] of device time, after which a noisy measurement is kept as it is
};

/// Times of one kernel [s].
class Measurement {
 public:
  void add(double seconds) { seconds_.push_back(seconds); }
  [[nodiscard]] int count() const { return static_cast<int>(seconds_.size()); }
  [[nodiscard]] double total() const;
  /// @pre count() > 0
  [[nodiscard]] double median() const;
  /// Standard error of the mean, relative to it; infinite with fewer than two samples.
  [[nodiscard]] double noise() const;
  /// @param launches kernels per sample: `add` takes the time of one
  [[nodiscard]] bool settled(const StoppingRule& rule, double launches = 1) const;

 private:
  std::vector<double> seconds_;
};

}  // namespace moesim::microbench
