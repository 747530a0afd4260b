#include "moesim/sim/simulate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/build.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_gpt;
using testing::small_moe;

Scenario moe_training(int hosts, Parallelism parallelism, int global_batch = 32) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), hosts, parallelism);
  std::get<TrainingWorkload>(scenario.workload).global_batch = global_batch;
  scenario.framework.kernel_launch = {3e-6};
  return scenario;
}

Scenario skewed(Scenario scenario, bool drawn) {
  scenario.routing.distribution = ZipfRouting{.exponent = 1.2, .shuffle = drawn};
  scenario.routing.sampling_noise = drawn;
  return scenario;
}

double idle(const Timeline& timeline, IdleCause cause) {
  return mean_rank_time(timeline).idle[static_cast<std::size_t>(cause)].value;
}

/// @param overlaps streams or stages run side by side: the engines book that time differently
void expect_same(const Prediction& flow, const Prediction& closed, bool overlaps) {
  EXPECT_NEAR(flow.step_time.time / closed.step_time.time, 1, 1e-9);
  if (overlaps) {
    EXPECT_LE(flow.exposed_communication.value, closed.exposed_communication.value * (1 + 1e-9));
  } else {
    EXPECT_NEAR(flow.exposed_communication / closed.exposed_communication, 1, 1e-9);
    EXPECT_NEAR(flow.all_to_all / closed.all_to_all, 1, 1e-9);
    EXPECT_NEAR(flow.step_time.spread, closed.step_time.spread, 1e-9);
  }
  ASSERT_TRUE(flow.busiest_link && closed.busiest_link);
  EXPECT_NEAR(flow.busiest_link->utilization, closed.busiest_link->utilization, 1e-9);
}

// Without contention and skew the engines agree, whether ranks are folded or simulated one by one.
TEST(Simulate, Balanced_EqualsTheClosedForm) {
  std::vector<Scenario> scenarios;
  scenarios.push_back(moe_training(2, {.ep = 16, .dp = 16}));
  scenarios.push_back(moe_training(2, {.ep = 16, .dp = 16}));
  scenarios.back().framework.pipelining_degree = 4;
  scenarios.push_back(moe_training(2, {.ep = 16, .dp = 16}));
  scenarios.back().framework.all_to_all = AllToAllAlgorithm::hierarchical_2d;
  scenarios.back().model.moe->shared_experts = 1;
  scenarios.back().model.moe->shared_expert_hidden = 256;
  scenarios.back().framework.shared_expert_overlap = true;
  scenarios.push_back(moe_training(2, {.ep = 8, .dp = 16, .zero = 1}));
  std::get<TrainingWorkload>(scenarios.back().workload).recompute = Recompute::full;
  scenarios.push_back(moe_training(2, {.tp = 2, .ep = 8, .dp = 8, .sequence_parallel = true}));
  scenarios.push_back(moe_training(4, {.pp = 2, .ep = 16, .dp = 16}));  // forward only: the stages follow each other
  scenarios.back().workload = InferenceWorkload{.batch = 32, .prompt_tokens = 64, .generated_tokens = 8};
  scenarios.push_back(moe_training(2, {.ep = 16, .dp = 16}));
  scenarios.back().workload = InferenceWorkload{.batch = 32, .prompt_tokens = 64, .generated_tokens = 8};
  for (const CollectiveAlgorithm algorithm : {CollectiveAlgorithm::tree, CollectiveAlgorithm::direct}) {
    scenarios.push_back(moe_training(2, {.tp = 2, .ep = 8, .dp = 8, .sequence_parallel = false}));
    scenarios.back().framework.tensor_collectives = algorithm;
    scenarios.back().framework.gradient_collectives = algorithm;
  }
  for (const Scenario& scenario : scenarios) {
    const Prediction closed = predict(scenario);
    std::vector<Timeline> folded;
    // The closed form books on the critical path, through both stages; the flow engine on the mean rank.
    const bool overlaps = scenario.parallelism.pp > 1 || scenario.framework.pipelining_degree > 1 ||
                          scenario.framework.shared_expert_overlap;
    expect_same(predict_by_flows(scenario, {}, &folded), closed, overlaps);
    EXPECT_EQ(folded.front().ranks.size(), static_cast<std::size_t>(scenario.parallelism.pp));
    std::vector<Timeline> one_by_one;
    expect_same(predict_by_flows(scenario, {.fold = false}, &one_by_one), closed, overlaps);
    EXPECT_EQ(one_by_one.front().ranks.size(), static_cast<std::size_t>(scenario.parallelism.world_size()));
  }
}

// Every rank the same routing in every layer: a collective is never faster than its bound, nor a step than the closed
// form, which lets all ranks wait for the slowest.
TEST(Simulate, Skewed_IsNeverBelowTheClosedForm) {
  for (const int degree : {1, 4}) {
    for (const AllToAllAlgorithm algorithm : {AllToAllAlgorithm::flat, AllToAllAlgorithm::hierarchical_2d}) {
      Scenario scenario = skewed(moe_training(2, {.ep = 16, .dp = 16}), false);
      scenario.framework.pipelining_degree = degree;
      scenario.framework.all_to_all = algorithm;
      const Prediction flow = predict_by_flows(scenario);
      EXPECT_GE(flow.step_time.time.value, predict(scenario).step_time.time.value * (1 - 1e-9));
    }
  }
}

