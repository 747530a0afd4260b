// Overlap and sustained clocks, fitted again from what we measured; intervals and what they hold.

#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "moesim/base/diagnostic.hpp"
#include "moesim/fit/calibrate.hpp"
#include "moesim/fit/fit_chain.hpp"
#include "moesim/fit/fit_overlap.hpp"
#include "moesim/fit/fit_power.hpp"
#include "moesim/scenario/load.hpp"

#include "fit/residuals.hpp"

namespace moesim {
namespace {

const std::filesystem::path kRoot = MOESIM_SOURCE_DIR;

std::string samples(const std::string& name) { return (kRoot / "calibration" / "samples" / name).string(); }

void expect_shipped(const FittedLaw& law, const std::string& device = "h100_sxm") {
  const Calibration calibration = load_calibration(kRoot / "calibration" / (device + ".yaml"));
  const FittedLaw* shipped = calibration.find(law.name);
  ASSERT_NE(shipped, nullptr) << law.name;
  for (const auto& [name, value] : law.coefficients) {
    EXPECT_NEAR(shipped->coefficient(name), value, 1e-3 * value) << law.name << " " << name;
  }
}

// Kernels beside NCCL on two machines of different GPUs: each law is the shipped one, and both say the same: a
// collective waits for half a kernel and a little more, a product of 12 us takes twice as long.
TEST(FitOverlap, BesideCollectives_IsTheShippedLaw) {
  for (const std::string device : {"h100_sxm", "h200_sxm"}) {
    const std::string file = samples(device + "_overlap_nccl.csv");
    ASSERT_TRUE(is_overlap_table(file));
    ASSERT_FALSE(is_power_table(file) || is_chain_table(file));
    const KernelFit fit = fit_overlap(read_overlap_samples(file), {});
    expect_shipped(fit.law, device);
    EXPECT_LE(fit.all.median, 0.08);
    EXPECT_LE(fit.all.p90, 0.16);
    EXPECT_LE(fit.regions.back().median, 0.11) << "collectives";
    EXPECT_NEAR(fit.law.coefficient("kernel_wait"), 0.6, 0.1);
    EXPECT_NEAR(fit.law.coefficient("doubling_s"), 12e-6, 1e-6);
    EXPECT_EQ(fit.law.coefficients.contains("memory_slowdown"), device == "h200_sxm");
  }
}

// Without another GPU a copy stands for the collective; with collectives it does not count.
TEST(FitOverlap, BesideCopies_WhereNoCollectiveWasMeasured) {
  std::vector<OverlapSample> all = read_overlap_samples(samples("h100_sxm_overlap.csv"));
  const KernelFit fit = fit_overlap(all, {});
  EXPECT_LE(fit.all.median, 0.1);
  EXPECT_LE(fit.all.p90, 0.2);
  EXPECT_EQ(fit.law.provenance.samples, 30);
  EXPECT_FALSE(fit.law.coefficients.contains("kernel_wait"));
  const std::vector<OverlapSample> nccl = read_overlap_samples(samples("h100_sxm_overlap_nccl.csv"));
  all.insert(all.end(), nccl.begin(), nccl.end());
  expect_shipped(fit_overlap(all, {}).law);
}

TEST(FitChain, IsTheShippedLaw_AndTheSameOnBothGpus) {
  std::vector<double> unlike;
  for (const std::string device : {"h100_sxm", "h200_sxm"}) {
    const std::string file = samples(device + "_chains.csv");
    ASSERT_TRUE(is_chain_table(file));
    const KernelFit fit = fit_chain(read_chain_samples(file), {});
    expect_shipped(fit.law, device);
    EXPECT_LE(fit.all.median, 0.03);
    EXPECT_LE(fit.all.p90, 0.08);
    unlike.push_back(fit.law.coefficient("unlike_s"));
  }
  EXPECT_NEAR(unlike[0] / unlike[1], 1, 0.1);
}

TEST(FitChain, KnownLaw_ComesBack) {
  std::vector<ChainSample> known;
  for (int i = 0; i < 12; ++i) {
    const double parts = 1e-5 * std::pow(2.0, i);
    known.push_back({.pool = std::to_string(i / 2), .kernels = 6, .parts = parts, .seconds = parts + 6 * 0.4e-6});
  }
  EXPECT_NEAR(fit_chain(known, {}).law.coefficient("unlike_s"), 0.4e-6, 1e-10);
  known.resize(4);
  EXPECT_THROW(static_cast<void>(fit_chain(known, {})), InputError);
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

// t (1 + (10 us / t)^0.5) while data moves, collectives 1.3 times as long after half a kernel; others 1.2 and 1.1
// times.
TEST(FitOverlap, KnownLawOfCollectives_ComesBack) {
  std::vector<OverlapSample> known;
  for (int i = 0; i < 24; ++i) {
    const double alone = 1e-5 * std::pow(2.0, i / 3);
    const double collective = 2e-5 * std::pow(8.0, i % 3);
    const double moving = 1.3 * collective / (1.3 * collective + 0.5 * alone);
    OverlapSample one{.shape = std::to_string(i / 3),
                      .alone = alone,
                      .beside = 1 + moving * std::sqrt(1e-5 / alone),
                      .collective_alone = collective,
                      .other = 1.3 + 0.5 * alone / collective};
    known.push_back(one);
    one.kernel = i % 2 == 0 ? OverlapKernel::memory : OverlapKernel::attention;
    one.beside = 1 + (i % 2 == 0 ? 0.2 : 0.1) * moving;
    one.shape += "other";
    known.push_back(one);
  }
  const FittedLaw law = fit_overlap(known, {}).law;
  EXPECT_NEAR(law.coefficient("doubling_s"), 1e-5, 1e-8);
  EXPECT_NEAR(law.coefficient("power"), 0.5, 1e-3);
  EXPECT_NEAR(law.coefficient("communication_slowdown"), 1.3, 1e-3);
  EXPECT_NEAR(law.coefficient("kernel_wait"), 0.5, 1e-3);
  EXPECT_NEAR(law.coefficient("memory_slowdown"), 1.2, 1e-3);
  EXPECT_NEAR(law.coefficient("attention_slowdown"), 1.1, 1e-3);
}

// The same beside copies, 1.3 times as long, without noise.
TEST(FitOverlap, KnownLaw_ComesBack) {
  std::vector<OverlapSample> known;
  for (int i = 0; i < 8; ++i) {
    const double alone = 1e-5 * std::pow(2.0, i);
    known.push_back({.shape = std::to_string(i),
                     .alone = alone,
                     .beside = 1 + std::sqrt(1e-5 / alone),
                     .other = 1.3,
                     .multiprocessors = 8});
    known.push_back({.shape = std::to_string(i), .alone = alone, .beside = 9, .other = 9, .multiprocessors = 32});
  }
  const KernelFit fit = fit_overlap(known, {});
  EXPECT_NEAR(fit.law.coefficient("doubling_s"), 1e-5, 1e-8);
  EXPECT_NEAR(fit.law.coefficient("power"), 0.5, 1e-3);
  EXPECT_NEAR(fit.law.coefficient("communication_slowdown"), 1.3, 1e-6);
  known.resize(4);
  EXPECT_THROW(static_cast<void>(fit_overlap(known, {})), InputError);
  EXPECT_THROW(static_cast<void>(fit_power({}, {})), InputError);
}

TEST(DeviceSamples, EveryKindOfTableIsKnown) {
  DeviceSamples all;
  for (const char* name :
       {"h100_sxm_overlap.csv", "h100_sxm_power.csv", "h100_sxm_chains.csv", "h100_sxm_torch_warm.csv"}) {
    read_device_samples(samples(name), all);
  }
  EXPECT_GT(all.overlap.size(), 50U);
  EXPECT_GT(all.chains.size(), 500U);
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
