#include "fit/link_curve_fit.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <functional>
#include <string>

namespace moesim {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// One free number: a real x that stands for a coefficient within its limits, so that the fit needs no bounds.
struct Parameter {
  std::string name;
  double start;  ///< of x; the fit is drawn to it very weakly, which settles what the samples do not
  std::function<void(LinkCoefficients&, double x)> apply;
};

Parameter positive(std::string name, double LinkCoefficients::*field, double start, double most = 1e9) {
  return {std::move(name), std::log(start),
          [field, most](LinkCoefficients& law, double x) { law.*field = std::min(std::exp(std::min(x, 60.0)), most); }};
}

Parameter share(std::string name, double LinkCoefficients::*field, double start, double most) {
  return {std::move(name), start,
          [field, most](LinkCoefficients& law, double x) { law.*field = std::max(1e-3, most * logistic(x)); }};
}

std::vector<Parameter> parameters_of(const LinkLawShape& shape, double fastest) {
  using Law = LinkCoefficients;
  std::vector<Parameter> parameters = {positive("startup", &Law::startup, 0.7 * fastest),
                                       positive("startup_per_round", &Law::startup_per_round, 0.2 * fastest),
                                       positive("simple_startup", &Law::simple_startup, 0.5 * fastest),
                                       positive("switch_bytes", &Law::switch_bytes, 65536),
                                       positive("bend", &Law::bend, 0.7 * fastest),
                                       share("bend_power", &Law::bend_power, 0, 1)};
  if (shape.contention) parameters.push_back(positive("contention", &Law::contention, 0.5, 10));
  if (shape.nic_contention) parameters.push_back(positive("nic_contention", &Law::nic_contention, 0.2, 10));
  if (shape.local_share) parameters.push_back(positive("local_share", &Law::local_share, 0.5, 10));
  if (shape.small_message_cost) parameters.push_back(share("small_message_cost", &Law::small_message_cost, -2, 8));
  for (const LinkKind kind : shape.links) {
    const auto index = static_cast<std::size_t>(kind);
    parameters.push_back({fmt::format("efficiency.{}", link_kind_name(kind)), 1.0,
                          [index](Law& law, double x) { law.efficiency[index] = std::clamp(logistic(x), 1e-6, 1.0); }});
  }
  std::erase_if(parameters, [&shape](const Parameter& one) { return shape.fixed.contains(one.name); });
  return parameters;
}

LinkCoefficients coefficients_at(const LinkCoefficients& given, const std::vector<Parameter>& parameters,
                                 const Eigen::VectorXd& x) {
  LinkCoefficients law = given;
  for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].apply(law, x[static_cast<Eigen::Index>(i)]);
  return law;
}

constexpr double kHuber = 0.1;    // beyond 10 % a sample counts linearly: kinks and noise of the measurement
constexpr double kPrior = 0.01;   // weight of the starting values
constexpr double kSlowLink = -2;  // start of an efficiency, as its logit: 0.12

/// Weighted residuals, outliers pulled in by Huber's loss (as the square root of its rho), then the pull to the start.
Eigen::VectorXd residuals(const std::vector<LinkPoint>& points, const LinkCoefficients& given,
                          const std::vector<Parameter>& parameters, const Eigen::VectorXd& x) {
  const LinkCoefficients law = coefficients_at(given, parameters, x);
  Eigen::VectorXd result(static_cast<Eigen::Index>(points.size() + parameters.size()));
  Eigen::Index row = 0;
  for (const LinkPoint& point : points) {
    const double ratio = log_ratio(point, law);
    const double size = std::abs(ratio);
    const double rho = size <= kHuber ? size : std::sqrt(kHuber * (2 * size - kHuber));
    result[row++] = point.weight * std::copysign(rho, ratio);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    result[row++] = kPrior * (x[static_cast<Eigen::Index>(i)] - parameters[i].start);
  }
  return result;
}

/// Levenberg-Marquardt with derivatives by differences: ten parameters and a few hundred cheap residuals.
Eigen::VectorXd minimize(const std::function<Eigen::VectorXd(const Eigen::VectorXd&)>& f, Eigen::VectorXd x) {
  constexpr int kSteps = 300;
  constexpr double kDifference = 1e-5;
  constexpr double kMostDamped = 1e12;
  Eigen::VectorXd value = f(x);
  double damping = 1e-2;
  for (int step = 0; step < kSteps; ++step) {
    Eigen::MatrixXd jacobian(value.size(), x.size());
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      Eigen::VectorXd moved = x;
      moved[i] += kDifference;
      jacobian.col(i) = (f(moved) - value) / kDifference;
    }
    const Eigen::MatrixXd normal = jacobian.transpose() * jacobian;
    const Eigen::VectorXd gradient = jacobian.transpose() * value;
    double gain = 0;
    while (gain <= 0) {
      if (damping > kMostDamped) return x;
      Eigen::MatrixXd damped = normal;
      damped.diagonal() += damping * (normal.diagonal().array() + 1e-9).matrix();
      const Eigen::VectorXd tried = x - damped.ldlt().solve(gradient);
      const Eigen::VectorXd now = f(tried);
      gain = now.allFinite() ? value.squaredNorm() - now.squaredNorm() : -1;
      if (gain <= 0) {
        damping *= 4;
        continue;
      }
      x = tried;
      value = now;
      damping = std::max(damping / 5, 1e-12);
    }
    if (gain < 1e-12 * value.squaredNorm()) return x;
  }
  return x;
}

}  // namespace

double log_ratio(const LinkPoint& point, const LinkCoefficients& law) {
  return std::log(point.sample.seconds / phase_time(point.load, law, point.sample.bytes));
}

LinkCoefficients fit_points(const std::vector<LinkPoint>& points, const LinkCoefficients& given,
                            const LinkLawShape& shape) {
  double fastest = 1e9;
  for (const LinkPoint& point : points) fastest = std::min(fastest, point.sample.seconds);
  const std::vector<Parameter> parameters = parameters_of(shape, fastest);
  const auto f = [&](const Eigen::VectorXd& x) { return residuals(points, given, parameters, x); };
  Eigen::VectorXd best;
  double best_cost = 0;
  // The switch between protocols and the bend's power have several local minima, and a kind of link that is not the
  // slowest anywhere at the start is never moved: a few starts, each kind being a slow one in some of them.
  std::vector<std::string> slow_links = {""};
  if (shape.links.size() > 1) {
    for (const LinkKind kind : shape.links) slow_links.push_back(fmt::format("efficiency.{}", link_kind_name(kind)));
  }
  for (const std::string& slow : slow_links) {
    for (const double bytes : {16384.0, 262144.0}) {
      for (const double power : {-1.0, 0.5}) {
        Eigen::VectorXd start(static_cast<Eigen::Index>(parameters.size()));
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          double& x = start[static_cast<Eigen::Index>(i)];
          x = parameters[i].start;
          if (parameters[i].name == "switch_bytes") x = std::log(bytes);
          if (parameters[i].name == "bend_power") x = power;
          if (parameters[i].name == slow) x = kSlowLink;
        }
        const Eigen::VectorXd found = minimize(f, start);
        const double cost = f(found).squaredNorm();
        if (best.size() != 0 && cost >= best_cost) continue;
        best = found;
        best_cost = cost;
      }
    }
  }
  return coefficients_at(given, parameters, best);
}

}  // namespace moesim
