// Overlap and sustained clocks, fitted again from what we measured; intervals and what they hold.

#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "moesim/base/diagnostic.hpp"
#include "moesim/fit/calibrate.hpp"
#include "moesim/fit/fit_overlap.hpp"
#include "moesim/fit/fit_power.hpp"
#include "moesim/scenario/load.hpp"

#include "fit/residuals.hpp"

namespace moesim {
namespace {

const std::filesystem::path kRoot = MOESIM_SOURCE_DIR;

std::string samples(const std::string& name) { return (kRoot / "calibration" / "samples" / name).string(); }

void expect_shipped(const FittedLaw& law) {
  const Calibration calibration = load_calibration(kRoot / "calibration" / "h100_sxm.yaml");
  const FittedLaw* shipped = calibration.find(law.name);
  ASSERT_NE(shipped, nullptr) << law.name;
  for (const auto& [name, value] : law.coefficients) {
    EXPECT_NEAR(shipped->coefficient(name), value, 1e-3 * value) << law.name << " " << name;
  }
}

TEST(FitOverlap, H100_IsTheShippedLaw) {
  ASSERT_TRUE(is_overlap_table(samples("h100_sxm_overlap.csv")));
  ASSERT_FALSE(is_power_table(samples("h100_sxm_overlap.csv")));
  const KernelFit fit = fit_overlap(read_overlap_samples(samples("h100_sxm_overlap.csv")), {});
  expect_shipped(fit.law);
  EXPECT_LE(fit.all.median, 0.1);
  EXPECT_LE(fit.all.p90, 0.2);
  EXPECT_EQ(fit.law.provenance.samples, 30);
}

TEST(FitPower, H100_IsTheShippedLaw) {
  std::vector<PowerSample> all;
  for (const char* file : {"h100_sxm_power.csv", "h100_sxm_power_collectives.csv"}) {
    ASSERT_TRUE(is_power_table(samples(file))) << file;
    const std::vector<PowerSample> some = read_power_samples(samples(file));
    all.insert(all.end(), some.begin(), some.end());
  }
  const KernelFit fit = fit_power(all, {});
  expect_shipped(fit.law);
  EXPECT_LE(fit.all.p90, 0.03);
  // NCCL draws about as much power as copies do, and more than a device at rest.
  EXPECT_NEAR(fit.law.coefficient("free_beside_collectives"), fit.law.coefficient("free_beside_memory"), 0.05);
  EXPECT_LT(fit.law.coefficient("free_beside_collectives"), fit.law.coefficient("free_beside_idle") - 0.1);
}

// t (1 + (10 us / t)^0.5), copies 1.3 times as long, without noise.
TEST(FitOverlap, KnownLaw_ComesBack) {
  std::vector<OverlapSample> known;
  for (int i = 0; i < 8; ++i) {
    const double alone = 1e-5 * std::pow(2.0, i);
    known.push_back({.shape = std::to_string(i),
                     .alone = alone,
                     .product = 1 + std::sqrt(1e-5 / alone),
                     .copy = 1.3,
                     .multiprocessors = 8});
    known.push_back({.shape = std::to_string(i), .alone = alone, .product = 9, .copy = 9, .multiprocessors = 32});
  }
  const KernelFit fit = fit_overlap(known, {});
  EXPECT_NEAR(fit.law.coefficient("doubling_s"), 1e-5, 1e-8);
  EXPECT_NEAR(fit.law.coefficient("power"), 0.5, 1e-3);
  EXPECT_NEAR(fit.law.coefficient("communication_slowdown"), 1.3, 1e-9);
  known.resize(4);
  EXPECT_THROW(static_cast<void>(fit_overlap(known, {})), InputError);
  EXPECT_THROW(static_cast<void>(fit_power({}, {})), InputError);
}

TEST(DeviceSamples, EveryKindOfTableIsKnown) {
  DeviceSamples all;
  for (const char* name : {"h100_sxm_overlap.csv", "h100_sxm_power.csv", "h100_sxm_torch_warm.csv"}) {
    read_device_samples(samples(name), all);
  }
  EXPECT_GT(all.overlap.size(), 50U);
  EXPECT_EQ(all.power.size(), 18U);
  EXPECT_GT(all.kernels.size(), 1000U);
}

// n residuals drawn from one law: the spread of rank 0.9 (n + 1) holds 90 % of what is drawn next, also when n is 10;
// the plain quantile would hold 85 %.
TEST(HoldingSpread, FewResiduals_HoldNineInTen) {
  EXPECT_EQ(holding_spread({}), 0);
  EXPECT_EQ(holding_spread({3, 1, 2}), 3);
  std::mt19937_64 random(5);
  std::exponential_distribution<double> draw(1);
  double held = 0;
  constexpr int kTimes = 20000;
  for (int i = 0; i < kTimes; ++i) {
    std::vector<double> seen(10);
    for (double& one : seen) one = draw(random);
    held += draw(random) <= holding_spread(seen) ? 1.0 / kTimes : 0;
  }
  EXPECT_NEAR(held, 10.0 / 11, 0.01);
}

// Two folds: the second scatters ten times as much, so the first one's interval holds little of it, and not the other
// way.
TEST(Coverage, ComesFromTheOtherFolds) {
  std::vector<Residual> residuals;
  for (int i = 0; i < 100; ++i) {
    const double one = (i - 50) / 500.0;
    residuals.push_back({.log_ratio = one, .region = "memory", .fold = 0});
    residuals.push_back({.log_ratio = 10 * one, .region = "memory", .fold = 1});
  }
  const std::vector<bool> held = held_by_other_folds(residuals);
  int narrow = 0;
  int wide = 0;
  for (std::size_t i = 0; i < held.size(); ++i) (residuals[i].fold == 0 ? narrow : wide) += held[i] ? 1 : 0;
  EXPECT_EQ(narrow, 100);
  EXPECT_NEAR(wide, 10, 2);
  EXPECT_NEAR(error_of("all", residuals).coverage, 0.55, 0.02);
  ASSERT_EQ(errors_by_region(residuals).size(), 1U);
}

}  // namespace
}  // namespace moesim