// Two expert-parallel groups of uneven exchanges share the NICs. The closed form looks at one of them.
TEST(Simulate, GroupsThatShareALink_TakeLonger) {
  Scenario scenario = skewed(moe_training(4, {.tp = 2, .ep = 16, .etp = 2, .dp = 16}), false);
  const Prediction closed = predict(scenario);
  const Prediction flow = predict_by_flows(scenario);
  EXPECT_GT(flow.all_to_all.value, 1.5 * closed.all_to_all.value);
}

TEST(Simulate, RoutingIsDrawnPerLayer) {
  const Scenario scenario = skewed(moe_training(2, {.ep = 16, .dp = 16}), true);
  const OpGraph graph = build_graph(scenario);
  const Timeline drawn = simulate(scenario, graph);
  const Timeline once = simulate(scenario, graph, {.most_routings = 1});
  EXPECT_NE(drawn.makespan.value, once.makespan.value);
  EXPECT_FALSE(once.notes.empty());
}

// One rank computes at half speed: the others wait for it in every exchange, so the step is that of slow ranks only.
TEST(Simulate, OneSlowRank_HoldsUpAll) {
  Scenario scenario = moe_training(2, {.ep = 16, .dp = 16});
  scenario.framework.kernel_launch = {};
  const OpGraph graph = build_graph(scenario);
  std::vector<double> one(16, 1);
  one[5] = 2;
  const Timeline straggler = simulate(scenario, graph, {.rank_slowdown = one});
  const Timeline all = simulate(scenario, graph, {.rank_slowdown = std::vector<double>(16, 2)});
  EXPECT_NEAR(straggler.makespan / all.makespan, 1, 1e-9);
  EXPECT_GT(idle(straggler, IdleCause::peers), 0);
  EXPECT_DOUBLE_EQ(idle(all, IdleCause::peers), 0);
  EXPECT_DOUBLE_EQ(straggler.ranks[5].idle[static_cast<std::size_t>(IdleCause::peers)].value, 0);
}

// A slowdown under overlap costs nothing where nothing overlaps, and is bounded by the factor where something does.
TEST(Simulate, SlowdownUnderACollective_CountsOnlyWhereThingsOverlap) {
  Scenario scenario = moe_training(2, {.ep = 16, .dp = 16});
  const OpGraph alone = build_graph(scenario);
  EXPECT_NEAR(simulate(scenario, alone, {.compute_slowdown = 1.5}).makespan / simulate(scenario, alone).makespan, 1,
              1e-12);
  scenario.framework.pipelining_degree = 4;
  const OpGraph overlapped = build_graph(scenario);
  const double without = simulate(scenario, overlapped).makespan.value;
  const double with =
      simulate(scenario, overlapped, {.compute_slowdown = 1.5, .communication_slowdown = 1.2}).makespan.value;
  EXPECT_GT(with, without * (1 + 1e-6));
  EXPECT_LT(with, 1.5 * without);
}

// Gradient reductions beside the backward pass share links with its all-to-alls: folded and rank by rank agree, and the
// step is not shorter than with free links for the reductions.
TEST(Simulate, ReductionBesideTheBackwardPass_ContendsWithIt) {
  Scenario scenario = moe_training(2, {.ep = 8, .dp = 16});
  scenario.framework.gradient_reduction_overlap = true;
  const OpGraph graph = build_graph(scenario);
  const Timeline folded = simulate(scenario, graph);
  const Timeline one_by_one = simulate(scenario, graph, {.fold = false});
  EXPECT_NEAR(folded.makespan / one_by_one.makespan, 1, 1e-9);
  for (std::size_t link = 0; link < folded.link_bytes.size(); ++link) {
    EXPECT_NEAR(folded.link_bytes[link], one_by_one.link_bytes[link], 1e-9 * (1 + one_by_one.link_bytes[link]));
  }
  scenario.framework.gradient_reduction_overlap = false;
  EXPECT_LT(folded.makespan.value, simulate(scenario, build_graph(scenario)).makespan.value);
}

