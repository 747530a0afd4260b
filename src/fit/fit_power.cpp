#include "moesim/fit/fit_power.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "moesim/base/diagnostic.hpp"

#include "fit/residuals.hpp"
#include "fit/sample_table.hpp"

namespace moesim {
namespace {

struct NamedRest {
  std::string_view name;
  Rest rest;
};
constexpr std::array kRests = {NamedRest{"none", Rest::nothing}, NamedRest{"copies", Rest::copies},
                               NamedRest{"pauses", Rest::pauses}, NamedRest{"collectives", Rest::collectives}};

struct Slowdown {
  double at_full = 0;
  double free_beside_memory = 0;
  double free_beside_idle = 0;
  std::optional<double> free_beside_collectives = std::nullopt;

  [[nodiscard]] double of(const PowerSample& sample) const {
    const double free = sample.rest == Rest::copies        ? free_beside_memory
                        : sample.rest == Rest::collectives ? free_beside_collectives.value_or(free_beside_idle)
                                                           : free_beside_idle;
    return 1 + at_full * std::max(0.0, sample.duty - free) / (1 - free);
  }
};

/// To the per cent: some ten samples tell no more.
double best_share(const std::vector<PowerSample>& samples, Rest rest, double at_full) {
  double best = 0;
  double least = 0;
  for (int percent = 0; percent < 100; ++percent) {
    const double share = percent / 100.0;
    const Slowdown law{
        .at_full = at_full, .free_beside_memory = share, .free_beside_idle = share, .free_beside_collectives = share};
    double sum = 0;
    for (const PowerSample& one : samples) {
      if (one.rest == rest) sum += std::pow(law.of(one) - one.slowdown, 2);
    }
    if (percent > 0 && sum >= least) continue;
    best = share;
    least = sum;
  }
  return best;
}

std::optional<Slowdown> fit_once(const std::vector<PowerSample>& samples) {
  const auto has = [&](Rest rest) { return std::ranges::find(samples, rest, &PowerSample::rest) != samples.end(); };
  std::vector<double> full;
  for (const PowerSample& one : samples) {
    if (one.duty >= 1) full.push_back(one.slowdown - 1);
  }
  if (full.empty() || !has(Rest::copies) || !has(Rest::pauses)) return std::nullopt;
  std::ranges::sort(full);
  const double median = (full[(full.size() - 1) / 2] + full[full.size() / 2]) / 2;
  const double at_full = std::max(median, 0.0);
  return Slowdown{.at_full = at_full,
                  .free_beside_memory = best_share(samples, Rest::copies, at_full),
                  .free_beside_idle = best_share(samples, Rest::pauses, at_full),
                  .free_beside_collectives = has(Rest::collectives)
                                                 ? std::optional(best_share(samples, Rest::collectives, at_full))
                                                 : std::nullopt};
}

}  // namespace

bool is_power_table(const std::string& path) { return table_has(path, {"rest", "duty", "alone_tflops", "tflops"}); }

std::vector<PowerSample> read_power_samples(const std::string& path) {
  SampleTable table(path);
  std::vector<PowerSample> samples;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view rest = table.text(row, "rest");
    const auto named = std::ranges::find(kRests, rest, &NamedRest::name);
    if (named == kRests.end()) table.complain(row, "rest", "is none of none, copies, pauses, collectives");
    samples.push_back({.rest = named != kRests.end() ? named->rest : Rest::nothing,
                       .duty = std::min(table.positive(row, "duty"), 1.0),
                       .slowdown = table.positive(row, "alone_tflops") / table.positive(row, "tflops")});
  }
  table.throw_problems();
  return samples;
}

KernelFit fit_power(std::span<const PowerSample> samples, const Provenance& provenance) {
  const std::vector<PowerSample> all(samples.begin(), samples.end());
  const std::optional<Slowdown> law = fit_once(all);
  if (!law) {
    throw InputError("power.products: needs products without a pause, between copies and between pauses");
  }
  std::vector<Residual> residuals;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<PowerSample> rest = all;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    const Slowdown without = fit_once(rest).value_or(*law);
    residuals.push_back({.log_ratio = std::log(all[i].slowdown / without.of(all[i])),
                         .region = "products",
                         .fold = static_cast<int>(i)});
  }
  KernelFit fit;
  fit.all = error_of("all", residuals);
  fit.law = {.name = "power.products",
             .coefficients = {{"slowdown_at_full", law->at_full},
                              {"free_beside_memory", law->free_beside_memory},
                              {"free_beside_idle", law->free_beside_idle}},
             .ranges = {},
             .spreads = {{"products", fit.all.log_p90}},
             .provenance = provenance};
  if (law->free_beside_collectives) {
    fit.law.coefficients["free_beside_collectives"] = *law->free_beside_collectives;
  }
  fit.law.provenance.samples = static_cast<int>(all.size());
  fit.law.provenance.median_error = fit.all.median;
  fit.law.provenance.p90_error = fit.all.p90;
  fit.law.provenance.validation = "each sample left out in turn";
  return fit;
}

}  // namespace moesim
