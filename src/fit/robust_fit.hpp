#pragma once

#include <functional>
#include <string>
#include <vector>

namespace moesim {

/// A free number of a fit, positive, kept within [least, most]; fitted in its logarithm.
struct FreeNumber {
  std::string name;
  double start = 1;
  double least = 1e-12;
  double most = 1e12;
};

struct RobustFitOptions {
  double huber = 0.05;  ///< residuals beyond count linearly
  int most_steps = 40;
  double pull = 1e-3;  ///< weight of a pull towards the starts, per sample-free parameter: settles what samples do not
};

struct RobustFit {
  std::vector<double> values;
  std::vector<double> relative_deviation;  ///< of each value: square root of the diagonal of the inverse curvature
  double loss = 0;                         ///< mean Huber loss
  int steps = 0;
};

/// Least mean Huber loss of residuals(values), by Levenberg-Marquardt with re-weighting; derivatives by forward
/// differences, since laws have kinks where the best tile changes (Huber 1964; Marquardt 1963).
[[nodiscard]] RobustFit fit_robustly(const std::vector<FreeNumber>& numbers,
                                     const std::function<std::vector<double>(const std::vector<double>&)>& residuals,
                                     const RobustFitOptions& options = {});

/// Huber's loss: r^2 / 2 within delta, linear beyond.
[[nodiscard]] double huber_loss(double residual, double delta);

}  // namespace moesim
