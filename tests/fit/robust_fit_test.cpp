#include "fit/robust_fit.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace moesim {
namespace {

// t = a + b x^c with a known answer, measured with 3 % noise and, every tenth time, three times too slow.
struct Line {
  std::vector<double> x;
  std::vector<double> t;
};
Line measured(double noise, bool outliers) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, noise);
  Line line;
  for (int i = 0; i < 500; ++i) {
    line.x.push_back(std::pow(10.0, 4.0 * i / 499));
    double t = 5 + 0.02 * std::pow(line.x.back(), 0.9);
    t *= std::exp(normal(random));
    if (outliers && i % 10 == 3) t *= 3;
    line.t.push_back(t);
  }
  return line;
}

RobustFit fit_line(const Line& line) {
  const std::vector<FreeNumber> numbers = {{"a", 1, 1e-6, 1e6}, {"b", 1, 1e-6, 1e6}, {"c", 0.5, 0.1, 2}};
  return fit_robustly(numbers, [&](const std::vector<double>& p) {
    std::vector<double> residuals;
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      residuals.push_back(std::log((p[0] + p[1] * std::pow(line.x[i], p[2])) / line.t[i]));
    }
    return residuals;
  });
}

TEST(RobustFit, NoNoise_FindsTheNumbers) {
  const RobustFit fit = fit_line(measured(0, false));
  EXPECT_NEAR(fit.values[0], 5, 0.01);
  EXPECT_NEAR(fit.values[1], 0.02, 2e-4);
  EXPECT_NEAR(fit.values[2], 0.9, 2e-3);
}

TEST(RobustFit, Outliers_HardlyMoveIt) {
  const RobustFit fit = fit_line(measured(0.03, true));
  EXPECT_NEAR(fit.values[0] / 5, 1, 0.02);
  EXPECT_NEAR(fit.values[2], 0.9, 0.02);
}

// The deviations say how far off the numbers are: within four of them, and not far more than that.
TEST(RobustFit, Deviations_MatchTheError) {
  const RobustFit fit = fit_line(measured(0.03, false));
  const std::vector<double> truth = {5, 0.02, 0.9};
  for (std::size_t i = 0; i < truth.size(); ++i) {
    EXPECT_LT(std::abs(std::log(fit.values[i] / truth[i])), 4 * fit.relative_deviation[i]) << i;
    EXPECT_LT(fit.relative_deviation[i], 0.1) << i;
    EXPECT_GT(fit.relative_deviation[i], 1e-5) << i;
  }
}

TEST(RobustFit, AnswerOutsideTheBounds_StopsAtTheBound) {
  const std::vector<FreeNumber> numbers = {{"a", 1, 0.5, 2}};
  const RobustFit fit = fit_robustly(numbers, [](const std::vector<double>& p) {
    return std::vector<double>{std::log(p[0] / 10), std::log(p[0] / 9)};
  });
  EXPECT_DOUBLE_EQ(fit.values[0], 2);
}

// What no residual depends on stays where it starts.
TEST(RobustFit, NumberWithoutSamples_StaysAtItsStart) {
  const std::vector<FreeNumber> numbers = {{"seen", 1, 1e-3, 1e3}, {"unseen", 7, 1e-3, 1e3}};
  const RobustFit fit =
      fit_robustly(numbers, [](const std::vector<double>& p) { return std::vector<double>(30, std::log(p[0] / 4)); });
  EXPECT_NEAR(fit.values[0], 4, 1e-2);
  EXPECT_NEAR(fit.values[1], 7, 1e-9);
}

// Slope of the loss by finite differences: r within delta, delta beyond.
TEST(HuberLoss, Slope_IsTheResidualCutAtDelta) {
  constexpr double delta = 0.05;
  for (const double r : {-0.3, -0.051, -0.049, -0.01, 0.0, 0.02, 0.0499, 0.08, 1.0}) {
    constexpr double step = 1e-7;
    const double slope = (huber_loss(r + step, delta) - huber_loss(r - step, delta)) / (2 * step);
    EXPECT_NEAR(slope, std::clamp(r, -delta, delta), 1e-6) << r;
  }
}

}  // namespace
}  // namespace moesim
