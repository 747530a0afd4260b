// Schedules of pipeline stages, executed: their bubbles against the closed form, what they hold.

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "moesim/graph/build.hpp"
#include "moesim/sim/simulate.hpp"

#include "analytic/evaluate.hpp"
#include "graph/example_scenario.hpp"
#include "sim/pipeline_order.hpp"
#include "sim/split_backward.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_gpt;
using testing::small_moe;

struct Pipeline {
  Scenario scenario;
  OpGraph graph;
};

/// Equal stages of eight layers in all (no embedding, no logits), sends that cost nothing, no optimizer.
Pipeline equal_stages(PipelineSchedule schedule, int stages, int micro_batches, int chunks = 1) {
  const int dp = 8 / stages;
  Scenario scenario = example_scenario(small_gpt(), 1, {.pp = stages, .dp = dp});
  scenario.model.layers = 8;
  std::get<TrainingWorkload>(scenario.workload).global_batch = 2 * dp * micro_batches;
  OpGraph graph = build_graph(scenario);
  scenario.parallelism.schedule = schedule;
  scenario.parallelism.virtual_stages = chunks;
  graph.stage_boundary = {0};
  graph.iteration_end.clear();
  graph.stages.front().forward.erase(graph.stages.front().forward.begin());
  graph.stages.front().backward.pop_back();
  graph.stages.front().last_backward.pop_back();
  graph.stages.back().forward.pop_back();
  graph.stages.back().backward.erase(graph.stages.back().backward.begin());
  graph.stages.back().last_backward.erase(graph.stages.back().last_backward.begin());
  return {scenario, graph};
}

/// Gradients of inputs take as long as the forward pass, those of weights too.
void make_passes_equal(OpGraph& graph) {
  for (Stage& stage : graph.stages) {
    for (std::size_t i = 0; i < stage.forward.size(); ++i) {
      Phase backward = stage.forward[stage.forward.size() - 1 - i];
      for (Op& op : backward.ops) op.after.clear();
      for (const Op& op : std::vector<Op>(backward.ops)) {
        backward.ops.push_back(op);
        backward.ops.back().weight_gradient = true;
      }
      stage.backward[i] = backward;
      stage.last_backward[i] = backward;
    }
  }
}

void expect_closed_form(const Pipeline& pipeline, const std::string& what) {
  const double closed = evaluate(pipeline.scenario, pipeline.graph).total.value;
  for (const bool fold : {true, false}) {
    const Timeline timeline = simulate(pipeline.scenario, pipeline.graph, {.fold = fold});
    EXPECT_NEAR(timeline.makespan.value / closed, 1, 1e-9) << what << (fold ? ", folded" : ", rank by rank");
  }
}

// Equal stages without communication take what the closed form says, (m + (p - 1) / v)(F + B) or with split backward
// passes less; zero bubble H2 from 2 p micro-batches on.
TEST(Pipeline, EqualStages_HaveTheClosedFormsBubble) {
  struct Case {
    PipelineSchedule schedule;
    int stages, micro_batches, chunks;
  };
  const std::vector<Case> cases = {
      {PipelineSchedule::gpipe, 4, 5, 1},           {PipelineSchedule::one_f_one_b, 2, 4, 1},
      {PipelineSchedule::one_f_one_b, 8, 12, 1},    {PipelineSchedule::one_f_one_b, 2, 2, 2},
      {PipelineSchedule::one_f_one_b, 2, 6, 2},     {PipelineSchedule::one_f_one_b, 2, 4, 4},
      {PipelineSchedule::one_f_one_b, 4, 4, 2},     {PipelineSchedule::one_f_one_b, 4, 12, 2},
      {PipelineSchedule::zero_bubble_h1, 2, 2, 1},  {PipelineSchedule::zero_bubble_h1, 4, 4, 1},
      {PipelineSchedule::zero_bubble_h1, 4, 11, 1}, {PipelineSchedule::zero_bubble_h1, 8, 16, 1},
      {PipelineSchedule::zero_bubble_h2, 2, 4, 1},  {PipelineSchedule::zero_bubble_h2, 4, 8, 1},
      {PipelineSchedule::zero_bubble_h2, 4, 15, 1}, {PipelineSchedule::zero_bubble_h2, 8, 16, 1}};
  for (const Case& of : cases) {
    expect_closed_form(equal_stages(of.schedule, of.stages, of.micro_batches, of.chunks),
                       std::string(kPipelineSchedules.at(static_cast<std::size_t>(of.schedule)).name) + ", " +
                           std::to_string(of.stages) + " stages, " + std::to_string(of.chunks) + " chunks, " +
                           std::to_string(of.micro_batches) + " micro-batches");
  }
}

