#include "moesim/cluster/device.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

/// Compute capabilities whose matrix units take bf16 (CUDA C++ programming guide, "Compute capabilities").
constexpr std::array kComputeCapabilities = {80, 86, 87, 89, 90, 100, 103, 120};

bool positive(double value) { return value > 0 && std::isfinite(value); }

}  // namespace

FlopsPerSecond Device::matrix_peak(DType dtype) const {
  const auto found = std::ranges::find(matrix_peaks, dtype, &MatrixPeak::dtype);
  return found == matrix_peaks.end() ? FlopsPerSecond{0} : found->rate;
}

void check_device(const Device& device) {
  std::vector<Diagnostic> problems;
  const auto require = [&](bool holds, std::string key, std::string message) {
    if (!holds) {
      problems.push_back({.file = {}, .line = 0, .column = 0, .key = std::move(key), .message = std::move(message)});
    }
  };
  require(!device.name.empty(), "name", "is empty");
  require(!device.source.empty(), "source", "is empty (say which data sheet the numbers are from)");
  require(
      std::ranges::find(kComputeCapabilities, device.compute_capability) != kComputeCapabilities.end(),
      "compute_capability",
      fmt::format("{} is not known (one of: {})", device.compute_capability, fmt::join(kComputeCapabilities, ", ")));
  require(device.multiprocessors > 0, "multiprocessors", "must be positive");
  require(positive(device.vector_peak.value), "vector_peak", "must be positive");
  require(positive(device.memory_bandwidth.value), "memory_bandwidth", "must be positive");
  require(positive(device.memory.value), "memory", "must be positive");
  require(positive(device.l2_cache.value), "l2_cache", "must be positive");
  require(device.l2_cache < device.memory, "l2_cache", "must be smaller than memory");
  require(!device.matrix_peaks.empty(), "matrix_peaks", "is empty (at least one element type is needed)");
  for (auto peak = device.matrix_peaks.begin(); peak != device.matrix_peaks.end(); ++peak) {
    const std::string key = fmt::format("matrix_peaks.{}", dtype_name(peak->dtype));
    require(positive(peak->rate.value), key, "must be positive");
    require(std::ranges::find(device.matrix_peaks.begin(), peak, peak->dtype, &MatrixPeak::dtype) == peak, key,
            "is given twice");
    require(peak->rate >= device.vector_peak, key, "is below vector_peak (matrix units are never slower)");
  }
  if (!problems.empty()) throw InputError(std::move(problems));
}

}  // namespace moesim
