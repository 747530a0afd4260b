#include "moesim/fit/fit_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <numeric>
#include <random>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/statistics.hpp"

#include "fit/kernel_family.hpp"
#include "fit/residuals.hpp"

namespace moesim {
namespace {

constexpr std::size_t kFewestSamples = 20;
constexpr std::uint64_t kSeed = 20250211;

/// At most `most` of the samples, drawn evenly and always alike.
std::vector<KernelSample> drawn(const std::vector<KernelSample>& samples, std::size_t most) {
  if (samples.size() <= most) return samples;
  std::vector<KernelSample> some;
  some.reserve(most);
  std::mt19937_64 random(kSeed);
  std::ranges::sample(samples, std::back_inserter(some), static_cast<std::ptrdiff_t>(most), random);
  return some;
}

struct Fitted {
  FittedLaw law;
  std::map<std::string, double> relative_deviation;
};

Fitted fit_once(const std::string& name, const std::vector<KernelSample>& all, const Device& device,
                const KernelFitOptions& options) {
  const KernelFamily family = family_of(name, all, device);
  const std::vector<KernelSample> samples = drawn(all, options.most_samples);
  const auto law_at = [&](const std::vector<double>& values) {
    FittedLaw law{.name = name, .coefficients = {}, .ranges = {}, .spreads = {}, .provenance = {}};
    for (const auto& [key, value] : family.fixed) law.coefficients[key] = value;
    for (std::size_t i = 0; i < values.size(); ++i) law.coefficients[family.numbers[i].name] = values[i];
    return law;
  };
  const auto residuals = [&](const std::vector<double>& values) {
    const std::vector<LawTime> times = predict(law_at(values), samples, device);
    std::vector<double> logs(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) logs[i] = std::log(times[i].seconds / samples[i].seconds);
    return logs;
  };
  const RobustFit fit = fit_robustly(family.numbers, residuals);
  Fitted fitted{.law = law_at(fit.values), .relative_deviation = {}};
  for (std::size_t i = 0; i < fit.values.size(); ++i) {
    fitted.relative_deviation[family.numbers[i].name] = fit.relative_deviation[i];
  }
  return fitted;
}

/// Measurements of one shape become their median: repeated rows are noise, not evidence of a shape's weight.
std::vector<KernelSample> merged(std::span<const KernelSample> samples) {
  std::map<std::string, std::vector<const KernelSample*>> by_shape;
  for (const KernelSample& one : samples) {
    const AttentionShape& shape = one.attention;
    std::string key =
        fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {}", one.m, one.n, one.k, one.over.moved.value,
                    one.over.rows, one.cold, one.gated, shape.sequences, shape.query_tokens, shape.context_tokens,
                    shape.heads, shape.kv_heads, shape.head_dim, shape.causal);
    for (const double rows : one.rows) key += fmt::format(" {}", rows);
    by_shape[key].push_back(&one);
  }
  std::vector<KernelSample> result;
  result.reserve(by_shape.size());
  for (const auto& [key, equal] : by_shape) {
    std::vector<double> times;
    for (const KernelSample* one : equal) times.push_back(one->seconds);
    result.push_back(*equal.front());
    result.back().seconds = nearest_quantile(times, 0.5);
  }
  return result;
}

std::vector<Residual> residuals_of(const FittedLaw& law, std::span<const KernelSample> samples, const Device& device) {
  const std::vector<LawTime> times = predict(law, samples, device);
  std::vector<Residual> residuals;
  residuals.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    residuals.push_back({.log_ratio = std::log(samples[i].seconds / times[i].seconds), .region = times[i].region});
  }
  return residuals;
}

