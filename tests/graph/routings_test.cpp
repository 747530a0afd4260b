#include <gtest/gtest.h>

#include "moesim/graph/build.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

Scenario skewed(bool shuffle, bool noise) {
  Scenario scenario = testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.ep = 4, .dp = 8});
  scenario.workload = TrainingWorkload{.sequence_length = 128, .global_batch = 16, .micro_batch = 1};
  scenario.routing = {.distribution = ZipfRouting{.exponent = 1, .shuffle = shuffle}, .sampling_noise = noise};
  return scenario;
}

std::size_t distinct(const Scenario& scenario) { return distinct_routings(scenario, build_graph(scenario)); }

// Four layers, two micro-batches.
TEST(Routings, AreAsManyAsAreDrawn) {
  EXPECT_EQ(distinct(skewed(false, false)), 1U);
  EXPECT_EQ(distinct(skewed(true, false)), 4U);
  EXPECT_EQ(distinct(skewed(false, true)), 8U);
  Scenario uniform = skewed(true, false);
  uniform.routing.distribution = UniformRouting{};
  EXPECT_EQ(distinct(uniform), 1U);
}

TEST(Routings, BeginWithTheGraphsAndDiffer) {
  const Scenario scenario = skewed(true, false);
  const OpGraph graph = build_graph(scenario);
  const std::vector<RoutingResult> routings = route_instances(scenario, graph, 32);
  ASSERT_EQ(routings.size(), 4U);
  EXPECT_EQ(routings[0].row_matrix(), graph.routing.row_matrix());
  EXPECT_NE(routings[0].row_matrix(), routings[1].row_matrix());
  for (const RoutingResult& routing : routings) {
    EXPECT_NEAR(routing.total_rows(), graph.routing.total_rows(), 1e-9 * graph.routing.total_rows());
  }
  EXPECT_EQ(route_instances(scenario, graph, 2).size(), 2U);
}

}  // namespace
}  // namespace moesim