// DualPipe's published bubble, (p / 2 - 1)(FB + B - 3 W), is that of its order when the gradients of inputs take as
// long as the forward pass; when they take longer, the order leaves less.
TEST(Pipeline, DualPipe_HasThePublishedBubbleOrLess) {
  for (const auto& [stages, micro_batches] :
       std::vector<std::pair<int, int>>{{2, 4}, {2, 2}, {4, 8}, {4, 14}, {8, 16}}) {
    Pipeline pipeline = equal_stages(PipelineSchedule::dual_pipe, stages, micro_batches);
    const double closed = evaluate(pipeline.scenario, pipeline.graph).total.value;
    const double executed = simulate(pipeline.scenario, pipeline.graph).makespan.value;
    EXPECT_LE(executed, closed * (1 + 1e-9));
    make_passes_equal(pipeline.graph);
    expect_closed_form(pipeline, std::to_string(stages) + " stages");
  }
}

/// Passes by micro-batch: how often each was run.
using Counts = std::map<std::tuple<Pass, int, bool>, int>;

// Every micro-batch passes every rank once; the ranks never hold more than the closed form's memory plan says, and the
// fullest one holds just that.
TEST(Pipeline, Orders_AreCompleteAndKeepTheirMemoryLimits) {
  const auto held = [](PipelineSchedule schedule, int pp, int micro_batches) {
    int most = 0;
    for (int rank = 0; rank < pp; ++rank) {
      int now = 0;
      Counts counts;
      std::set<std::tuple<int, bool>> begun;
      for (const PassSlot& slot : pipeline_order({.pp = pp, .schedule = schedule}, rank, micro_batches, true)) {
        ++counts[{slot.pass, slot.micro_batch, slot.from_last}];
        if (slot.pass == Pass::forward) {
          most = std::max(most, ++now);
          begun.insert({slot.micro_batch, slot.from_last});
        } else {
          EXPECT_TRUE(begun.contains({slot.micro_batch, slot.from_last}));
        }
        if (slot.pass == Pass::weight_gradient) {
          const int inputs = counts[{Pass::input_gradient, slot.micro_batch, slot.from_last}];
          EXPECT_EQ(inputs, 1);
        }
        if (slot.pass == Pass::backward || slot.pass == Pass::weight_gradient) --now;
      }
      EXPECT_EQ(now, 0);
      EXPECT_EQ(begun.size(), static_cast<std::size_t>(micro_batches));
      for (const auto& [pass, times] : counts) EXPECT_EQ(times, 1);
    }
    return most;
  };
  for (const int pp : {2, 4, 8}) {
    for (const int micro_batches : {2 * pp, 2 * pp + 2, 6 * pp}) {
      EXPECT_EQ(held(PipelineSchedule::gpipe, pp, micro_batches), micro_batches);
      EXPECT_EQ(held(PipelineSchedule::one_f_one_b, pp, micro_batches), pp);
      EXPECT_EQ(held(PipelineSchedule::zero_bubble_h1, pp, micro_batches), pp);
      EXPECT_EQ(held(PipelineSchedule::zero_bubble_h2, pp, micro_batches), 2 * pp - 1);
      EXPECT_EQ(held(PipelineSchedule::dual_pipe, pp, micro_batches), pp + 1);
    }
  }
}

