#include "moesim/sim/simulate.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "sim/simulation.hpp"

namespace moesim {
namespace {

/// A simulation that has run, with what is needed to read its accounts.
struct Execution {
  Program program;
  std::unique_ptr<Routings> routings;
  std::unique_ptr<ProgramCosts> costs;
  TaskTimes times;
  double exposed_sends = 0;
  bool overlapped = false;
  Timeline timeline;
};

bool all_ranks_alike(const OpGraph& graph, const SimulationOptions& options) {
  return options.fold && graph.routing.balanced() &&
         std::ranges::all_of(options.rank_slowdown, [&](double one) { return one == options.rank_slowdown.front(); });
}

void add_notes(Timeline& timeline, const Scenario& scenario, const Execution& of, bool folded) {
  const int ranks = scenario.parallelism.world_size();
  if (folded && timeline.ranks.size() < static_cast<std::size_t>(ranks)) {
    timeline.notes.push_back(
        fmt::format("{} ranks were simulated as {} (all ranks of a stage do the same at the same time; exact: checked "
                    "that their groups end together)",
                    ranks, timeline.ranks.size()));
  }
  if (timeline.flows_folded + timeline.flows_reused > 0) {
    timeline.notes.push_back(fmt::format(
        "{} flows were simulated, {} folded (equal sizes in one collective: they end with the busiest link) and {} "
        "used again (the same collective, or its mirror image, alone on the network); exact",
        timeline.flows_simulated, timeline.flows_folded, timeline.flows_reused));
  }
  const Routings& routings = *of.routings;
  if (routings.wanted() > routings.size()) {
    timeline.notes.push_back(
        fmt::format("{} different routings were drawn, used in turn for {} layers and micro-batches", routings.size(),
                    routings.wanted()));
  }
}

/// What kernels and collectives that ran at the same time cost each other.
void add_overlap_note(Timeline& timeline, const Scenario& scenario, const Execution& of,
                      const SimulationOptions& options) {
  if (!of.overlapped || (options.compute_slowdown && options.communication_slowdown)) return;
  const FittedLaw* law = of.costs->overlap().law();
  timeline.notes.push_back(
      law == nullptr
          ? fmt::format("kernels and collectives that overlap do not slow each other: {} has no law overlap.bf16",
                        scenario.kernels->device().name)
          : fmt::format("matrix products of 16-bit numbers beside a collective are slowed by the law {}, collectives "
                        "within a machine beside kernels {:.2f} times; other kernels and the network are not (not "
                        "measured)",
                        law->name, law->coefficient("communication_slowdown")));
}

/// What must hold of any execution.
void check(const Timeline& timeline, const Topology& topology) {
  for (const RankTime& rank : timeline.ranks) {
    Seconds sum = rank.computing;
    for (const Seconds idle : rank.idle) sum += idle;
    MOESIM_ENSURES(sum.value >= timeline.makespan.value * (1 - 1e-9) &&
                   sum.value <= timeline.makespan.value * (1 + 1e-9));
  }
  for (std::size_t link = 0; link < timeline.link_bytes.size(); ++link) {
    const Seconds needed = Bytes{timeline.link_bytes[link]} / topology.links()[link].capacity;
    MOESIM_ENSURES(needed.value <= timeline.makespan.value * (1 + 1e-9));
  }
}

Execution execute(const Scenario& scenario, const OpGraph& graph, const SimulationOptions& options) {
  MOESIM_EXPECTS(options.rank_slowdown.empty() ||
                 options.rank_slowdown.size() == static_cast<std::size_t>(scenario.parallelism.world_size()));
  Execution result;
  result.program = compile(scenario, graph);
  result.routings = std::make_unique<Routings>(scenario, graph, options);
  result.costs = std::make_unique<ProgramCosts>(scenario, graph, result.program, *result.routings, options);
  const auto run = [&](bool folded) {
    Simulation simulation(scenario, graph, result.program, *result.routings, *result.costs, options, folded);
    simulation.run();
    result.times = simulation.task_times();
    result.exposed_sends = simulation.exposed_sends();
    result.overlapped = simulation.overlapped();
    result.timeline = simulation.take_timeline();
    add_notes(result.timeline, scenario, result, folded);
    add_overlap_note(result.timeline, scenario, result, options);
  };
  if (!all_ranks_alike(graph, options)) {
    run(false);
  } else {
    try {
      run(true);
    } catch (const NotSymmetric&) {
      run(false);
    }
  }
  check(result.timeline, *scenario.cluster.topology);
  return result;
}

/// Reads the accounts of an execution as the closed form reports its own: the mean rank's time by kind of work, with
/// the errors of the laws behind it. Standing still for peers or stages has the mean relative error of the rest.
class Reading {
 public:
  Reading(const Scenario& scenario, const OpGraph& graph, const Execution& of)
      : graph_(graph), of_(of), ranks_(scenario.parallelism.world_size()) {}

