#include "moesim/fit/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <map>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/kernel_laws.hpp"

namespace moesim {
namespace {

constexpr double kPoorMedian = 0.15;      // a fit that is off by more in the median is worth a warning
constexpr double kPoorBias = 0.05;        // of a whole law
constexpr double kClockTolerance = 1.02;  // boost clocks above the data sheet's

bool moves_bytes(const KernelSample& sample) { return sample.law.starts_with("memory.") || sample.law == "router"; }

/// How many times the device's limit a sample claims; at most 1 for a possible one.
double times_the_limit(const KernelSample& sample, const Device& device) {
  if (moves_bytes(sample)) {
    if (sample.over.moved <= 2 * device.l2_cache) return 0;
    return sample.over.moved / device.memory_bandwidth / Seconds{sample.seconds};
  }
  const double peak = device.matrix_peak(sample.dtype).value;
  if (peak <= 0) return 0;
  double flops = 0;
  if (sample.law.starts_with("attention.")) {
    flops = attention_flops(sample.attention).value;
  } else if (sample.fused_experts) {
    flops = 2 * sample.m * sample.n * sample.k * (sample.gated ? 3 : 2);
  } else {
    flops = 2 * sample.m * sample.n * sample.k;
  }
  return flops / peak / sample.seconds;
}

std::string describe(const KernelSample& sample) {
  if (moves_bytes(sample)) return fmt::format("{:.4g} B", sample.over.moved.value);
  if (sample.law.starts_with("attention.")) {
    const AttentionShape& shape = sample.attention;
    return fmt::format("{} x {} queries on {} keys", shape.sequences, shape.query_tokens, shape.context_tokens);
  }
  return fmt::format("m={} n={} k={}", sample.m, sample.n, sample.k);
}

void warn_of(const std::vector<Contradiction>& contradictions, std::vector<std::string>& warnings) {
  std::map<std::string, std::vector<const Contradiction*>> by_law;
  for (const Contradiction& one : contradictions) by_law[one.law].push_back(&one);
  for (const auto& [law, some] : by_law) {
    warnings.push_back(fmt::format("{}: {} {} contradict physics and {} left out, the first: {}", law, some.size(),
                                   some.size() == 1 ? "sample" : "samples", some.size() == 1 ? "is" : "are",
                                   some.front()->what));
  }
}

}  // namespace

std::vector<Contradiction> drop_contradictions(std::vector<KernelSample>& samples, const Device& device) {
  std::vector<Contradiction> found;
  std::erase_if(samples, [&](const KernelSample& one) {
    const double times = times_the_limit(one, device);
    if (times <= kClockTolerance) return false;
    const std::string limit = moves_bytes(one) ? "memory bandwidth" : "matrix peak";
    found.push_back({one.law, fmt::format("{} in {:.4g} us needs {:.2f} times the {} of {}", describe(one),
                                          1e6 * one.seconds, times, limit, device.name)});
    return true;
  });
  return found;
}

std::vector<Contradiction> drop_contradictions(std::vector<LinkSample>& samples, const CollectiveModel& model) {
  std::vector<Contradiction> found;
  std::erase_if(samples, [&](const LinkSample& one) {
    const auto plan = model.shared_plan(one.kind, AllToAllAlgorithm::flat, one.all_groups());
    const double bound = plan->bound_per_byte * one.bytes;
    if (one.seconds * kClockTolerance >= bound) return false;
    const auto named = std::ranges::find(kCollectives, one.kind, &NamedCollective::kind);
    found.push_back(
        {std::string(named->name),
         fmt::format("{} ranks, {:.4g} B in {:.4g} us: the link {} alone needs {:.4g} us", one.ranks, one.bytes,
                     1e6 * one.seconds, model.topology().link(plan->bottleneck).name, 1e6 * bound)});
    return true;
  });
  return found;
}

void read_device_samples(const std::string& path, DeviceSamples& samples) {
  const auto append = [](auto& all, const auto& some) { all.insert(all.end(), some.begin(), some.end()); };
  if (is_chain_table(path)) return append(samples.chains, read_chain_samples(path));
  if (is_overlap_table(path)) return append(samples.overlap, read_overlap_samples(path));
  if (is_power_table(path)) return append(samples.power, read_power_samples(path));
  append(samples.kernels, read_kernel_samples(path));
}

CalibrationRun calibrate_device(DeviceSamples samples, const Device& device, const KernelFitOptions& options,
                                const Calibration* base) {
  CalibrationRun run{.calibration = {.name = device.name, .device = device.name, .laws = {}},
                     .kernels = {},
                     .links = {},
                     .warnings = {}};
  warn_of(drop_contradictions(samples.kernels, device), run.warnings);
  const auto add = [&](const auto& fit_one) {
    try {
      run.kernels.push_back(fit_one());
    } catch (const InputError& error) {
      run.warnings.push_back(fmt::format("{} is left out", error.what()));
      return;
    }
    const KernelFit& fit = run.kernels.back();
    run.calibration.laws.push_back(fit.law);
    if (fit.all.median > kPoorMedian || std::abs(fit.all.bias) > kPoorBias) {
      run.warnings.push_back(fmt::format("{}: a poor fit: median error {:.1f} %, bias {:+.1f} %", fit.law.name,
                                         100 * fit.all.median, 100 * fit.all.bias));
    }
  };
  std::map<std::string, std::vector<KernelSample>> by_law;
  for (KernelSample& one : samples.kernels) by_law[one.law].push_back(std::move(one));
  for (const auto& [name, some] : by_law)
    add([&some = some, &device, &options] { return fit_kernel(some, device, options); });
  if (!samples.chains.empty()) add([&] { return fit_chain(samples.chains, options.provenance); });
  if (!samples.overlap.empty()) add([&] { return fit_overlap(samples.overlap, options.provenance); });
  if (!samples.power.empty()) add([&] { return fit_power(samples.power, options.provenance); });
  if (run.kernels.empty()) throw InputError("no law has enough samples for a fit");
  if (base == nullptr) return run;
  for (const FittedLaw& law : base->laws) {
    if (run.calibration.find(law.name) != nullptr) continue;
    if (law.provenance.source.starts_with("TRANSFERRED")) {
      run.calibration.laws.push_back(law);
      continue;
    }
    const std::vector<RegionError> none;
    run.calibration.laws.push_back(
        transferred_law(law, law.name, base->device, none, "no samples here; within a factor of two, an assumption"));
  }
  return run;
}

CalibrationRun calibrate_links(std::vector<LinkSample> samples, const CollectiveModel& model, const std::string& name,
                               const Provenance& provenance) {
  CalibrationRun run{
      .calibration = {.name = name, .device = name, .laws = {}}, .kernels = {}, .links = {}, .warnings = {}};
  warn_of(drop_contradictions(samples, model), run.warnings);
  if (samples.empty()) throw InputError("no samples of a collective to fit");
  LinkFit fit = fit_links(model, samples);
  for (const LeftOut& one : fit.left_out) {
    if (one.median > kPoorMedian) {
      run.warnings.push_back(fmt::format("{}: median error {:.1f} % when left out", one.what, 100 * one.median));
    }
  }
  Provenance& own = fit.law.provenance;
  own.source = provenance.source;
  own.license = provenance.license;
  own.hardware = provenance.hardware;
  own.date = provenance.date;
  own.command = provenance.command;
  run.calibration.laws.push_back(std::move(fit.law));
  run.links = std::move(fit.left_out);
  return run;
}

}  // namespace moesim
