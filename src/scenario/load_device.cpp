#include <utility>

#include "scenario/choices.hpp"
#include "scenario/limits.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

std::vector<MatrixPeak> read_matrix_peaks(Reader in) {
  std::vector<MatrixPeak> peaks;
  for (const NamedDType& dtype : kDTypes) {
    const auto rate =
        in.optional_quantity<FlopsPerSecond>({dtype.name, "dense peak of the matrix units"}, kComputeRate);
    if (rate) peaks.push_back({dtype.dtype, *rate});
  }
  in.reject_unknown_keys();
  return peaks;
}

}  // namespace

DeviceSection read_device(Reader in) {
  DeviceSection section;
  Device& device = section.device;
  device.name = in.text({"name", "as reports print it"});
  device.source = in.text({"source", "data sheet that the numbers are from"});
  device.compute_capability = in.integer({"compute_capability", "CUDA's, without the point: 86, 90"}, {10, 999});
  device.multiprocessors = in.integer({"multiprocessors", "streaming multiprocessors"}, {1, 10'000});
  device.matrix_peaks = read_matrix_peaks(in.child({"matrix_peaks", "by element type, without sparsity"}));
  device.vector_peak = in.quantity<FlopsPerSecond>({"vector_peak", "fp32 outside of the matrix units"}, kComputeRate);
  device.memory_bandwidth = in.quantity<BytesPerSecond>({"memory_bandwidth", "of the device memory"}, kBandwidth);
  device.memory = in.quantity<Bytes>({"memory", "that a program can use"}, kMemory);
  device.l2_cache = in.quantity<Bytes>({"l2_cache", "last cache before the memory"}, kMemory);
  if (auto calibration = in.optional_section(
          {"calibration", "fitted laws of the kernels; absent: data-sheet bounds with a wide interval"})) {
    section.calibration = read_calibration(std::move(*calibration));
    device.calibration = section.calibration.name;
  }
  section.assumptions = in.texts({"assumptions", "what the file takes for granted"}, kMostAssumptions);
  in.reject_unknown_keys();
  return section;
}

}  // namespace moesim
