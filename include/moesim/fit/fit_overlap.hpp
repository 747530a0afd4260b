#pragma once

#include <span>
#include <string>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

enum class OverlapKernel { product, attention, memory };

/// A kernel beside a collective (scripts/overlap_collectives.py), or a product beside a copy that holds some
/// multiprocessors (moesim-bench overlap). Both went on for longer than what was timed.
struct OverlapSample {
  OverlapKernel kernel = OverlapKernel::product;
  std::string shape;            ///< samples of one kernel's shape are left out together
  double alone = 0;             ///< [s] of the kernel alone
  double beside = 1;            ///< its time beside the other : alone
  double collective_alone = 0;  ///< [s]; 0: a copy without an end
  double other = 1;             ///< time of the collective, or of the copy, beside the kernel : alone
  int multiprocessors = 0;      ///< that the copy holds
};

/// Whether the table has the columns of one of the two.
[[nodiscard]] bool is_overlap_table(const std::string& path);
/// @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<OverlapSample> read_overlap_samples(const std::string& path);

/// The law overlap.bf16. A kernel takes t alone, a collective T; side by side, over and over,
///   collective:  s T + w t
///     it waits for the blocks of a kernel under way (kernel_wait w), then shares multiprocessors and memory with the
///     next (communication_slowdown s)
///   product:     t (1 + (doubling_s / t)^power m),  m = s T / (s T + w t)
///     m is the part of the time in which data moves
///   others:      t (1 + (slowdown - 1) m)
///     attention_slowdown, memory_slowdown, where measured
/// s and w are those of products, which steps are made of; kernels that stream through memory cost a collective more.
/// Robust least squares in the logarithm, each shape left out in turn. Where no collective was measured, copies on 4 to
/// 16 multiprocessors, as NCCL's channels hold, stand for it (w = 0, m = 1); with more a copy is limited by the
/// device's memory, which no collective is.
/// @throws InputError with fewer than three shapes of products
[[nodiscard]] KernelFit fit_overlap(std::span<const OverlapSample> samples, const Provenance& provenance);

}  // namespace moesim
