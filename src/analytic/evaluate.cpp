#include "analytic/evaluate.hpp"

#include <algorithm>

#include "moesim/analytic/op_cost.hpp"

#include "analytic/pipeline.hpp"
#include "analytic/schedule.hpp"

namespace moesim {
namespace {

/// Time that one law contributes to the critical path, for one kind of work.
struct Contribution {
  WorkKind kind;
  std::string_view law;
  Estimate estimate;
  double count;
  bool communication;
  bool product = false;  ///< that the multiprocessors bound

  [[nodiscard]] bool is_communication() const { return communication; }
  [[nodiscard]] bool exchange() const {
    return communication && (kind == WorkKind::dispatch || kind == WorkKind::combine);
  }
};

/// One pass (forward or backward) of one stage over one micro-batch.
struct Pass {
  std::vector<Contribution> contributions;
  Seconds time;
  Seconds compute;          ///< sum over the operators of the compute stream
  Seconds communication;    ///< ... and of the others, background reduction excepted
  Seconds exchange;         ///< part of `communication`: all-to-alls
  Seconds compute_beside;   ///< as `compute`, all of it beside a collective
  Seconds weight_gradient;  ///< part of `compute`
  Seconds reduction_left;   ///< background reduction still under way when the pass ends
  double reduction_spread = 0;
  std::string_view reduction_law;

  /// Part of `time` in which only communication goes on.
  [[nodiscard]] Seconds exposed() const { return sum_of(&Contribution::is_communication); }
  [[nodiscard]] Seconds exposed_exchange() const { return sum_of(&Contribution::exchange); }

 private:
  [[nodiscard]] Seconds sum_of(bool (Contribution::*counts)() const) const {
    Seconds sum;
    for (const Contribution& one : contributions) {
      if ((one.*counts)()) sum += one.count * one.estimate.time;
    }
    return sum;
  }
};

/// Shares of what is exposed in a pass alone that are not hidden behind another micro-batch.
struct Exposed {
  double communication = 1;
  double exchange = 1;  ///< all-to-alls, besides
};

class Evaluator {
 public:
  Evaluator(const Scenario& scenario, const OpGraph& graph)
      : scenario_(scenario),
        graph_(graph),
        costs_(scenario, graph),
        overlap_(kernel_overlap(scenario.kernels->calibration())) {}

  GraphTime run() {
    struct StageTimes {
      Pass forward, backward, last_backward;
      [[nodiscard]] Seconds micro_batch() const { return forward.time + backward.time; }
    };
    const double rest = graph_.micro_batches - 1;  // micro-batches before the last
    std::vector<StageTimes> stages;
    // A plan holds the groups of all stages; one stage's operator puts its share of the bytes on the links.
    const double share = 1.0 / static_cast<double>(graph_.stages.size());
    for (const Stage& stage : graph_.stages) {
      stages.push_back({pass(stage.forward, (1 + rest) * share, false), pass(stage.backward, rest * share, false),
                        pass(stage.last_backward, share, true)});
    }
    const auto slowest = std::max_element(stages.begin(), stages.end(), [](const StageTimes& a, const StageTimes& b) {
      return a.micro_batch() < b.micro_batch();
    });

    // The slowest stage works without a gap; before its first and after its last micro-batch it waits for the others.
    const Pass& forward = slowest->forward;
    const Pass& backward = slowest->last_backward;
    const StageTime stage{.forward = forward.time,
                          .backward = backward.time,
                          .weight_gradient = backward.weight_gradient,
                          .compute = forward.compute + backward.compute,
                          .communication = forward.communication + backward.communication};
    const Seconds beside = forward.compute_beside + backward.compute_beside;
    Exposed exposed;
    exposed.communication = exposed_share(scenario_.parallelism, stage, forward.exposed() + backward.exposed());
    if (scenario_.framework.expert_parallel_overlap && scenario_.mode() == Mode::training) {
      exposed.exchange =
          exposed_exchange_share(scenario_.parallelism, graph_.micro_batches, forward.time + backward.time,
                                 {.all = forward.exchange + backward.exchange,
                                  .exposed = forward.exposed_exchange() + backward.exposed_exchange(),
                                  .slowdown = std::max(beside / stage.compute, 1.0)});
    }
    add(forward, 1 + rest, exposed);
    add(slowest->backward, rest, exposed);
    add(backward, 1, exposed);
    const double bubble = bubble_share(scenario_.parallelism, stage);
    for (auto other = stages.begin(); other != stages.end(); ++other) {
      if (other == slowest) continue;
      add(other->forward, bubble, WorkKind::pipeline);
      add(other->last_backward, bubble, WorkKind::pipeline);
    }
    add_sends(rest + 1);
    if (slowest->last_backward.reduction_left.value > 0) {
      add({.kind = WorkKind::gradient_reduction,
           .law = slowest->last_backward.reduction_law,
           .estimate = {.time = slowest->last_backward.reduction_left,
                        .spread = slowest->last_backward.reduction_spread},
           .count = 1,
           .communication = true},
          1);
    }
    add(pass(graph_.iteration_end, 1, false), 1, Exposed{});
    time_.link_bytes = costs_.link_bytes();
    add_full_link();
    return std::move(time_);
  }

