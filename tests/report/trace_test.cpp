#include "moesim/report/trace.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "moesim/graph/build.hpp"
#include "moesim/report/prediction_report.hpp"
#include "moesim/report/timeline_csv.hpp"
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

// One row an operator, streams in time; what belongs to no layer says so.
TEST(TimelineCsv, HasARowForEveryOperator) {
  Scenario scenario =
      testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.pp = 2, .ep = 4, .dp = 4});
  std::get<TrainingWorkload>(scenario.workload).global_batch = 32;
  const Timeline timeline = simulate(scenario, build_graph(scenario), {.record = true, .fold = false});
  std::istringstream csv(to_timeline_csv({{"a, b", {timeline}}}));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "case,timeline,rank,stage,stream,op,kind,micro_batch,layer,begin_s,end_s");
  std::size_t rows = 0;
  std::size_t of_no_layer = 0;
  std::string stream;
  double last = 0;
  while (std::getline(csv, line)) {
    ++rows;
    ASSERT_TRUE(line.starts_with("\"a, b\",0,")) << line;
    std::vector<std::string> cells;
    std::istringstream rest(line.substr(9));
    for (std::string cell; std::getline(rest, cell, ',');) cells.push_back(cell);
    ASSERT_EQ(cells.size(), 9U);
    EXPECT_EQ(std::stoi(cells[1]), std::stoi(cells[0]) / 4);  // four ranks a stage
    if (cells[0] + cells[2] != stream) last = 0;
    stream = cells[0] + cells[2];
    EXPECT_GE(std::stod(cells[7]), last - 1e-12);
    last = std::stod(cells[8]);
    if (cells[5].empty()) ++of_no_layer;
    EXPECT_EQ(cells[5].empty(), cells[6].empty());
    EXPECT_TRUE(cells[3] != "optimizer" || cells[5].empty());
  }
  EXPECT_EQ(rows, timeline.ops.size());
  EXPECT_GE(of_no_layer, 8U);  // an optimizer step a rank
}

// Each link carries over the intervals what it carries in the step.
TEST(LinkUse, AddsUpToTheBytes) {
  const Scenario scenario = skewed_scenario();
  const Timeline timeline = simulate(scenario, build_graph(scenario), {.record = true});
  const LinkUse use = link_use(timeline, *scenario.cluster.collectives);
  const std::vector<Link>& links = scenario.cluster.topology->links();
  ASSERT_EQ(use.links.size(), use.utilization.size());
  EXPECT_FALSE(use.links.empty());
  for (std::size_t i = 0; i < use.links.size(); ++i) {
    const auto link = std::ranges::find(links, use.links[i], &Link::name);
    ASSERT_NE(link, links.end());
    Bytes carried;
    for (const double share : use.utilization[i]) carried += share * (link->capacity * use.interval);
    const double expected = timeline.link_bytes[static_cast<std::size_t>(link - links.begin())];
    EXPECT_NEAR(carried.value / expected, 1, 1e-6);
  }
}

TEST(FlowSummary, AddsUpToTheStep) {
  const Scenario scenario = skewed_scenario();
  const Timeline timeline = simulate(scenario, build_graph(scenario));
  const FlowSummary summary = summarize({timeline}, {1});
  double sum = summary.mean_rank.computing.value;
  for (const Seconds idle : summary.mean_rank.idle) sum += idle.value;
  EXPECT_NEAR(sum / timeline.makespan.value, 1, 1e-9);
  EXPECT_EQ(summary.lanes, 8U);
  ASSERT_EQ(summary.stages.size(), 1U);
  EXPECT_EQ(summary.stages.front().computing, summary.mean_rank.computing);
}

}  // namespace
}  // namespace moesim
