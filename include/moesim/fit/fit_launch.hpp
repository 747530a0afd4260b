#pragma once

#include <span>
#include <string>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

/// Small kernels of many kinds one after the other, as scripts/bench_torch.py measures them (kernel unlike_launch).
struct LaunchSample {
  double launches = 0;  ///< different ones, one after the other
  double seconds = 0;   ///< mean of one of them
  double alone = 0;     ///< [s] the same where each follows its like
};

/// Whether the table can have such samples.
[[nodiscard]] bool has_launch_samples(const std::string& path);
/// @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<LaunchSample> read_launch_samples(const std::string& path);

/// The law launch.unlike: gap_s, by which a kernel takes longer among as many others as a layer has (its code is no longer
/// at hand) than behind its like; the median difference of sequences of at least 32. Each sample left out in turn.
/// @throws InputError with fewer than eight such sequences
[[nodiscard]] KernelFit fit_launch(std::span<const LaunchSample> samples, const Provenance& provenance);

}  // namespace moesim
