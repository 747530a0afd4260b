#include "moesim/fit/fit_chain.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <iterator>
#include <map>

#include "moesim/base/diagnostic.hpp"

#include "fit/residuals.hpp"
#include "fit/robust_fit.hpp"
#include "fit/sample_table.hpp"

namespace moesim {
namespace {

constexpr int kChainFolds = 5;
constexpr double kLongKernel = 30e-6;  // [s]: the mean kernel from which on a chain is of the region "long"

double predicted(const ChainSample& chain, double unlike) { return chain.parts + chain.kernels * unlike; }

double fit_once(const std::vector<ChainSample>& samples) {
  const std::vector<FreeNumber> numbers = {{"unlike_s", 3e-7, 1e-10, 1e-4}};
  const auto residuals = [&](const std::vector<double>& values) {
    std::vector<double> logs;
    logs.reserve(samples.size());
    for (const ChainSample& one : samples) logs.push_back(std::log(one.seconds / predicted(one, values.front())));
    return logs;
  };
  return fit_robustly(numbers, residuals, {.pull = 0}).values.front();
}

}  // namespace

bool is_chain_table(const std::string& path) { return table_has(path, {"kernels", "count", "parts_us"}); }

std::vector<ChainSample> read_chain_samples(const std::string& path) {
  SampleTable table(path);
  std::vector<ChainSample> samples;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    samples.push_back({.pool = fmt::format("{} x {}", table.text(row, "rows"), table.text(row, "width")),
                       .kernels = table.positive(row, "count"),
                       .parts = table.positive(row, "parts_us") * 1e-6,
                       .seconds = table.positive(row, "time_us") * 1e-6});
  }
  table.throw_problems();
  return samples;
}

KernelFit fit_chain(std::span<const ChainSample> samples, const Provenance& provenance) {
  std::map<std::string_view, int> folds;
  for (const ChainSample& one : samples) folds.try_emplace(one.pool, static_cast<int>(folds.size()) % kChainFolds);
  if (folds.size() < kChainFolds) {
    throw InputError(
        fmt::format("chain: {} pools of kernels are too few for a fit (needs {})", folds.size(), kChainFolds));
  }
  std::vector<Residual> residuals;
  for (int fold = 0; fold < kChainFolds; ++fold) {
    std::vector<ChainSample> rest;
    std::ranges::copy_if(samples, std::back_inserter(rest), [&](const auto& one) { return folds[one.pool] != fold; });
    const double unlike = fit_once(rest);
    for (const ChainSample& one : samples) {
      if (folds[one.pool] != fold) continue;
      residuals.push_back({.log_ratio = std::log(one.seconds / predicted(one, unlike)),
                           .region = one.parts < one.kernels * kLongKernel ? "short" : "long",
                           .fold = fold});
    }
  }
  const std::vector<ChainSample> all(samples.begin(), samples.end());
  KernelFit fit;
  fit.all = error_of("all", residuals);
  fit.regions = errors_by_region(residuals);
  fit.law = {.name = "chain",
             .coefficients = {{"unlike_s", fit_once(all)}},
             .ranges = {},
             .spreads = {},
             .provenance = provenance};
  for (const RegionError& region : fit.regions) fit.law.spreads.push_back({region.region, region.log_p90});
  fit.law.provenance.samples = static_cast<int>(all.size());
  fit.law.provenance.median_error = fit.all.median;
  fit.law.provenance.p90_error = fit.all.p90;
  fit.law.provenance.validation = fmt::format("5 folds over {} pools of kernels", folds.size());
  return fit;
}

}  // namespace moesim
