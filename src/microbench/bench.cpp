#include <chrono>
#include <fmt/core.h>

#include "microbench/suites.hpp"

namespace moesim::microbench {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

std::vector<std::string> kernel_columns() {
  return {"device", "kernel", "dtype", "m", "n", "k", "experts", "rows", "layout", "bytes"};
}
std::vector<std::string> result_columns() { return {"time_us", "noise", "sm_clock_mhz", "temperature_c"}; }
std::vector<std::string> overlap_columns() {
  return {"device", "kernel", "dtype", "m", "n", "k", "copy_multiprocessors"};
}

Bench::Bench(const SuiteOptions& options, const GpuInfo& gpu, const Nvml& nvml, SampleFile& file)
    : options_(options), gpu_(gpu), nvml_(nvml), file_(file), begin_(now()) {}

bool Bench::over(double share) const { return now() - begin_ > share * options_.seconds; }

Row Bench::with_device(const Row& shape) const {
  Row row = {{"device", options_.device}};
  row.insert(row.end(), shape.begin(), shape.end());
  return row;
}

bool Bench::throttled(ClockReading& clocks) {
  clocks = nvml_.read(gpu_.pci_address);
  if (clocks.throttled) ++dropped_;
  return clocks.throttled;
}

void Bench::keep(const Row& shape, double seconds, double noise) {
  ClockReading clocks;
  if (throttled(clocks)) return;
  const auto or_empty = [&](unsigned value) { return clocks.known ? fmt::format("{}", value) : std::string(); };
  file_.add(with_device(shape), {{"time_us", fmt::format("{:.3f}", 1e6 * seconds)},
                                 {"noise", fmt::format("{:.4f}", noise)},
                                 {"sm_clock_mhz", or_empty(clocks.sm_mhz)},
                                 {"temperature_c", or_empty(clocks.temperature)}});
}

void Bench::sample(const Row& shape, const std::vector<Launch1>& launches, bool graph) {
  if (known(shape)) return;
  const Measurement measured = time_launches(launches, options_.rule, graph);
  keep(shape, measured.median(), measured.noise());
}

}  // namespace moesim::microbench