// Splitting loses and doubles nothing, and what waited for a weight gradient waits for the input's.
TEST(SplitBackward, PartsAddUp) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 2, {.ep = 8, .dp = 16});
  scenario.framework.gradient_reduction_overlap = true;
  for (const Stage& stage : build_graph(scenario).stages) {
    for (const Phase& phase : stage.last_backward) {
      const SplitBackward split = split_backward(phase);
      EXPECT_EQ(split.input.ops.size() + split.weight.ops.size(), phase.ops.size());
      for (const Op& op : split.input.ops) EXPECT_FALSE(op.weight_gradient);
      for (const Op& op : split.weight.ops) {
        EXPECT_TRUE(op.weight_gradient || op.kind == WorkKind::gradient_reduction);
      }
      for (const Phase* part : {&split.input, &split.weight}) {
        for (std::size_t i = 0; i < part->ops.size(); ++i) {
          for (const OpId before : part->ops[i].after) EXPECT_LT(before.index(), i);
        }
      }
    }
  }
}

// Where kernels take longer than communication, DualPipe hides a good part of it behind the other micro-batch.
TEST(Pipeline, DualPipe_HidesCommunication) {
  const auto step = [](PipelineSchedule schedule) {
    Scenario scenario =
        example_scenario(small_moe(MoeStructure::fine_grained), 4, {.pp = 4, .ep = 8, .dp = 8, .schedule = schedule});
    Device slow = scenario.kernels->device();
    slow.memory_bandwidth = {0.1e12};
    scenario.kernels = std::make_shared<const KernelModel>(slow, Calibration{});
    scenario.model.layers = 8;
    std::get<TrainingWorkload>(scenario.workload).global_batch = 2 * 8 * 16;
    return simulate(scenario, build_graph(scenario));
  };
  const Timeline plain = step(PipelineSchedule::one_f_one_b);
  const Timeline dual = step(PipelineSchedule::dual_pipe);
  const auto exposed = [](const Timeline& timeline) {
    return mean_rank_time(timeline).idle[static_cast<std::size_t>(IdleCause::communication)].value;
  };
  EXPECT_LT(exposed(dual), 0.7 * exposed(plain));
  EXPECT_LT(dual.makespan.value, plain.makespan.value);
  for (const RankTime& rank : dual.ranks) EXPECT_GE(dual.makespan.value, rank.computing.value);
}

// Skewed routing, gradient reductions beside the backward passes, every schedule: recorded spans of a stream follow
// each other, and the work done is the same.
TEST(Pipeline, AllSchedules_DoTheSameWork) {
  std::map<std::string_view, double> work;
  for (const NamedSchedule& named : kPipelineSchedules) {
    Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 2,
                                         {.pp = 2, .ep = 4, .dp = 8, .schedule = named.schedule});
    std::get<TrainingWorkload>(scenario.workload).global_batch = 2 * 8 * 4;
    scenario.routing.distribution = ZipfRouting{.exponent = 1.2, .shuffle = true};
    scenario.framework.gradient_reduction_overlap = true;
    const Timeline timeline = simulate(scenario, build_graph(scenario), {.record = true});
    std::map<std::pair<std::uint32_t, Stream>, Seconds> last;
    for (const OpSpan& op : timeline.ops) {
      Seconds& end = last[{op.rank.value, op.stream}];
      EXPECT_GE(op.begin.value, end.value - 1e-12) << named.name;
      EXPECT_LE(op.end.value, timeline.end.value * (1 + 1e-12)) << named.name;
      end = op.end;
      if (op.stream == Stream::compute) work[named.name] += (op.end - op.begin).value;
    }
  }
  for (const auto& [name, seconds] : work) EXPECT_NEAR(seconds / work.at("1f1b"), 1, 1e-9) << name;
}

}  // namespace
}  // namespace moesim