/// Fits to the samples that are not `out`, and predicts those that are.
template <class Predicate>
std::vector<Residual> leave_out(const std::string& name, const std::vector<KernelSample>& samples, const Device& device,
                                const KernelFitOptions& options, const Predicate& out) {
  std::vector<KernelSample> seen;
  std::vector<KernelSample> unseen;
  for (std::size_t i = 0; i < samples.size(); ++i) (out(i) ? unseen : seen).push_back(samples[i]);
  if (seen.size() < kFewestSamples || unseen.empty()) return {};
  return residuals_of(fit_once(name, seen, device, options).law, unseen, device);
}

std::string shape_text(const KernelSample& sample) {
  std::string text;
  for (const auto& [name, value] : arguments_of(sample)) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  }
  return text;
}

/// Fold of each sample: keys are shuffled (always alike), so that no fold is a range of sizes.
std::vector<int> folds_of(const std::vector<KernelSample>& samples, int folds) {
  std::map<std::string, int> fold_of_key;
  for (const KernelSample& sample : samples) fold_of_key[fold_key(sample)] = 0;
  std::vector<int> order(fold_of_key.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, std::mt19937_64(kSeed));
  std::size_t next = 0;
  for (auto& [key, fold] : fold_of_key) fold = order[next++] % folds;
  std::vector<int> result;
  result.reserve(samples.size());
  for (const KernelSample& sample : samples) result.push_back(fold_of_key[fold_key(sample)]);
  return result;
}

std::string describe(const RegionError& error) {
  return fmt::format("{} {:.1f} % median, {:.1f} % at 90 %", error.region, 100 * error.median, 100 * error.p90);
}

void add_ranges(FittedLaw& law, const std::vector<KernelSample>& samples) {
  for (const KernelSample& sample : samples) {
    for (const auto& [name, value] : arguments_of(sample)) {
      const auto [at, first] = law.ranges.try_emplace(name, Range{value, value});
      at->second = {std::min(at->second.lo, value), std::max(at->second.hi, value)};
    }
  }
}

}  // namespace

KernelFit fit_kernel(std::span<const KernelSample> samples, const Device& device, const KernelFitOptions& options) {
  if (samples.empty()) throw InputError("no samples of a kernel to fit");
  const std::string& name = samples.front().law;
  MOESIM_EXPECTS(std::ranges::all_of(samples, [&](const KernelSample& one) { return one.law == name; }));
  const std::vector<KernelSample> all = merged(samples);
  if (all.size() < kFewestSamples) {
    throw InputError(
        fmt::format("{}: {} different shapes are too few for a fit (needs {})", name, all.size(), kFewestSamples));
  }

  KernelFit fit;
  Fitted fitted = fit_once(name, all, device, options);
  fit.law = std::move(fitted.law);
  fit.relative_deviation = std::move(fitted.relative_deviation);

  const std::vector<int> fold_of = folds_of(all, options.folds);
  std::vector<Residual> residuals;
  std::vector<std::size_t> sample_of;  // each residual's
  for (int fold = 0; fold < options.folds; ++fold) {
    std::vector<Residual> some =
        leave_out(name, all, device, options, [&](std::size_t i) { return fold_of[i] == fold; });
    for (Residual& one : some) one.fold = fold;
    residuals.insert(residuals.end(), some.begin(), some.end());
    for (std::size_t i = 0; i < all.size() && !some.empty(); ++i) {
      if (fold_of[i] == fold) sample_of.push_back(i);
    }
  }
  MOESIM_ENSURES(sample_of.size() == residuals.size());
  const std::vector<bool> held = held_by_other_folds(residuals);
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    const KernelSample& sample = all[sample_of[i]];
    fit.samples.push_back({.shape = shape_text(sample),
                           .region = std::string(residuals[i].region),
                           .fold = residuals[i].fold,
                           .measured = sample.seconds,
                           .predicted = sample.seconds / std::exp(residuals[i].log_ratio),
                           .held = held[i]});
  }
  fit.all = error_of("all", residuals);
  fit.regions = errors_by_region(residuals);

  std::vector<double> sizes;
  for (const KernelSample& one : all) sizes.push_back(size_of(one));
  const double small = nearest_quantile(sizes, 0.2);
  const double large = nearest_quantile(sizes, 0.8);
  double outside = 0;
  const auto leave_range = [&](std::string what, const auto& out) {
    fit.left_out.push_back(error_of(std::move(what), leave_out(name, all, device, options, out)));
    outside = std::max(outside, fit.left_out.back().log_p90);
  };
  leave_range("smallest fifth of sizes left out", [&](std::size_t i) { return sizes[i] < small; });
  leave_range("largest fifth of sizes left out", [&](std::size_t i) { return sizes[i] > large; });

  // Regions with too few samples take the spread of all.
  for (const RegionError& region : fit.regions) {
    const bool enough = region.samples >= static_cast<int>(kFewestInRegion);
    fit.law.spreads.push_back({region.region, enough ? region.log_p90 : fit.all.log_p90});
  }
  fit.law.spreads.push_back({"extrapolated", std::max(outside, fit.all.log_p90)});
  add_ranges(fit.law, all);
  fit.law.provenance = options.provenance;
  fit.law.provenance.samples = static_cast<int>(samples.size());
  fit.law.provenance.median_error = fit.all.median;
  fit.law.provenance.p90_error = fit.all.p90;
  fit.law.provenance.validation = fmt::format("{} folds over distinct shapes beside the rows; {}; {}", options.folds,
                                              describe(fit.left_out[0]), describe(fit.left_out[1]));
  return fit;
}

