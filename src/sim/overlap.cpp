#include "sim/overlap.hpp"

#include "moesim/analytic/op_cost.hpp"
#include "moesim/base/diagnostic.hpp"

namespace moesim {

OverlapLaw::OverlapLaw(const Scenario& scenario, const SimulationOptions& options)
    : compute_(options.compute_slowdown), communication_(options.communication_slowdown) {
  MOESIM_EXPECTS(compute_.value_or(1) >= 1 && communication_.value_or(1) >= 1);
  if (compute_ && communication_) return;
  measured_ = kernel_overlap(scenario.kernels->calibration());
}

double OverlapLaw::compute_slowdown(const KernelWork& work, Seconds time) const {
  if (compute_) return *compute_;
  return measured_ ? slowdown_beside_collective(*measured_, work, time) : 1;
}

double OverlapLaw::communication_slowdown(bool within_machine) const {
  if (communication_) return *communication_;
  return within_machine && measured_ ? measured_->communication : 1;
}

Seconds OverlapLaw::wait(Seconds kernel) const { return measured_ ? measured_->wait * kernel : Seconds{}; }

}  // namespace moesim
