#include "moesim/fit/fit_launch.hpp"

#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/statistics.hpp"
#include "moesim/cost/kernels.hpp"

#include "fit/residuals.hpp"
#include "fit/sample_table.hpp"

namespace moesim {
namespace {

constexpr double kLayer = 32;       // launches; shorter sequences find their code where they left it
constexpr std::size_t kFewest = 8;  // sequences

double median_gap(std::span<const LaunchSample> samples, std::size_t but) {
  std::vector<double> gaps;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i != but) gaps.push_back(samples[i].seconds - samples[i].alone);
  }
  return std::max(nearest_quantile(std::move(gaps), 0.5), 0.0);
}

}  // namespace

bool has_launch_samples(const std::string& path) {
  return SampleTable(path).has_all({"kernel", "m", "time_us", "alone_us"});
}

std::vector<LaunchSample> read_launch_samples(const std::string& path) {
  SampleTable table(path);
  std::vector<LaunchSample> samples;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "kernel") != "unlike_launch") continue;
    samples.push_back({.launches = table.positive(row, "m"),
                       .seconds = table.positive(row, "time_us") * 1e-6,
                       .alone = table.positive(row, "alone_us") * 1e-6});
  }
  table.throw_problems();
  return samples;
}

KernelFit fit_launch(std::span<const LaunchSample> samples, const Provenance& provenance) {
  std::vector<LaunchSample> layers(samples.begin(), samples.end());
  std::erase_if(layers, [](const LaunchSample& one) { return one.launches < kLayer; });
  if (layers.size() < kFewest) throw InputError("launch.unlike: needs eight sequences of 32 kernels or more");
  std::vector<Residual> residuals;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    residuals.push_back({.log_ratio = std::log(layers[i].seconds / (layers[i].alone + median_gap(layers, i))),
                         .region = "launch",
                         .fold = static_cast<int>(i)});
  }
  KernelFit fit;
  fit.all = error_of("all", residuals);
  fit.law = {.name = std::string(kUnlikeLaunchLaw),
             .coefficients = {{"gap_s", median_gap(layers, layers.size())}},
             .ranges = {},
             .spreads = {{"launch", fit.all.log_p90}},
             .provenance = provenance};
  fit.law.provenance.samples = static_cast<int>(layers.size());
  fit.law.provenance.median_error = fit.all.median;
  fit.law.provenance.p90_error = fit.all.p90;
  fit.law.provenance.validation = "each sequence left out in turn; errors of a kernel's whole time";
  return fit;
}

}  // namespace moesim
