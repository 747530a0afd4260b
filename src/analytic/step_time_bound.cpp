#include "moesim/analytic/step_time_bound.hpp"

#include <algorithm>
#include <array>
#include <variant>
#include <vector>

#include "moesim/analytic/op_cost.hpp"
#include "moesim/graph/build.hpp"

#include "analytic/pipeline.hpp"
#include "analytic/schedule.hpp"

namespace moesim {
namespace {

/// Schedules that leave the kernels as they are.
constexpr std::array kSchedules = {PipelineSchedule::one_f_one_b, PipelineSchedule::zero_bubble_h1,
                                   PipelineSchedule::zero_bubble_h2, PipelineSchedule::dual_pipe};

struct PassBound {
  Seconds time;
  Seconds compute;
  Seconds weight_gradient;
};

/// Stages of the same parts run the same kernels.
bool same_parts(const Stage& a, const Stage& b) {
  return std::ranges::equal(a.forward, b.forward, [](const Phase& one, const Phase& other) {
    return one.name == other.name && one.repeat == other.repeat;
  });
}

class Bounds {
 public:
  Bounds(const Scenario& scenario, const OpGraph& graph)
      : scenario_(scenario), graph_(graph), costs_(scenario, graph) {}

  Seconds graph_bound() {
    struct StageBound {
      PassBound forward, backward;
      [[nodiscard]] Seconds both() const { return forward.time + backward.time; }
    };
    std::vector<StageBound> stages;
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      const Stage& stage = graph_.stages[i];
      // The last backward pass has its reductions more than the others.
      stages.push_back(i > 0 && same_parts(stage, graph_.stages[i - 1])
                           ? stages.back()
                           : StageBound{pass(stage.forward), pass(stage.backward)});
    }
    Seconds all;
    for (const StageBound& stage : stages) all += stage.both();
    Seconds longest;
    for (const StageBound& stage : stages) {
      const Seconds others = all - stage.both();
      longest =
          std::max(longest, graph_.micro_batches * stage.both() + least_bubble(stage.forward, stage.backward) * others);
    }
    return longest;
  }

 private:
  /// No communication but that of the tensor-parallel group is known to be on the path: others depend on choices that
  /// share a bound, or hide.
  Seconds least_time(const Op& op) {
    if (const auto* kernel = std::get_if<KernelWork>(&op.work)) {
      // Which rank's experts are the busiest is not known before the routing is drawn.
      if (works_on_routed_rows(*kernel) && !graph_.routing.balanced()) return {};
      return kernel_cost(*scenario_.kernels, *kernel, graph_.routing, 0).estimate.time;
    }
    return op.stream == Stream::tensor_communication ? costs_.cost(op, 0).estimate.time : Seconds{};
  }

  PassBound pass(const std::vector<Phase>& phases) {
    PassBound bound;
    std::vector<Seconds> times;
    for (const Phase& phase : phases) {
      times.clear();
      double launches = 0;
      for (const Op& op : phase.ops) {
        times.push_back(least_time(op));
        const auto* kernel = std::get_if<KernelWork>(&op.work);
        launches += kernel != nullptr ? kernel->launches : 1;
        if (op.stream == Stream::compute) bound.compute += phase.repeat * times.back();
        if (op.weight_gradient) bound.weight_gradient += phase.repeat * times.back();
      }
      const Seconds scheduled = schedule(phase, times, false).makespan;
      bound.time += phase.repeat * std::max(scheduled, launches * scenario_.framework.kernel_launch);
    }
    return bound;
  }

  /// What fills and drains the pipeline under the schedule that wastes least. (A larger time of the passes never makes
  /// the bubble smaller.)
  double least_bubble(const PassBound& forward, const PassBound& backward) const {
    if (scenario_.parallelism.pp <= 1 || scenario_.parallelism.virtual_stages > 1) return 0;
    const StageTime stage{.forward = forward.time,
                          .backward = backward.time,
                          .weight_gradient = backward.weight_gradient,
                          .compute = forward.compute + backward.compute,
                          .communication = {}};
    double least = 1;
    for (const PipelineSchedule schedule : kSchedules) {
      Parallelism parallelism = scenario_.parallelism;
      parallelism.schedule = schedule;
      least = std::min(least, bubble_share(parallelism, stage));
    }
    return least;
  }

  const Scenario& scenario_;
  const OpGraph& graph_;
  OpCosts costs_;
};

Seconds bound_of(const Scenario& scenario, const OpGraph& graph) { return Bounds(scenario, graph).graph_bound(); }

}  // namespace

Seconds step_time_bound(const Scenario& scenario) {
  const Seconds first = bound_of(scenario, build_graph(scenario));
  const auto* inference = std::get_if<InferenceWorkload>(&scenario.workload);
  if (inference == nullptr || inference->generated_tokens < 2) return first;
  const double steps = inference->generated_tokens - 1;
  const double context = inference->prompt_tokens + 0.5 * (steps + 1);  // as predict: the mean, everything is affine
  return first + steps * bound_of(scenario, build_decode_graph(scenario, context));
}

}  // namespace moesim
