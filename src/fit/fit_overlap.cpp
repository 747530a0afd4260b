#include "moesim/fit/fit_overlap.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <set>

#include "moesim/base/diagnostic.hpp"

#include "fit/residuals.hpp"
#include "fit/robust_fit.hpp"
#include "fit/sample_table.hpp"

namespace moesim {
namespace {

constexpr int kFewestChannels = 4;
constexpr int kMostChannels = 16;
constexpr std::size_t kFewestShapes = 3;
constexpr double kLeastSquares = 1e3;  // residuals never reach it, so none counts linearly

struct Slowdowns {
  double doubling = 0;  ///< [s]
  double power = 0;
  double copy = 1;

  [[nodiscard]] double product(double alone) const { return 1 + std::pow(doubling / alone, power); }
};

Slowdowns fit_once(const std::vector<OverlapSample>& samples) {
  const std::vector<FreeNumber> numbers = {{"doubling_s", 1e-5, 1e-8, 1e-1}, {"power", 0.5, 1e-3, 4}};
  const auto residuals = [&](const std::vector<double>& values) {
    const Slowdowns law{.doubling = values[0], .power = values[1]};
    std::vector<double> logs;
    for (const OverlapSample& one : samples) logs.push_back(std::log(one.product / law.product(one.alone)));
    return logs;
  };
  const RobustFit fit = fit_robustly(numbers, residuals, {.huber = kLeastSquares, .most_steps = 200, .pull = 0});
  double logs = 0;
  for (const OverlapSample& one : samples) logs += std::log(one.copy);
  return {
      .doubling = fit.values[0], .power = fit.values[1], .copy = std::exp(logs / static_cast<double>(samples.size()))};
}

}  // namespace

bool is_overlap_table(const std::string& path) {
  return SampleTable(path).has_all({"copy_multiprocessors", "gemm_alone_us", "gemm_beside_us"});
}

std::vector<OverlapSample> read_overlap_samples(const std::string& path) {
  SampleTable table(path);
  std::vector<OverlapSample> samples;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double alone = table.positive(row, "gemm_alone_us");
    samples.push_back(
        {.shape = fmt::format("{}x{}x{}", table.text(row, "m"), table.text(row, "n"), table.text(row, "k")),
         .alone = alone * 1e-6,
         .product = table.positive(row, "gemm_beside_us") / alone,
         .copy = table.positive(row, "copy_alone_GBps") / table.positive(row, "copy_beside_GBps"),
         .multiprocessors = static_cast<int>(std::min(table.positive(row, "copy_multiprocessors"), 1e6))});
  }
  table.throw_problems();
  return samples;
}

KernelFit fit_overlap(std::span<const OverlapSample> samples, const Provenance& provenance) {
  std::vector<OverlapSample> counted;
  std::ranges::copy_if(samples, std::back_inserter(counted), [](const OverlapSample& one) {
    return one.multiprocessors >= kFewestChannels && one.multiprocessors <= kMostChannels;
  });
  std::set<std::string> shapes;
  for (const OverlapSample& one : counted) shapes.insert(one.shape);
  if (shapes.size() < kFewestShapes) {
    throw InputError(
        fmt::format("overlap.bf16: {} shapes beside {} to {} multiprocessors are too few for a fit (needs {})",
                    shapes.size(), kFewestChannels, kMostChannels, kFewestShapes));
  }

  std::vector<Residual> products;
  std::vector<Residual> copies;
  int fold = 0;
  for (const std::string& shape : shapes) {
    std::vector<OverlapSample> rest;
    std::ranges::copy_if(counted, std::back_inserter(rest), [&](const auto& one) { return one.shape != shape; });
    const Slowdowns law = fit_once(rest);
    for (const OverlapSample& one : counted) {
      if (one.shape != shape) continue;
      products.push_back(
          {.log_ratio = std::log(one.product / law.product(one.alone)), .region = "compute", .fold = fold});
      copies.push_back({.log_ratio = std::log(one.copy / law.copy), .region = "copy", .fold = fold});
    }
    ++fold;
  }

  const Slowdowns law = fit_once(counted);
  Range alone{counted.front().alone, counted.front().alone};
  for (const OverlapSample& one : counted) {
    alone = {std::min(alone.lo, one.alone), std::max(alone.hi, one.alone)};
  }
  KernelFit fit;
  fit.all = error_of("all", products);
  fit.regions = {error_of("copy", copies)};
  fit.law = {.name = "overlap.bf16",
             .coefficients = {{"doubling_s", law.doubling}, {"power", law.power}, {"communication_slowdown", law.copy}},
             .ranges = {{"kernel_s", alone}, {"multiprocessors", {kFewestChannels, kMostChannels}}},
             .spreads = {{"compute", fit.all.log_p90}},
             .provenance = provenance};
  fit.law.provenance.samples = static_cast<int>(counted.size());
  fit.law.provenance.median_error = fit.all.median;
  fit.law.provenance.p90_error = fit.all.p90;
  fit.law.provenance.validation = fmt::format(
      "each of {} product shapes left out in turn; the copy's factor likewise: {:.1f} % median, {:.1f} % at 90 % (a "
      "product "
      "that streams its weights slows the copy most)",
      shapes.size(), 100 * fit.regions[0].median, 100 * fit.regions[0].p90);
  return fit;
}

}  // namespace moesim
