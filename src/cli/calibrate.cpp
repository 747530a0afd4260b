#include "moesim/fit/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

#include "moesim/base/date.hpp"
#include "moesim/fit/calibration_yaml.hpp"
#include "moesim/import/import.hpp"
#include "moesim/report/listing.hpp"

#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/csv_reader.hpp"
#include "cli/output.hpp"

namespace moesim::cli {
namespace {

struct CalibrateOptions {
  CommonOptions common;
  std::vector<std::string> files;
  std::optional<std::filesystem::path> device;
  std::optional<std::filesystem::path> cluster;
  std::optional<std::filesystem::path> base;
  std::string name;
  std::optional<std::string> residuals;
  KernelFitOptions fit;
};

CalibrateOptions read_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  CalibrateOptions options;
  options.common = read_common(arguments, environment, problems);
  options.files = arguments.all("SAMPLES");
  if (arguments.given("--device") == arguments.given("--cluster")) {
    problems.push_back({.key = "--device, --cluster",
                        .message = "exactly one of them is needed (samples of kernels are of a device, samples of "
                                   "collectives of a cluster)"});
  }
  const auto text = [&](std::string_view option) {
    const std::string* given = arguments.one(option);
    return given != nullptr ? *given : std::string();
  };
  Provenance& provenance = options.fit.provenance;
  provenance.source =
      arguments.given("--source") ? text("--source") : fmt::format("{}", fmt::join(options.files, ", "));
  provenance.license = text("--license");
  provenance.hardware = text("--hardware");
  provenance.date = arguments.given("--date") ? text("--date") : utc_date();
  std::vector<std::string> words = environment.run.arguments;
  if (!words.empty()) words.front() = "moesim";
  provenance.command = fmt::format("{}", fmt::join(words, " "));
  options.name = text("--name");
  throw_if_any(problems);
  if (arguments.given("--device")) options.device = find_config("devices", text("--device"), options.common.roots);
  if (arguments.given("--cluster")) options.cluster = find_config("clusters", text("--cluster"), options.common.roots);
  if (arguments.given("--base")) options.base = text("--base");
  if (arguments.given("--residuals")) options.residuals = text("--residuals");
  return options;
}

/// Runs `read` on every file; what is wrong with any of them goes to `problems`.
template <class Read>
void read_all(const std::vector<std::string>& files, std::vector<Diagnostic>& problems, const Read& read) {
  for (const std::string& file : files) {
    try {
      read(file);
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
}

CalibrationRun fit_device(const CalibrateOptions& options) {
  const Device device = load_device(*options.device, options.common.overrides, options.common.roots).device();
  std::vector<Diagnostic> problems;
  DeviceSamples samples;
  std::vector<std::string> notes;
  read_all(options.files, problems, [&](const std::string& file) {
    if (const std::string text = read_text(file); is_torch_profile(text)) {
      Imported imported = import_torch_profiler(text, file);
      const std::vector<KernelSample> more = parse_kernel_samples(imported.text, file);
      samples.kernels.insert(samples.kernels.end(), more.begin(), more.end());
      for (std::string& note : imported.notes) notes.push_back(fmt::format("{}: {}", file, std::move(note)));
    } else {
      read_device_samples(file, samples);
    }
  });
  throw_if_any(problems);
  const std::optional<Calibration> base = options.base ? std::optional(load_calibration(*options.base)) : std::nullopt;
  CalibrationRun run = calibrate_device(std::move(samples), device, options.fit, base ? &*base : nullptr);
  run.warnings.insert(run.warnings.end(), notes.begin(), notes.end());
  return run;
}

CalibrationRun fit_cluster(const CalibrateOptions& options) {
  const Cluster cluster = load_cluster(*options.cluster, options.common.overrides, options.common.roots, true);
  std::vector<Diagnostic> problems;
  std::vector<LinkSample> samples;
  read_all(options.files, problems, [&](const std::string& file) {
    const std::vector<LinkSample> more = read_collectives(file);
    samples.insert(samples.end(), more.begin(), more.end());
  });
  const int ranks = cluster.collectives->topology().ranks();
  const auto most = std::ranges::max_element(samples, {}, &LinkSample::ranks);
  if (most != samples.end() && most->ranks > ranks) {
    problems.push_back({.key = "--cluster",
                        .message = fmt::format("{} has {} GPUs, the samples are of up to {}: name a larger one",
                                               cluster.name, ranks, most->ranks)});
  }
  throw_if_any(problems);
  return calibrate_links(std::move(samples), *cluster.collectives, "links_" + cluster.name, options.fit.provenance);
}

/// Cross-validated errors by law and region.
Listing report_of(const CalibrationRun& run) {
  Listing listing{.what = "residuals",
                  .columns = {{"law", "law"},
                              {"left_out", "left out of the fit"},
                              {"samples", "samples"},
                              {"median_error", "median, %", 0.01},
                              {"p90_error", "90th, %", 0.01},
                              {"bias", "bias, %", 0.01},
                              {"coverage", "in the 90 % interval, %", 0.01}},
                  .rows = {}};
  const auto rounded = [](double value) { return std::round(value * 1e5) / 1e5; };
  for (const KernelFit& fit : run.kernels) {
    const auto add = [&](const std::string& what, const RegionError& error) {
      listing.rows.push_back({fit.law.name, what, static_cast<double>(error.samples), rounded(error.median),
                              rounded(error.p90), rounded(error.bias), rounded(error.coverage)});
    };
    add("shapes", fit.all);
    for (const RegionError& region : fit.regions) add("shapes, " + region.region, region);
    for (const RegionError& range : fit.left_out) add(range.region, range);
  }
  for (const LeftOut& one : run.links) {
    listing.rows.push_back({std::string("links"), one.what, static_cast<double>(one.samples), rounded(one.median),
                            rounded(one.p90), rounded(one.median_log_ratio), rounded(one.coverage)});
  }
  return listing;
}

/// Every sample of the kernels beside its cross-validated prediction, for `plot` and for tables.
Listing samples_of(const CalibrationRun& run) {
  Listing listing{.what = "left_out_samples",
                  .columns = {{"law", "law"},
                              {"shape", "shape"},
                              {"region", "region"},
                              {"fold", "fold"},
                              {"measured_s", "measured, us", 1e-6},
                              {"predicted_s", "predicted, us", 1e-6},
                              {"in_interval", "in interval"}},
                  .rows = {}};
  for (const KernelFit& fit : run.kernels) {
    for (const LeftOutSample& one : fit.samples) {
      listing.rows.push_back({fit.law.name, one.shape, one.region, static_cast<double>(one.fold), one.measured,
                              one.predicted, std::string(one.held ? "yes" : "no")});
    }
  }
  return listing;
}

Output run_calibrate(const CalibrateOptions& options, const Environment& environment) {
  CalibrationRun run = options.device ? fit_device(options) : fit_cluster(options);
  if (!options.name.empty()) run.calibration.name = options.name;
  RunInfo info = environment.run;
  for (const std::string& file : options.files) add_input(info, file);
  add_input(info, options.device ? *options.device : *options.cluster);
  CommonOptions shown = options.common;
  shown.output = std::nullopt;  // -o is the calibration; what is shown are its errors
  Output output = render(report_of(run), info, shown, environment);
  if (options.common.output) write_file(*options.common.output, calibration_yaml(run.calibration));
  if (options.residuals) write_file(*options.residuals, to_csv(samples_of(run), info));
  for (std::string& warning : run.warnings) output.notes.push_back("warning: " + std::move(warning));
  return output;
}

}  // namespace

Command calibrate_command() {
  Command command{
      .name = "calibrate",
      .summary = "fits kernels or links to measured samples; prints how far off the fit is",
      .description =
          "Fits the laws of all kernels in the samples (moesim-bench, scripts/bench_torch.py, bench_chains.py, "
          "overlap_collectives.py, measure_power.py; traces of torch.profiler; other tables by their columns) to a "
          "device, or the links of a cluster to measured collectives (moesim-bench, other tables, what nccl-tests "
          "prints). Errors are of samples that the fit had not seen. Samples faster than the data sheet allows are "
          "left out, with a warning.",
      .options = {{.name = "SAMPLES", .help = "files with samples", .required = true, .repeatable = true},
                  {.name = "--device", .value = "DEVICE", .help = "whose kernels they are: YAML file or name"},
                  {.name = "--cluster", .value = "CLUSTER", .help = "whose collectives they are: YAML file or name"},
                  {.name = "--base",
                   .value = "FILE",
                   .help = "calibration of a similar device: its laws stand in for kernels without samples, marked as "
                           "transferred"},
                  {.name = "--residuals",
                   .value = "FILE",
                   .help = "also writes every sample of a kernel beside the prediction of a fit without it (CSV; "
                           "'moesim plot' draws it)"},
                  {.name = "--name", .value = "NAME", .help = "of the calibration (default: that of the device)"},
                  {.name = "--source", .value = "TEXT", .help = "where the samples are from (default: their files)"},
                  {.name = "--license", .value = "TEXT", .help = "of the samples"},
                  {.name = "--hardware", .value = "TEXT", .help = "GPU, driver, clocks, library versions"},
                  {.name = "--date", .value = "DATE", .help = "of the fit (default: today)"}},
      .examples = {{"calibrate samples.csv --device h100_sxm -o h100_sxm.yaml", "kernels of a device"},
                   {"calibrate alltoall_perf.txt --cluster h100_sxm_4x8 -o links.yaml", "links, from nccl-tests"},
                   {"calibrate samples.csv --device h100_sxm -o h100_sxm.yaml --residuals residuals.csv",
                    "and what it misses, sample by sample"}}};
  const std::vector<Option> common = common_options({.model = false});
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_calibrate(read_options(arguments, environment), environment);
  };
  return command;
}

}  // namespace moesim::cli
