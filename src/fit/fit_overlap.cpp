#include "moesim/fit/fit_overlap.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <limits>
#include <set>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "fit/residuals.hpp"
#include "fit/robust_fit.hpp"
#include "fit/sample_table.hpp"

namespace moesim {
namespace {

constexpr int kFewestChannels = 4;
constexpr int kMostChannels = 16;
constexpr std::size_t kFewestShapes = 3;
constexpr double kHuber = 0.1;  // the errors of a good fit

struct Slowdowns {
  double doubling = 0;  ///< [s]
  double power = 0;
  double communication = 1;
  double wait = 0;
  double attention = 1;
  double memory = 1;

  /// Part of the time beside a kernel in which the collective moves data.
  [[nodiscard]] double moving(const OverlapSample& one) const {
    if (one.collective_alone <= 0) return 1;
    const double moves = communication * one.collective_alone;
    return moves / (moves + wait * one.alone);
  }
  [[nodiscard]] double kernel(const OverlapSample& one) const {
    const double more = one.kernel == OverlapKernel::product     ? std::pow(doubling / one.alone, power)
                        : one.kernel == OverlapKernel::attention ? attention - 1
                                                                 : memory - 1;
    return 1 + more * moving(one);
  }
  [[nodiscard]] double other(const OverlapSample& one) const {
    return communication + (one.collective_alone > 0 ? wait * one.alone / one.collective_alone : 0);
  }
};

/// What share of the time a kernel of one kind is slowed by, times what it then loses, is known; the mean of the
/// latter.
double mean_slowdown(const std::vector<OverlapSample>& samples, OverlapKernel kernel, const Slowdowns& law) {
  double more = 0;
  double weight = 0;
  for (const OverlapSample& one : samples) {
    if (one.kernel != kernel) continue;
    more += law.moving(one) * (one.beside - 1);
    weight += law.moving(one) * law.moving(one);
  }
  return weight > 0 ? 1 + std::max(more / weight, 0.0) : 1;
}

bool is_product(const OverlapSample& one) { return one.kernel == OverlapKernel::product; }

Slowdowns fit_once(const std::vector<OverlapSample>& samples) {
  const bool collectives = samples.front().collective_alone > 0;
  std::vector<FreeNumber> numbers = {
      {"doubling_s", 1e-5, 1e-8, 1e-1}, {"power", 0.5, 1e-3, 4}, {"more", 0.3, 1e-6, 10}};
  if (collectives) numbers.push_back({"wait", 0.5, 1e-3, 1});
  const auto law_of = [&](const std::vector<double>& values) {
    return Slowdowns{
        .doubling = values[0], .power = values[1], .communication = 1 + values[2], .wait = collectives ? values[3] : 0};
  };
  const auto residuals = [&](const std::vector<double>& values) {
    const Slowdowns law = law_of(values);
    std::vector<double> logs;
    for (const OverlapSample& one : samples) {
      if (!is_product(one)) continue;
      logs.push_back(std::log(one.beside / law.kernel(one)));
      logs.push_back(std::log(one.other / law.other(one)));
    }
    return logs;
  };
  Slowdowns law = law_of(fit_robustly(numbers, residuals, {.huber = kHuber, .most_steps = 200, .pull = 0}).values);
  law.attention = mean_slowdown(samples, OverlapKernel::attention, law);
  law.memory = mean_slowdown(samples, OverlapKernel::memory, law);
  return law;
}

OverlapKernel kind_of(SampleTable& table, std::size_t row) {
  const std::string_view kernel = table.text(row, "kernel");
  if (kernel == "gemm") return OverlapKernel::product;
  if (kernel == "attention") return OverlapKernel::attention;
  if (kernel.empty()) table.complain(row, "kernel", "must be there (gemm, attention or a kernel that moves bytes)");
  return OverlapKernel::memory;
}

/// Those that the law is fitted to: beside collectives, else beside copies as large as one.
std::vector<OverlapSample> counted_of(std::span<const OverlapSample> samples) {
  const bool collectives = std::ranges::any_of(samples, [](const auto& one) { return one.collective_alone > 0; });
  std::vector<OverlapSample> counted;
  std::ranges::copy_if(samples, std::back_inserter(counted), [&](const OverlapSample& one) {
    if (collectives) return one.collective_alone > 0;
    return one.multiprocessors >= kFewestChannels && one.multiprocessors <= kMostChannels;
  });
  return counted;
}

/// Residuals of each shape's samples by a fit without them.
struct LeftOutShapes {
  std::vector<Residual> kernels;
  std::vector<Residual> others;  ///< collectives or copies, beside products
  std::size_t shapes = 0;
};

LeftOutShapes leave_out_shapes(const std::vector<OverlapSample>& counted) {
  std::set<std::string> shapes;
  std::set<std::string> products;
  for (const OverlapSample& one : counted) {
    shapes.insert(one.shape);
    if (is_product(one)) products.insert(one.shape);
  }
  if (products.size() < kFewestShapes) {
    throw InputError(
        fmt::format("overlap.bf16: {} shapes of products beside collectives or copies are too few for a fit "
                    "(needs {})",
                    products.size(), kFewestShapes));
  }
  LeftOutShapes left;
  for (const std::string& shape : shapes) {
    std::vector<OverlapSample> rest;
    std::ranges::copy_if(counted, std::back_inserter(rest), [&](const auto& one) { return one.shape != shape; });
    const Slowdowns law = fit_once(rest);
    const auto fold = static_cast<int>(left.shapes++);
    for (const OverlapSample& one : counted) {
      if (one.shape != shape) continue;
      const std::string_view region = is_product(one) ? "compute" : "others";
      left.kernels.push_back({.log_ratio = std::log(one.beside / law.kernel(one)), .region = region, .fold = fold});
      if (!is_product(one)) continue;
      left.others.push_back({.log_ratio = std::log(one.other / law.other(one)), .region = "collective", .fold = fold});
    }
  }
  return left;
}

}  // namespace

bool is_overlap_table(const std::string& path) {
  return table_has(path, {"copy_multiprocessors", "gemm_alone_us", "gemm_beside_us"}) ||
         table_has(path, {"collective_alone_us", "kernel_alone_us", "kernel_beside_us"});
}

std::vector<OverlapSample> read_overlap_samples(const std::string& path) {
  SampleTable table(path);
  const bool copies = table.has("copy_multiprocessors");
  const std::string timed = copies ? "gemm" : "kernel";
  std::vector<OverlapSample> samples;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double alone = table.positive(row, timed + "_alone_us");
    OverlapSample one{.shape = fmt::format("{} {}x{}x{}", table.text(row, "kernel"), table.text(row, "m"),
                                           table.text(row, "n"), table.text(row, "k")),
                      .alone = alone * 1e-6,
                      .beside = table.positive(row, timed + "_beside_us") / alone};
    if (copies) {
      one.other = table.positive(row, "copy_alone_GBps") / table.positive(row, "copy_beside_GBps");
      one.multiprocessors = static_cast<int>(std::min(table.positive(row, "copy_multiprocessors"), 1e6));
    } else {
      one.kernel = kind_of(table, row);
      one.collective_alone = table.positive(row, "collective_alone_us") * 1e-6;
      one.other = table.positive(row, "collective_beside_us") * 1e-6 / one.collective_alone;
    }
    samples.push_back(std::move(one));
  }
  table.throw_problems();
  return samples;
}

