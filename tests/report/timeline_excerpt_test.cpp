#include "moesim/report/timeline_excerpt.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

#include "moesim/graph/build.hpp"
#include "moesim/sim/simulate.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

Timeline recorded(const Scenario& scenario) {
  return simulate(scenario, build_graph(scenario), {.record = true, .record_flows = false});
}

// One stage, all ranks alike: one rank stands for all, and all its operators are there, within the step.
TEST(TimelineExcerpt, OneRankStandsForItsStage) {
  const Scenario scenario =
      testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  const Timeline timeline = recorded(scenario);
  const TimelineExcerpt excerpt = excerpt_of(timeline, scenario.parallelism, "training step");
  std::set<std::uint32_t> ranks;
  for (const ExcerptRow& row : excerpt.rows) ranks.insert(row.rank.value);
  EXPECT_EQ(ranks.size(), 1U);
  const auto lasting = std::ranges::count_if(
      timeline.ops, [&](const OpSpan& op) { return op.rank.value == *ranks.begin() && op.end > op.begin; });
  EXPECT_EQ(static_cast<std::ptrdiff_t>(excerpt.spans.size()), lasting);
  for (const ExcerptSpan& one : excerpt.spans) {
    EXPECT_LE(one.span.end.value, excerpt.makespan.value * (1 + 1e-12));
    EXPECT_EQ(one.span.stream, excerpt.rows[one.row].stream);
  }
  EXPECT_EQ(excerpt.gap_begin.value, excerpt.gap_end.value);
  EXPECT_THAT(excerpt.notes, ::testing::ElementsAre(::testing::StartsWith("1 of 8 ranks is shown")));
}

// Four stages of two ranks, two of them wanted: the first and the last.
TEST(TimelineExcerpt, OfManyStagesTheFirstAndTheLast) {
  const Scenario scenario =
      testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.pp = 4, .ep = 2, .dp = 2});
  const TimelineExcerpt excerpt =
      excerpt_of(recorded(scenario), scenario.parallelism, "training step", {.most_stages = 2});
  std::set<int> stages;
  for (const ExcerptRow& row : excerpt.rows) stages.insert(row.stage);
  EXPECT_EQ(stages, (std::set<int>{0, 3}));
}

// A budget of 40 operators: the beginning and the end of the step, and the gap between lies where nothing is shown.
TEST(TimelineExcerpt, ALongStepShowsItsBeginningAndItsEnd) {
  const Scenario scenario =
      testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  const Timeline timeline = recorded(scenario);
  const TimelineExcerpt whole = excerpt_of(timeline, scenario.parallelism, "training step");
  const TimelineExcerpt excerpt = excerpt_of(timeline, scenario.parallelism, "training step", {.most_spans = 40});
  ASSERT_GT(whole.spans.size(), 40U);
  ASSERT_EQ(excerpt.spans.size(), 40U);
  EXPECT_LT(excerpt.gap_begin, excerpt.gap_end);
  EXPECT_EQ(excerpt.spans.front().span.begin, whole.spans.front().span.begin);
  EXPECT_EQ(excerpt.spans.back().span.end, whole.spans.back().span.end);
  for (const ExcerptSpan& one : excerpt.spans) {
    EXPECT_TRUE(one.span.end <= excerpt.gap_begin || one.span.begin >= excerpt.gap_end);
  }
  EXPECT_THAT(excerpt.notes, ::testing::Contains(::testing::HasSubstr("40 of")));
}

// What is drawn is what was simulated: names, and times to the nanosecond.
TEST(TimelineExcerpt, IsJson) {
  const Scenario scenario = testing::example_scenario(testing::small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8});
  const TimelineExcerpt excerpt = excerpt_of(recorded(scenario), scenario.parallelism, "training step");
  const auto parsed = nlohmann::json::parse(to_json(excerpt));
  ASSERT_EQ(parsed["spans"].size(), excerpt.spans.size());
  for (std::size_t i = 0; i < excerpt.spans.size(); ++i) {
    const OpSpan& span = excerpt.spans[i].span;
    const auto& written = parsed["spans"][i];
    EXPECT_EQ(parsed["ops"][written[1].get<std::size_t>()]["name"], span.name);
    EXPECT_NEAR(written[2].get<double>(), 1e9 * span.begin.value, 0.51);
    EXPECT_NEAR(written[2].get<double>() + written[3].get<double>(), 1e9 * span.end.value, 0.51);
  }
}

}  // namespace
}  // namespace moesim
