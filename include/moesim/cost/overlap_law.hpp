#pragma once

#include <optional>

#include "moesim/base/units.hpp"
#include "moesim/cost/calibration.hpp"

namespace moesim {

/// What a matrix product of 16-bit numbers and a collective cost each other while both run on one device: the law
/// `overlap.bf16` of its calibration (a product beside a kernel that holds as many multiprocessors as NCCL has
/// channels; fitted by `calibrate`). A product that takes t alone takes t (1 + (doubling / t)^power): its tiles need
/// another wave, which costs a long product less. Outside the measured t the nearest measured one counts.
struct ProductOverlap {
  const FittedLaw* law = nullptr;
  double doubling = 0;  ///< [s]
  double power = 1;
  double communication = 1;  ///< how many times as long a collective inside one machine takes

  /// @param alone time of one product, undisturbed
  [[nodiscard]] double product_slowdown(Seconds alone) const;
};

/// Empty: not measured on this device.
/// @throws InputError when the law lacks a coefficient or has one out of range
[[nodiscard]] std::optional<ProductOverlap> product_overlap(const Calibration& calibration);

}  // namespace moesim
