#pragma once

#include <optional>

#include "moesim/base/units.hpp"
#include "moesim/cost/calibration.hpp"

namespace moesim {

/// What a kernel and a collective cost each other while both run on one device: the law `overlap.bf16` of its
/// calibration (fitted by `calibrate` to kernels beside NCCL's collectives, docs/theory_kernels.md). A product of
/// 16-bit numbers that takes t alone takes t (1 + (doubling / t)^power) while data moves: its tiles need another wave,
/// which costs a long product less. Outside the measured t the nearest measured one counts.
struct KernelOverlap {
  const FittedLaw* law = nullptr;
  double doubling = 0;  ///< [s]
  double power = 1;
  double attention = 1;      ///< how many times as long a kernel of attention takes; 1: not measured
  double memory = 1;         ///< ... one that moves bytes
  double communication = 1;  ///< how many times as long a collective inside one machine takes
  /// A collective that is launched while a kernel runs gets its multiprocessors when the blocks of the kernel have all
  /// begun: after this share of the time of a kernel, in the mean. 0: not measured.
  double wait = 0;

  /// @param alone time of one product, undisturbed
  [[nodiscard]] double product_slowdown(Seconds alone) const;
};

/// Empty: not measured on this device.
/// @throws InputError when the law lacks a coefficient or has one out of range
[[nodiscard]] std::optional<KernelOverlap> kernel_overlap(const Calibration& calibration);

}  // namespace moesim
