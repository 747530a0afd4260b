#pragma once

#include <optional>

#include "moesim/cost/calibration.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"
#include "moesim/sim/simulate.hpp"

namespace moesim {

/// What kernels and collectives of one rank cost each other while both run. Measured where the device's calibration has
/// `overlap.bf16` (a matrix product of 16-bit numbers beside a kernel that holds as many multiprocessors as NCCL has
/// channels; `scripts/fit_overlap.py`); factors of the options override it; else 1.
///
/// A product that takes t alone takes t (1 + (doubling_s / t)^power) beside a collective: its tiles need another wave,
/// which costs a long product less. Outside the measured t the nearest measured one counts. Other kernels are not
/// measured and not slowed. The collective takes `communication_slowdown` times as long if it stays in one machine;
/// from machine to machine the network, not the channels, sets its pace (the copies measured moved more than any NIC).
class OverlapLaw {
 public:
  /// @throws InputError when the law lacks a coefficient or has one out of range
  OverlapLaw(const Scenario& scenario, const SimulationOptions& options);

  /// @param time of all launches of the operator, undisturbed
  [[nodiscard]] double compute_slowdown(const KernelWork& work, Seconds time) const;
  [[nodiscard]] double communication_slowdown(bool within_machine) const;
  /// Null when factors are given for both, or there is none.
  [[nodiscard]] const FittedLaw* law() const { return law_; }

 private:
  const FittedLaw* law_ = nullptr;
  std::optional<double> compute_;
  std::optional<double> communication_;
  double doubling_ = 0;  ///< [s]
  double power_ = 1;
  double measured_communication_ = 1;
};

}  // namespace moesim
