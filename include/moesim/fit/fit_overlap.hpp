#pragma once

#include <span>
#include <string>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

/// A matrix product beside a copy that holds some multiprocessors, as `moesim-bench overlap` measures it.
struct OverlapSample {
  std::string shape;        ///< of the product: samples of one shape are left out together
  double alone = 0;         ///< [s] of the product alone
  double product = 1;       ///< its time beside the copy : alone
  double copy = 1;          ///< the copy's time beside the product : alone
  int multiprocessors = 0;  ///< that the copy holds
};

/// Whether the table has the columns of `moesim-bench overlap`.
[[nodiscard]] bool is_overlap_table(const std::string& path);
/// @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<OverlapSample> read_overlap_samples(const std::string& path);

/// The law overlap.bf16, t being the time of the product alone:
///   product beside a collective   t (1 + (doubling_s / t)^power)    (an extra wave costs a long product less)
///   collective beside a product   communication_slowdown times as long
/// Least squares in the logarithm over the samples in which the copy holds 4 to 16 multiprocessors, as NCCL's channels
/// do; with more it is limited by the device's memory, which no collective is. Each shape left out in turn.
/// @throws InputError with fewer than three shapes
[[nodiscard]] KernelFit fit_overlap(std::span<const OverlapSample> samples, const Provenance& provenance);

}  // namespace moesim