  GraphTime run() {
    for (std::uint32_t phase = 0; phase < of_.program.phases.size(); ++phase) read_phase(phase);
    const RankTime mean = mean_rank_time(of_.timeline);
    const auto idle = [&mean](IdleCause cause) { return mean.idle[static_cast<std::size_t>(cause)]; };
    if (of_.exposed_sends > 0) {
      add(WorkKind::pipeline, of_.costs->send_cost(), of_.exposed_sends, true);
    }
    const Seconds waiting = idle(IdleCause::pipeline) + idle(IdleCause::finished);
    time_.by_kind[static_cast<std::size_t>(WorkKind::pipeline)] += waiting;
    unlawful_ += waiting;
    const Seconds host = idle(IdleCause::host);
    time_.by_kind[static_cast<std::size_t>(WorkKind::launch)] += host;
    worked_.add("launch", {.time = host, .spread = 0});
    if (const FittedLaw* law = of_.costs->overlap().law(); law != nullptr && of_.overlapped) time_.laws.insert(law);
    const Seconds lawful = worked_.total().time;
    if (lawful.value > 0) time_.errors.add(worked_, (lawful + unlawful_) / lawful);
    time_.total = of_.timeline.makespan;
    time_.link_bytes = of_.timeline.link_bytes;
    return std::move(time_);
  }

 private:
  void read_phase(std::uint32_t phase) {
    const CompiledPhase& compiled = of_.program.phases[phase];
    for (std::uint32_t task = 0; task < compiled.tasks.size(); ++task) {
      const Task& one = compiled.tasks[task];
      const std::size_t number = compiled.first_task + task;
      const Op& first = compiled.phase->ops[one.first_op];
      if (one.stream != Stream::compute) {
        add(first.kind, of_.costs->cost(phase, one.first_op), of_.times.exposed[number], true);
        const Seconds peers{of_.times.peers[number] / ranks_};
        time_.by_kind[static_cast<std::size_t>(first.kind)] += peers;
        unlawful_ += peers;
        continue;
      }
      const double whole = mean_time(phase, one.first_op, one.end_op);
      for (std::uint32_t op = one.first_op; op < one.end_op; ++op) {
        const double share = whole > 0 ? mean_time(phase, op, op + 1) / whole : 0;
        add(compiled.phase->ops[op].kind, of_.costs->cost(phase, op), share * of_.times.busy[number], false);
      }
    }
  }

  /// Of the operators [first, end), over the ranks of an expert-parallel group.
  [[nodiscard]] double mean_time(std::uint32_t phase, std::uint32_t first, std::uint32_t end) const {
    const int ranks = graph_.routing.balanced() ? 1 : graph_.routing.ranks();
    double sum = 0;
    for (std::uint32_t op = first; op < end; ++op) {
      for (int rank = 0; rank < ranks; ++rank) {
        sum += of_.costs->op_time(phase, op, 0, static_cast<std::uint32_t>(rank)).value;
      }
    }
    return sum / ranks;
  }

  void add(WorkKind kind, const OpCost& cost, double rank_seconds, bool communication) {
    const Seconds mean{rank_seconds / ranks_};
    time_.by_kind[static_cast<std::size_t>(kind)] += mean;
    if (communication) time_.communication += mean;
    worked_.add(cost.law, {.time = mean, .spread = cost.estimate.spread});
    if (cost.fitted != nullptr) {
      time_.laws.insert(cost.fitted);
    } else if (cost.estimate.spread > 0) {
      time_.unfitted.insert(cost.law);
    }
    if (cost.extrapolated) time_.extrapolated.insert(cost.law);
  }

  const OpGraph& graph_;
  const Execution& of_;
  double ranks_;
  GraphTime time_;
  EstimateSum worked_;  ///< time that a law stands behind
  Seconds unlawful_;    ///< time spent waiting for others
};

}  // namespace

Timeline simulate(const Scenario& scenario, const OpGraph& graph, const SimulationOptions& options) {
  return execute(scenario, graph, options).timeline;
}

Prediction predict_by_flows(const Scenario& scenario, const SimulationOptions& options,
                            std::vector<Timeline>* timelines) {
  return predict(scenario, [&](const Scenario& of, const OpGraph& graph) {
    Execution execution = execute(of, graph, options);
    GraphTime time = Reading(of, graph, execution).run();
    if (timelines != nullptr) timelines->push_back(std::move(execution.timeline));
    return time;
  });
}

}  // namespace moesim