std::vector<KernelFit> fit_kernels(std::span<const KernelSample> samples, const Device& device,
                                   const KernelFitOptions& options) {
  std::map<std::string, std::vector<KernelSample>> by_law;
  for (const KernelSample& one : samples) by_law[one.law].push_back(one);
  std::vector<KernelFit> fits;
  fits.reserve(by_law.size());
  for (const auto& [name, some] : by_law) fits.push_back(fit_kernel(some, device, options));
  return fits;
}

std::vector<double> predict_samples(const FittedLaw& law, std::span<const KernelSample> samples, const Device& device) {
  std::vector<double> seconds;
  for (const LawTime& time : predict(law, samples, device)) seconds.push_back(time.seconds);
  return seconds;
}

std::vector<RegionError> check_law(const FittedLaw& law, std::span<const KernelSample> samples, const Device& device) {
  const std::vector<Residual> residuals = residuals_of(law, merged(samples), device);
  std::vector<RegionError> errors = {error_of("all", residuals)};
  for (RegionError& region : errors_by_region(residuals)) errors.push_back(std::move(region));
  return errors;
}

FittedLaw transferred_law(const FittedLaw& law, const std::string& name, const std::string& from,
                          std::span<const RegionError> errors, const std::string& evidence) {
  const auto worst = [&](std::string_view region) {
    double spread = 0;
    for (const RegionError& error : errors) {
      const bool enough = error.samples == 0 || error.samples >= static_cast<int>(kFewestInRegion);
      if (error.region == region && enough) spread = std::max(spread, error.log_p90);
    }
    return spread;
  };
  const double all = errors.empty() ? std::log(2.0) : worst("all");
  FittedLaw result = law;
  result.name = name;
  for (Spread& one : result.spreads) {
    const double here = worst(one.region);
    one.value = std::max(one.value, here > 0 ? here : all);
  }
  result.provenance.source =
      fmt::format("TRANSFERRED, not measured: {} of {} ({})", law.name, from, law.provenance.source);
  result.provenance.hardware = from;
  result.provenance.samples = 0;
  result.provenance.median_error = 0;
  result.provenance.p90_error = 0;
  for (const RegionError& error : errors) {
    if (error.region != "all") continue;
    result.provenance.median_error = std::max(result.provenance.median_error, error.median);
    result.provenance.p90_error = std::max(result.provenance.p90_error, error.p90);
  }
  result.provenance.validation = evidence;
  return result;
}

}  // namespace moesim