 private:
  /// @param runs how often the pass runs in the step, for the loads of the links
  Pass pass(const std::vector<Phase>& phases, double runs, bool background_reduction) {
    Pass result;
    for (const Phase& phase : phases) {
      std::vector<OpCost> costs;
      std::vector<Seconds> times;
      costs.reserve(phase.ops.size());
      times.reserve(phase.ops.size());
      double launches = 0;
      for (const Op& op : phase.ops) {
        costs.push_back(costs_.cost(op, runs * phase.repeat));
        times.push_back(costs.back().estimate.time);
        note(costs.back());
        const auto* kernel = std::get_if<KernelWork>(&op.work);
        launches += kernel != nullptr ? kernel->launches : 1;
        if (background_reduction && op.stream == Stream::gradient_communication) {
          result.reduction_spread = costs.back().estimate.spread;
          result.reduction_law = costs.back().law;
        }
      }
      for (std::size_t i = 0; i < phase.ops.size(); ++i) {
        const Op& op = phase.ops[i];
        if (background_reduction && op.stream == Stream::gradient_communication) continue;
        (op.stream == Stream::compute ? result.compute : result.communication) += phase.repeat * times[i];
        if (const auto* kernel = std::get_if<KernelWork>(&op.work)) {
          const double slowdown = overlap_ ? slowdown_beside_collective(*overlap_, *kernel, times[i]) : 1;
          result.compute_beside += phase.repeat * slowdown * times[i];
        }
        if (op.stream == Stream::expert_communication) result.exchange += phase.repeat * times[i];
        if (op.weight_gradient) result.weight_gradient += phase.repeat * times[i];
      }
      const ScheduledPhase scheduled = schedule(phase, times, background_reduction);
      for (const std::size_t op : scheduled.critical) {
        result.contributions.push_back({.kind = phase.ops[op].kind,
                                        .law = costs[op].law,
                                        .estimate = costs[op].estimate,
                                        .count = phase.repeat,
                                        .communication = phase.ops[op].stream != Stream::compute,
                                        .product = costs[op].bound == Bound::compute});
      }
      // The host runs ahead of the device, or the device waits for the host: whichever is slower over the whole phase.
      Seconds phase_time = scheduled.makespan;
      const Seconds host = launches * scenario_.framework.kernel_launch;
      if (host > phase_time) {
        result.contributions.push_back({.kind = WorkKind::launch,
                                        .law = "launch",
                                        .estimate = {.time = host - phase_time, .spread = 0},
                                        .count = phase.repeat,
                                        .communication = false});
        phase_time = host;
      }
      result.time += phase.repeat * phase_time;
      // Collectives share the links: the reduction goes on while no other is under way.
      const Seconds quiet = std::max(Seconds{}, phase_time - scheduled.communication);
      result.reduction_left =
          std::max(Seconds{}, result.reduction_left + phase.repeat * (scheduled.background - quiet));
    }
    return result;
  }

  void note(const OpCost& cost) {
    if (cost.fitted != nullptr) {
      time_.laws.insert(cost.fitted);
    } else if (cost.estimate.spread > 0) {
      time_.unfitted.insert(cost.law);
    }
    if (cost.extrapolated) time_.extrapolated.insert(cost.law);
  }

  void add(const Contribution& contribution, double count) { add(contribution, count, contribution.kind); }

  void add(const Contribution& contribution, double count, WorkKind kind) {
    const Seconds time = count * contribution.count * contribution.estimate.time;
    time_.by_kind[static_cast<std::size_t>(kind)] += time;
    time_.total += time;
    if (contribution.communication) {
      time_.communication += time;
    } else if (kind != WorkKind::pipeline && kind != WorkKind::launch) {
      (contribution.product ? time_.products : time_.other_kernels) += time;
    }
    time_.errors.add(contribution.law, contribution.estimate, count * contribution.count);
  }

  void add(const Pass& pass, double count, const Exposed& exposed) {
    for (const Contribution& contribution : pass.contributions) {
      const double hidden_too = contribution.exchange() ? exposed.exchange : 1;
      add(contribution, contribution.communication ? count * exposed.communication * hidden_too : count);
    }
  }
  void add(const Pass& pass, double count, WorkKind kind) {
    for (const Contribution& contribution : pass.contributions) add(contribution, count, kind);
  }

  /// Activations forward and their gradients backward between stages: on the critical path once per micro-batch of the
  /// slowest stage and once per other stage in the fill and the drain. Interleaved stages send once per chunk, beside
  /// the work on another micro-batch (Megatron-LM, overlap_p2p_comm): only fill and drain show.
  void add_sends(double micro_batches) {
    const Parallelism& parallelism = scenario_.parallelism;
    const double pp = parallelism.pp;
    if (pp <= 1) return;
    const double chunks = parallelism.virtual_stages;
    const double directions = scenario_.mode() == Mode::training ? 2 : 1;
    const OpCost send = costs_.stage_send(graph_.stage_boundary, directions * micro_batches * chunks);
    note(send);
    const double exposed = chunks > 1 ? pp - 1 : micro_batches + pp - 2;
    add({.kind = WorkKind::pipeline, .law = send.law, .estimate = send.estimate, .count = 1, .communication = true},
        directions * exposed);
  }

  /// Collectives of different streams hide behind each other, and a schedule of streams does not see the links that
  /// they share. No link carries more than its capacity: the step lasts as long as its busiest one is busy, and what
  /// that adds is the hidden traffic's (weights and gradients of ZeRO, first of all).
  void add_full_link() {
    const std::optional<BusyLink> busiest = busiest_link(*scenario_.cluster.topology, time_.link_bytes);
    if (!busiest || busiest->busy <= time_.total) return;
    add({.kind = WorkKind::gradient_reduction,
         .law = "links",
         .estimate = {.time = busiest->busy - time_.total, .spread = 0},
         .count = 1,
         .communication = true},
        1);
  }

  const Scenario& scenario_;
  const OpGraph& graph_;
  OpCosts costs_;
  std::optional<KernelOverlap> overlap_;
  GraphTime time_;
};

}  // namespace

GraphTime evaluate(const Scenario& scenario, const OpGraph& graph) { return Evaluator(scenario, graph).run(); }

}  // namespace moesim