// Two stages, one forward one backward, sends that cost nothing. With m micro-batches of equal stages the step takes
// (m + 1)(F + B); stages differ here by embedding and logits, so it lies between m and m + 1 times the slower one's.
TEST(Simulate, TwoStages_FillAndDrainOnce) {
  Scenario scenario = example_scenario(small_gpt(), 1, {.pp = 2, .dp = 4});
  std::get<TrainingWorkload>(scenario.workload).global_batch = 2 * 4 * 6;  // six micro-batches of two sequences
  OpGraph graph = build_graph(scenario);
  graph.stage_boundary = {1e-9};
  graph.iteration_end.clear();
  const Timeline timeline = simulate(scenario, graph);
  const double slowest = std::max(timeline.ranks[0].computing.value, timeline.ranks[1].computing.value) +
                         timeline.ranks[0].idle[static_cast<std::size_t>(IdleCause::host)].value;
  EXPECT_GT(timeline.makespan.value, slowest);
  EXPECT_LT(timeline.makespan.value, slowest * 7 / 6 * (1 + 1e-9));
  EXPECT_GT(idle(timeline, IdleCause::pipeline), 0);
  scenario.parallelism.schedule = PipelineSchedule::gpipe;
  EXPECT_GE(simulate(scenario, graph).makespan.value, timeline.makespan.value * (1 - 1e-9));
  scenario.parallelism.schedule = PipelineSchedule::dual_pipe;
  graph.micro_batches = 5;
  EXPECT_THROW(static_cast<void>(simulate(scenario, graph)), InputError);
}

// Same arguments, same bits; recording changes nothing but what is kept.
TEST(Simulate, RepeatsBitForBit) {
  const Scenario scenario = skewed(moe_training(2, {.ep = 8, .dp = 16}), true);
  const OpGraph graph = build_graph(scenario);
  const Timeline first = simulate(scenario, graph);
  const Timeline second = simulate(scenario, graph);
  const Timeline recorded = simulate(scenario, graph, {.record = true});
  EXPECT_EQ(first.makespan, second.makespan);
  EXPECT_EQ(first.link_bytes, second.link_bytes);
  EXPECT_NEAR(recorded.makespan / first.makespan, 1, 1e-12);
}

// What is recorded is consistent: operators of one stream follow each other, flows carry the bytes of the links, no
// link is used beyond its capacity.
TEST(Simulate, RecordedSpans_AreConsistent) {
  for (const bool overlap : {false, true}) {
    Scenario scenario = skewed(moe_training(2, {.ep = 8, .dp = 16}), true);
    scenario.framework.gradient_reduction_overlap = overlap;
    const Timeline timeline = simulate(scenario, build_graph(scenario), {.record = true});
    std::map<std::pair<std::uint32_t, Stream>, Seconds> last;
    Seconds computing;
    for (const OpSpan& op : timeline.ops) {
      Seconds& end = last[{op.rank.value, op.stream}];
      EXPECT_GE(op.begin.value, end.value - 1e-12);
      EXPECT_GE(op.end.value, op.begin.value);
      EXPECT_LE(op.end.value, timeline.makespan.value * (1 + 1e-12));
      end = op.end;
      if (op.stream == Stream::compute) computing += op.end - op.begin;
    }
    EXPECT_NEAR(computing.value, 16 * mean_rank_time(timeline).computing.value, 1e-9 * computing.value);
    const CollectiveModel& model = *scenario.cluster.collectives;
    std::vector<double> bytes(timeline.link_bytes.size(), 0);
    for (const FlowSpan& flow : timeline.flows) {
      for (const LinkId link : model.paths().path(flow.from, flow.to).links) bytes[link.index()] += flow.bytes.value;
    }
    for (std::size_t link = 0; link < bytes.size(); ++link) {
      EXPECT_NEAR(bytes[link], timeline.link_bytes[link], 1e-9 * (1 + bytes[link]));
    }
    const auto use = link_utilization(timeline, model, 500);
    for (std::size_t link = 0; link < use.size(); ++link) {
      double sum = 0;
      for (const double bin : use[link]) sum += bin;
      const double capacity = model.topology().links()[link].capacity.value;
      EXPECT_NEAR(sum / 500 * timeline.makespan.value * capacity, bytes[link], 1e-6 * (1 + bytes[link]));
    }
  }
}

// Random balanced layouts: folding is exact, and no rank's step is shorter than its own kernels.
RC_GTEST_PROP(Simulate, FoldingIsExact, ()) {
  constexpr std::array kLayouts = {Parallelism{.ep = 16, .dp = 16}, Parallelism{.ep = 4, .dp = 16},
                                   Parallelism{.tp = 2, .ep = 8, .dp = 8}, Parallelism{.pp = 2, .ep = 8, .dp = 8},
                                   Parallelism{.pp = 2, .ep = 4, .dp = 8, .zero = 1}};
  Scenario scenario = moe_training(2, kLayouts.at(*rc::gen::inRange<std::size_t>(0, kLayouts.size())), 64);
  scenario.framework.pipelining_degree = *rc::gen::inRange(1, 4);
  scenario.framework.gradient_reduction_overlap = *rc::gen::arbitrary<bool>();
  const OpGraph graph = build_graph(scenario);
  const Timeline folded = simulate(scenario, graph);
  const Timeline one_by_one = simulate(scenario, graph, {.fold = false});
  RC_ASSERT(std::abs(folded.makespan / one_by_one.makespan - 1) < 1e-9);
  for (const RankTime& rank : one_by_one.ranks) RC_ASSERT(rank.computing <= one_by_one.makespan);
}

}  // namespace
}  // namespace moesim
