#include "moesim/report/trace.hpp"

#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "moesim/graph/build.hpp"
#include "moesim/report/prediction_report.hpp"
#include "moesim/sim/simulate.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

Scenario skewed_scenario() {
  Scenario scenario = testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  scenario.routing.distribution = ZipfRouting{.exponent = 1, .shuffle = false};
  return scenario;
}

// A whole trace through a JSON parser: every operator, every flow begun and ended once, counters within [0, 1].
TEST(Trace, IsWhatViewersRead) {
  const Scenario scenario = skewed_scenario();
  const Timeline timeline = simulate(scenario, build_graph(scenario), {.record = true});
  RunInfo run;
  run.version = "1.0 \"quoted\"";
  const Json trace = Json::parse(to_chrome_trace({timeline, timeline}, *scenario.cluster.collectives, run));
  EXPECT_EQ(trace["otherData"]["version"], run.version);
  std::size_t operators = 0;
  std::map<std::size_t, double> begun;
  std::size_t ended = 0;
  std::size_t counters = 0;
  std::set<int> ranks;
  double last = 0;
  for (const Json& event : trace["traceEvents"]) {
    const std::string phase = event["ph"];
    if (phase == "X") {
      ++operators;
      ranks.insert(event["pid"].get<int>());
      EXPECT_GE(event["dur"].get<double>(), 0);
      EXPECT_LT(event["tid"].get<int>(), static_cast<int>(kStreams));
      last = std::max(last, event["ts"].get<double>() + event["dur"].get<double>());
    } else if (phase == "b") {
      EXPECT_TRUE(begun.emplace(event["id"].get<std::size_t>(), event["ts"].get<double>()).second);
    } else if (phase == "e") {
      ++ended;
      EXPECT_GE(event["ts"].get<double>(), begun.at(event["id"].get<std::size_t>()));
    } else if (phase == "C") {
      ++counters;
      EXPECT_GE(event["args"]["utilization"].get<double>(), 0);
      EXPECT_LE(event["args"]["utilization"].get<double>(), 1 + 1e-3);
    } else {
      EXPECT_EQ(phase, "M");
    }
  }
  EXPECT_EQ(operators, 2 * timeline.ops.size());
  EXPECT_EQ(begun.size(), 2 * timeline.flows.size());
  EXPECT_EQ(ended, begun.size());
  EXPECT_GT(counters, 0U);
  EXPECT_EQ(ranks.size(), 8U);
  EXPECT_NEAR(last, 2e6 * timeline.makespan.value, 1e-3 * last);
}

TEST(FlowSummary, AddsUpToTheStep) {
  const Scenario scenario = skewed_scenario();
  const Timeline timeline = simulate(scenario, build_graph(scenario));
  const FlowSummary summary = summarize({timeline}, {1});
  double sum = summary.mean_rank.computing.value;
  for (const Seconds idle : summary.mean_rank.idle) sum += idle.value;
  EXPECT_NEAR(sum / timeline.makespan.value, 1, 1e-9);
  EXPECT_EQ(summary.lanes, 8U);
}

}  // namespace
}  // namespace moesim
