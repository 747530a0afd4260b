#pragma once

#include <optional>

#include "moesim/cost/overlap_law.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"
#include "moesim/sim/simulate.hpp"

namespace moesim {

/// What kernels and collectives of one rank cost each other while both run: as measured (KernelOverlap), unless the
/// options say otherwise; else 1. The collective takes `communication_slowdown` times as long if it stays in one
/// machine; from machine to machine the network, not the channels, sets its pace (what was measured moved more than any
/// NIC). Before it begins it waits for the kernel under way.
class OverlapLaw {
 public:
  /// @throws InputError when the law lacks a coefficient or has one out of range
  OverlapLaw(const Scenario& scenario, const SimulationOptions& options);

  /// @param time of all launches of the operator, undisturbed
  [[nodiscard]] double compute_slowdown(const KernelWork& work, Seconds time) const;
  [[nodiscard]] double communication_slowdown(bool within_machine) const;
  /// Time that a collective waits for its multiprocessors. @param kernel time of the kernel that it finds under way
  [[nodiscard]] Seconds wait(Seconds kernel) const;
  /// Null when factors are given for both, or there is none.
  [[nodiscard]] const FittedLaw* law() const { return measured_ ? measured_->law : nullptr; }

 private:
  std::optional<KernelOverlap> measured_;
  std::optional<double> compute_;
  std::optional<double> communication_;
};

}  // namespace moesim
