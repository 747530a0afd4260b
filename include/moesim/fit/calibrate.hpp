#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moesim/fit/fit_chain.hpp"
#include "moesim/fit/fit_kernels.hpp"
#include "moesim/fit/fit_links.hpp"
#include "moesim/fit/fit_overlap.hpp"
#include "moesim/fit/fit_power.hpp"

namespace moesim {

/// A sample that cannot be: faster than the data sheet allows.
struct Contradiction {
  std::string law;
  std::string what;  ///< "m=64 n=64 k=64 in 1 us: 1.3 times the peak of bf16"
};

/// Leaves out samples above the matrix peak of the device, and memory-bound ones above its bandwidth whose buffers no
/// cache can hold (twice the L2). @return what was left out
[[nodiscard]] std::vector<Contradiction> drop_contradictions(std::vector<KernelSample>& samples, const Device& device);
/// The same for collectives: faster than the links' capacities. @param model of the cluster, ideal
[[nodiscard]] std::vector<Contradiction> drop_contradictions(std::vector<LinkSample>& samples,
                                                             const CollectiveModel& model);

/// A device's kernels, or a cluster's links, fitted from samples.
struct CalibrationRun {
  Calibration calibration;
  std::vector<KernelFit> kernels;
  std::vector<LeftOut> links;
  std::vector<std::string> warnings;  ///< samples against physics, poor fits, too few samples
};

/// What was measured on a device.
struct DeviceSamples {
  std::vector<KernelSample> kernels;
  std::vector<ChainSample> chains = {};
  std::vector<OverlapSample> overlap = {};
  std::vector<PowerSample> power = {};
};
/// Adds the samples of a file of any kind: kernels, chains of them, kernels beside
/// collectives or copies, products in the long run.
/// @throws InputError with every bad line, MachineError when the file cannot be read
void read_device_samples(const std::string& path, DeviceSamples& samples);

/// @param base laws that no sample says anything of are taken from there, marked as transferred; may be null
/// @throws InputError when no law can be fitted
[[nodiscard]] CalibrationRun calibrate_device(DeviceSamples samples, const Device& device,
                                              const KernelFitOptions& options, const Calibration* base);
[[nodiscard]] CalibrationRun calibrate_links(std::vector<LinkSample> samples, const CollectiveModel& model,
                                             const std::string& name, const Provenance& provenance);

/// What nccl-tests prints, pasted into a file: out-of-place times by default. The number of ranks is that of the lines
/// "# Rank", the collective that of the line "# Collective test starting" or of the file's name
/// (alltoall_perf.txt ...). @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<LinkSample> read_nccl_tests(const std::string& path);
/// The same of the file's text.
[[nodiscard]] std::vector<LinkSample> parse_nccl_tests(std::string_view text, const std::string& path);
/// Whether the file looks like nccl-tests' output.
[[nodiscard]] bool is_nccl_tests(const std::string& path);
/// One or the other: read_nccl_tests or read_link_samples.
[[nodiscard]] std::vector<LinkSample> read_collectives(const std::string& path);

}  // namespace moesim