KernelFit fit_overlap(std::span<const OverlapSample> samples, const Provenance& provenance) {
  const std::vector<OverlapSample> counted = counted_of(samples);
  const LeftOutShapes left = leave_out_shapes(counted);
  const Slowdowns law = fit_once(counted);
  const auto has = [&](OverlapKernel kernel) {
    return std::ranges::find(counted, kernel, &OverlapSample::kernel) != counted.end();
  };
  KernelFit fit;
  fit.all = error_of("all", left.kernels);
  fit.regions = errors_by_region(left.kernels);
  fit.regions.push_back(error_of("collective", left.others));
  fit.law = {.name = "overlap.bf16",
             .coefficients = {{"doubling_s", law.doubling},
                              {"power", law.power},
                              {"communication_slowdown", law.communication}},
             .ranges = {},
             .spreads = {{"compute", fit.regions.front().log_p90}},
             .provenance = provenance};
  if (counted.front().collective_alone > 0) fit.law.coefficients["kernel_wait"] = law.wait;
  if (has(OverlapKernel::attention)) fit.law.coefficients["attention_slowdown"] = law.attention;
  if (has(OverlapKernel::memory)) fit.law.coefficients["memory_slowdown"] = law.memory;
  Range alone{std::numeric_limits<double>::infinity(), 0};
  for (const OverlapSample& one : counted) {
    if (is_product(one)) alone = {std::min(alone.lo, one.alone), std::max(alone.hi, one.alone)};
  }
  fit.law.ranges["kernel_s"] = alone;
  fit.law.provenance.samples = static_cast<int>(counted.size());
  fit.law.provenance.median_error = fit.all.median;
  fit.law.provenance.p90_error = fit.all.p90;
  const RegionError& others = fit.regions.back();
  fit.law.provenance.validation = fmt::format(
      "each of {} kernels left out in turn; the {} beside products likewise: {:.1f} % median, {:.1f} % at 90 %",
      left.shapes, counted.front().collective_alone > 0 ? "collective" : "copy", 100 * others.median, 100 * others.p90);
  return fit;
}

}  // namespace moesim
