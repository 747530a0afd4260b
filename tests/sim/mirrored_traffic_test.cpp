#include "sim/mirrored_traffic.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "moesim/graph/build.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/sim/simulate.hpp"

namespace moesim {
namespace {

// Links 0 and 1 are the two directions of one cable, 2 and 3 those of another; 4 has no counterpart of its capacity.
TEST(MirroredLinks, RoutesThatPassTheSameCables_AreMirrored) {
  const std::vector<BytesPerSecond> capacities = {{1}, {1}, {2}, {2}, {3}};
  RouteList routes;
  routes.add(std::vector{LinkId{0}, LinkId{2}});
  routes.add(std::vector{LinkId{3}, LinkId{1}});
  routes.add(std::vector{LinkId{3}, LinkId{0}});  // would make link 0 an image of itself
  routes.add(std::vector{LinkId{4}});
  routes.add(std::vector{LinkId{1}});
  MirroredLinks links(capacities, routes);
  EXPECT_TRUE(links.mirror(0, 1));
  EXPECT_TRUE(links.mirror(1, 0));
  EXPECT_FALSE(links.mirror(0, 2));
  EXPECT_FALSE(links.mirror(3, 4));
  EXPECT_FALSE(links.mirror(0, 4));
}

// A recorded run simulates every exchange; without a record, mirror images serve each other. On the paper's cluster and
// where staged copies pass host memory that is narrow, so that it matters whose memory it is.
TEST(MirroredTraffic, TakesTheTimeOfItsImage) {
  const auto file = std::filesystem::path(MOESIM_SOURCE_DIR) / "configs" / "scenarios" / "paper_skewed.yaml";
  for (const std::string memory : {"", "cluster.box.host_memory.bandwidth=20GB/s"}) {
    std::vector<Override> overrides = {{"model.layers=3"}, {"routing.exponent=1.2"}};
    if (!memory.empty()) overrides.insert(overrides.end(), {{memory}, {"cluster.transport.p2p_level=loc"}});
    const Scenario scenario = load_scenario(file, overrides, {.roots = {MOESIM_SOURCE_DIR}}).front();
    const OpGraph graph = build_graph(scenario);
    const Timeline each = simulate(scenario, graph, {.record = true});
    const Timeline mirrored = simulate(scenario, graph);
    EXPECT_NEAR(mirrored.makespan / each.makespan, 1, 1e-11) << memory;
    // The gradient reduction, of equal transfers, is folded when nothing is recorded.
    const double share = static_cast<double>(mirrored.flows_simulated) / static_cast<double>(each.flows_simulated);
    EXPECT_NEAR(share, memory.empty() ? 0.5 : 1.0, 0.02);
  }
}

}  // namespace
}  // namespace moesim
