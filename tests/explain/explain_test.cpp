#include "moesim/explain/explain.hpp"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <tuple>

#include "moesim/sim/simulate.hpp"

#include "explain/link_classes.hpp"
#include "explain/shipped.hpp"
#include "explain/varied_model.hpp"

namespace moesim {
namespace {

std::filesystem::path shipped(const std::string& name) { return kRoot / "configs" / "scenarios" / (name + ".yaml"); }

Prediction closed_form(const Scenario& scenario) { return predict(scenario); }

VariedModel varied(const std::string& name, const std::vector<Override>& overrides = {}) {
  return {shipped(name), overrides, kRoots, 0, closed_form};
}

const Sensitivity& of(const Explanation& explanation, std::string_view resource) {
  const auto found = std::ranges::find_if(
      explanation.sensitivities, [resource](const Sensitivity& one) { return one.resource->name == resource; });
  EXPECT_NE(found, explanation.sensitivities.end()) << resource;
  return *found;
}

class EveryScenario : public ::testing::TestWithParam<const char*> {};

// Everything in the model with a unit of time is one of the independent resources: with all of them better by f, time
// itself is measured in another unit, so the step takes 1/f. Euler's theorem for such functions: elasticities add up to
// 1, but for the curvature between -1 % and +1 % and the points where one thing takes over from another.
TEST_P(EveryScenario, AllResourcesBetterByAFactor_StepIsShorterByIt) {
  VariedModel model = varied(GetParam());
  std::vector<double> factors(model.held().size(), 1);
  const double now = model.run(factors).step_time.time.value;
  for (const double factor : {0.5, 1.37, 3.0}) {
    for (std::size_t i = 0; i < factors.size(); ++i) {
      factors[i] = is_independent(model.held()[i].resource->kind) ? factor : 1;
    }
    EXPECT_NEAR(model.run(factors).step_time.time.value * factor / now, 1, 1e-9) << factor;
  }
}

TEST_P(EveryScenario, Elasticities_AddUpToOne) {
  const Explanation explanation = explain(shipped(GetParam()), {}, kRoots, 0, closed_form);
  EXPECT_NEAR(explanation.elasticity_sum, 1, 5e-3);
  EXPECT_NEAR(explanation.all_doubled / explanation.prediction.step_time.time, 0.5, 1e-9);
  EXPECT_FALSE(explanation.sentences.empty());
  EXPECT_TRUE(explanation.notes.empty());
  for (const LinkClass& link : explanation.links) EXPECT_LE(link.utilization_max, 1 + 1e-9) << link.name;
}

INSTANTIATE_TEST_SUITE_P(Shipped, EveryScenario,
                         ::testing::Values("paper_training", "paper_inference", "paper_tutel", "paper_deepspeed",
                                           "deepseek_moe_16b_h100", "mixtral_8x7b_h100_inference"));

RC_GTEST_PROP(VariedModel, AnyFactorOnAllResources, ()) {
  static VariedModel model = varied("paper_training");
  const double factor = *rc::gen::map(rc::gen::inRange(-300, 300), [](int x) { return std::pow(10.0, x / 300.0); });
  std::vector<double> factors(model.held().size(), 1);
  const double now = model.run(factors).step_time.time.value;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (is_independent(model.held()[i].resource->kind)) factors[i] = factor;
  }
  RC_ASSERT(std::abs(model.run(factors).step_time.time.value * factor / now - 1) < 1e-9);
}

// Better hardware of one kind alone never makes this step longer: an exchange drains no slower through wider links.
TEST(Explain, OneResourceBetter_StepIsNoLonger) {
  const Explanation explanation = explain(shipped("paper_training"), {}, kRoots, 0, closed_form);
  const Seconds now = explanation.prediction.step_time.time;
  for (const Sensitivity& one : explanation.sensitivities) {
    const Seconds doubled = one.doubled.value_or(now);
    EXPECT_LE(doubled, now * (1 + 1e-12)) << one.resource->name;
    EXPECT_LE(one.removed.value_or(doubled), doubled * (1 + 1e-12)) << one.resource->name;
  }
}

TEST(Explain, TwoPortsForThirtyTwoGpus_PortsBindFirst) {
  const Explanation explanation = explain(shipped("paper_training"), {}, kRoots, 0, closed_form);
  EXPECT_EQ(explanation.sensitivities.front().resource->name, "nic_bandwidth");
  EXPECT_EQ(explanation.removals.front().resource->name, "nic_bandwidth");
  EXPECT_EQ(explanation.links.front().kind, LinkKind::nic);
  EXPECT_THAT(explanation.sentences, ::testing::Contains(::testing::HasSubstr("100 Gb/s NIC port is busy")));
  for (std::size_t i = 1; i < explanation.removals.size(); ++i) {
    EXPECT_LT(explanation.removals[i].step_time, explanation.removals[i - 1].step_time);
  }
}

// Ports a hundred times as fast: what was second must come first.
TEST(Explain, FirstBottleneckRemovedByHand_SecondOfTheChainBinds) {
  const Explanation before = explain(shipped("paper_training"), {}, kRoots, 0, closed_form);
  const Explanation after =
      explain(shipped("paper_training"), {{"cluster.nic.bandwidth=10000Gbps"}}, kRoots, 0, closed_form);
  ASSERT_GE(before.removals.size(), 2U);
  EXPECT_EQ(after.sensitivities.front().resource, before.removals[1].resource);
  EXPECT_NEAR(after.prediction.step_time.time / before.removals[0].step_time, 1, 1e-9);
  EXPECT_NEAR(after.sensitivities.front().elasticity, before.removals[1].elasticity, 1e-9);
}

// A variant that sets a key itself lies over the shared one: the change must reach it all the same.
TEST(Explain, VariantSetsTheKeyItself_ItsValueIsVaried) {
  const std::vector<Override> overrides = {{"variants.bigmac.cluster.nic.bandwidth=200Gbps"}};
  const Explanation explanation = explain(shipped("paper_training"), overrides, kRoots, 1, closed_form);
  const Sensitivity& nic = of(explanation, "nic_bandwidth");
  EXPECT_EQ(nic.values.front(), "25000000000B/s");
  EXPECT_GT(nic.elasticity, 0.1);
}

TEST(Explain, FlowEngine_SumsToOneToo) {
  const Explanation explanation = explain(shipped("paper_training"), {{"model.layers=2"}}, kRoots, 1,
                                          [](const Scenario& scenario) { return predict_by_flows(scenario, {}); });
  EXPECT_NEAR(explanation.elasticity_sum, 1, 0.02);
  EXPECT_NEAR(explanation.all_doubled / explanation.prediction.step_time.time, 0.5, 1e-6);  // picoseconds are rounded
}

// Two NICs of 10 B/s that carry 40 and 20 bytes in 8 s are used 50 % and 25 %; the unused way back is left out.
TEST(LinkClasses, LinksOfOneMake_AreOneLine) {
  std::vector<Node> nodes = {{"host0/gpu0", NodeKind::gpu, 0}, {"host1/gpu0", NodeKind::gpu, 1}};
  std::vector<Link> links;
  for (const auto& [from, to, name] :
       {std::tuple(0U, 1U, "host0/nic0->switch"), std::tuple(1U, 0U, "host1/nic0->switch"),
        std::tuple(0U, 1U, "switch->host1/nic0")}) {
    links.push_back(
        {.from = NodeId{from}, .to = NodeId{to}, .kind = LinkKind::nic, .capacity = {10}, .latency = {}, .name = name});
  }
  const auto classes = link_classes(Topology::create(nodes, links), {40, 20, 0}, Seconds{8});
  ASSERT_EQ(classes.size(), 1U);
  EXPECT_EQ(classes.front().name, "host*/nic*->switch");
  EXPECT_EQ(classes.front().count, 2U);
  EXPECT_DOUBLE_EQ(classes.front().utilization_max, 0.5);
  EXPECT_DOUBLE_EQ(classes.front().utilization_mean, 0.375);
}

TEST(FixedTimes, OnlyTimesAreDivided) {
  FittedLaw law;
  law.coefficients = {{"net.all_to_all.startup", 4}, {"ring.bend", 6}, {"ring.bend_power", 0.5}, {"launch_s", 8}};
  EXPECT_THAT(
      with_startup(law, 2).coefficients,
      ::testing::UnorderedElementsAre(::testing::Pair("net.all_to_all.startup", 2), ::testing::Pair("ring.bend", 3),
                                      ::testing::Pair("ring.bend_power", 0.5), ::testing::Pair("launch_s", 8)));
  EXPECT_EQ(with_overhead(law, 2).coefficients.at("launch_s"), 4);
  EXPECT_EQ(with_overhead(law, 2).coefficients.at("ring.bend"), 6);
}

}  // namespace
}  // namespace moesim
