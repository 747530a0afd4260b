#include "fit/robust_fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kDifference = 2e-3;  // step of a derivative, in logarithms: wide enough to see over small kinks
constexpr double kLargestStep = 1.0;  // a factor of e at a time
constexpr double kFirstDamping = 1e-2;
constexpr double kLargestDamping = 1e8;
constexpr double kConverged = 1e-6;  // relative fall of the loss

VectorXd as_vector(const std::vector<double>& values) {
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Index>(values.size()));
}

/// The problem in logarithms.
struct Problem {
  const std::vector<FreeNumber>& numbers;
  const std::function<std::vector<double>(const std::vector<double>&)>& residuals;
  const RobustFitOptions& options;
  VectorXd start;
  VectorXd least;
  VectorXd most;

  [[nodiscard]] std::vector<double> values_at(const VectorXd& x) const {
    std::vector<double> values;
    for (Index i = 0; i < x.size(); ++i) {
      const FreeNumber& number = numbers[static_cast<std::size_t>(i)];
      values.push_back(std::clamp(std::exp(x[i]), number.least, number.most));
    }
    return values;
  }
  [[nodiscard]] VectorXd residuals_at(const VectorXd& x) const { return as_vector(residuals(values_at(x))); }

  [[nodiscard]] double loss(const VectorXd& r, const VectorXd& x) const {
    double sum = 0;
    for (Index i = 0; i < r.size(); ++i) sum += huber_loss(r[i], options.huber);
    const double pulled = options.pull * options.huber * options.huber * (x - start).squaredNorm() / 2;
    return sum / static_cast<double>(r.size()) + pulled;
  }
};

MatrixXd derivatives(const Problem& problem, const VectorXd& x, const VectorXd& r) {
  MatrixXd jacobian(r.size(), x.size());
  for (Index i = 0; i < x.size(); ++i) {
    VectorXd moved = x;
    const double step = x[i] + kDifference <= problem.most[i] ? kDifference : -kDifference;
    moved[i] += step;
    jacobian.col(i) = (problem.residuals_at(moved) - r) / step;
  }
  return jacobian;
}

}  // namespace

double huber_loss(double residual, double delta) {
  const double size = std::abs(residual);
  return size <= delta ? size * size / 2 : delta * (size - delta / 2);
}

RobustFit fit_robustly(const std::vector<FreeNumber>& numbers,
                       const std::function<std::vector<double>(const std::vector<double>&)>& residuals,
                       const RobustFitOptions& options) {
  const auto size = static_cast<Index>(numbers.size());
  Problem problem{numbers, residuals, options, VectorXd(size), VectorXd(size), VectorXd(size)};
  for (Index i = 0; i < size; ++i) {
    const FreeNumber& number = numbers[static_cast<std::size_t>(i)];
    MOESIM_EXPECTS(number.least > 0 && number.least <= number.start && number.start <= number.most);
    problem.start[i] = std::log(number.start);
    problem.least[i] = std::log(number.least);
    problem.most[i] = std::log(number.most);
  }

  VectorXd x = problem.start;
  VectorXd r = problem.residuals_at(x);
  MOESIM_EXPECTS(r.size() > 0);
  const auto samples = static_cast<double>(r.size());
  const double ridge = options.pull * options.huber * options.huber;
  double loss = problem.loss(r, x);
  double damping = kFirstDamping;
  MatrixXd curvature = MatrixXd::Identity(size, size);
  RobustFit fit;
  for (fit.steps = 0; fit.steps < options.most_steps; ++fit.steps) {
    const MatrixXd jacobian = derivatives(problem, x, r);
    // Huber by re-weighting: a residual beyond delta counts delta / |r|.
    const VectorXd weights =
        r.unaryExpr([&](double one) { return std::abs(one) <= options.huber ? 1.0 : options.huber / std::abs(one); });
    curvature = jacobian.transpose() * weights.asDiagonal() * jacobian / samples;
    curvature.diagonal().array() += ridge;
    const VectorXd gradient = jacobian.transpose() * weights.cwiseProduct(r) / samples + ridge * (x - problem.start);

    bool better = false;
    double fall = 0;
    while (!better && damping < kLargestDamping) {
      MatrixXd damped = curvature;
      damped.diagonal() += damping * curvature.diagonal();
      VectorXd step = -damped.ldlt().solve(gradient);
      const double longest = step.cwiseAbs().maxCoeff();
      if (longest > kLargestStep) step *= kLargestStep / longest;
      const VectorXd moved = (x + step).cwiseMax(problem.least).cwiseMin(problem.most);
      const VectorXd moved_r = problem.residuals_at(moved);
      const double moved_loss = problem.loss(moved_r, moved);
      better = moved_loss < loss;
      if (better) {
        fall = (loss - moved_loss) / loss;
        x = moved;
        r = moved_r;
        loss = moved_loss;
        damping = std::max(damping / 5, 1e-9);
      } else {
        damping *= 4;
      }
    }
    if (!better || fall < kConverged) break;
  }

  fit.values = problem.values_at(x);
  fit.loss = loss;
  // Variance of a residual times the inverse curvature of the sum over samples.
  const double variance = 2 * loss;
  const MatrixXd covariance = curvature.ldlt().solve(MatrixXd::Identity(size, size)) * (variance / samples);
  for (Index i = 0; i < size; ++i) fit.relative_deviation.push_back(std::sqrt(std::max(covariance(i, i), 0.0)));
  return fit;
}

}  // namespace moesim
