#include "moesim/sim/run_collective.hpp"

#include <algorithm>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sim/flow_network.hpp"

#include "sim/link_tiers.hpp"

namespace moesim {
namespace {

/// Runs phases [first, last) of a plan together from `start` on.
class Step {
 public:
  Step(const CollectiveModel& model, const CollectivePlan& plan, double bytes)
      : model_(model), plan_(plan), bytes_(bytes), tiers_(model.topology()) {
    for (const CollectivePlan::Phase& phase : plan.phases) {
      paces_.push_back(phase_pace(phase.load, phase.law.coefficients, bytes));
      tiers_.declare(paces_.back().capacity_factor);
    }
    capacities_ = tiers_.capacities();
  }

  [[nodiscard]] Seconds startup(std::size_t phase) const {
    return model_.ideal() ? Seconds{} : Seconds{paces_[phase].startup};
  }

  /// Time of the last byte of a phase of equal transfers, counted from their common beginning.
  [[nodiscard]] Seconds drain(std::size_t phase) const {
    const CollectivePlan::Phase& of = plan_.phases[phase];
    return {bytes_ * drain_per_byte(of.load, of.law.coefficients)};
  }

  [[nodiscard]] bool equal_transfers(std::size_t phase) const {
    const std::vector<Transfer>& transfers = plan_.phases[phase].transfers;
    const double bytes = transfers.front().bytes;
    if (std::ranges::any_of(transfers, [bytes](const Transfer& one) { return one.bytes != bytes; })) return false;
    if (!model_.ideal() || plan_.phases[phase].load.latency == 0) return true;
    const Seconds latency = model_.paths().path(transfers.front().from, transfers.front().to).latency;
    return std::ranges::all_of(
        transfers, [&](const Transfer& one) { return model_.paths().path(one.from, one.to).latency == latency; });
  }

  /// Simulates phases [first, last) from `start` on. @return when the last byte arrives
  Seconds simulate(std::size_t first, std::size_t last, Seconds start, std::vector<FlowSpan>* spans) {
    FlowSet flows;
    std::vector<LinkId> route;
    for (std::size_t phase = first; phase < last; ++phase) {
      const double steps = plan_.phases[phase].load.steps;
      for (const Transfer& transfer : plan_.phases[phase].transfers) {
        const Path path = model_.paths().path(transfer.from, transfer.to);
        tiers_.route(path, paces_[phase].capacity_factor, route);
        flows.routes.add(route);
        flows.begin.push_back(start + (model_.ideal() ? steps * path.latency : Seconds{}));
        flows.bytes.push_back({bytes_ * transfer.bytes * paces_[phase].inflation});
      }
    }
    const std::vector<Seconds> begin = spans != nullptr ? flows.begin : std::vector<Seconds>{};
    const FlowTimes times = run_flows(capacities_, std::move(flows));
    if (spans != nullptr) {
      std::size_t flow = 0;
      for (std::size_t phase = first; phase < last; ++phase) {
        for (const Transfer& transfer : plan_.phases[phase].transfers) {
          spans->push_back({.from = transfer.from,
                            .to = transfer.to,
                            .bytes = {bytes_ * transfer.bytes},
                            .begin = begin[flow],
                            .end = times.end[flow]});
          ++flow;
        }
      }
    }
    return std::max(start, times.makespan);
  }

 private:
  const CollectiveModel& model_;
  const CollectivePlan& plan_;
  double bytes_;
  LinkTiers tiers_;
  std::vector<BytesPerSecond> capacities_;
  std::vector<PhasePace> paces_;
};

}  // namespace

CollectiveRun run_collective(const CollectiveModel& model, const CollectivePlan& plan, Bytes bytes_per_rank,
                             FlowDetail detail) {
  CollectiveRun run;
  if (plan.phases.empty()) return run;
  Step step(model, plan, bytes_per_rank.value);
  std::vector<FlowSpan>* spans = detail == FlowDetail::spans ? &run.flows : nullptr;
  for (const CollectivePlan::Phase& phase : plan.phases) {
    MOESIM_EXPECTS(!phase.transfers.empty());
    run.transfers += phase.transfers.size();
  }
  if (plan.overlapped) {
    for (std::size_t phase = 0; phase < plan.phases.size(); ++phase) run.time += step.startup(phase);
    run.time = step.simulate(0, plan.phases.size(), run.time, spans);
    return run;
  }
  for (std::size_t phase = 0; phase < plan.phases.size(); ++phase) {
    run.time += step.startup(phase);
    if (spans == nullptr && step.equal_transfers(phase)) {
      const Transfer& one = plan.phases[phase].transfers.front();
      if (model.ideal()) run.time += plan.phases[phase].load.steps * model.paths().path(one.from, one.to).latency;
      run.time += step.drain(phase);
      run.folded += plan.phases[phase].transfers.size();
    } else {
      run.time = step.simulate(phase, phase + 1, run.time, spans);
    }
  }
  return run;
}

CollectiveEstimate estimate_by_flows(const CollectiveModel& model, const CollectivePlan& plan, Bytes bytes_per_rank,
                                     CollectiveRun& run) {
  run = run_collective(model, plan, bytes_per_rank);
  CollectiveEstimate estimate = model.estimate(plan, bytes_per_rank);
  estimate.estimate.time = run.time;
  MOESIM_ENSURES(run.time.value >= estimate.bound.value * (1 - 1e-9));
  return estimate;
}

}  // namespace moesim
