#include "moesim/sweep/solve.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"

#include "sweep/sweep_files.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr const char* kSweep =
    "name: solve\nscenario: paper_training\naxes: [{key: model.moe.top_k, values: [2, 4]}]\n";

/// A quarter of a second and 32 milliseconds for each sequence; the other variant scales with its ratio.
Prediction linear(const Scenario& scenario) {
  Prediction prediction = testing::quick_answer(scenario);
  const double ratio = scenario.model.moe->payload_in / 1024.0;
  prediction.step_time = {.time = {ratio * scenario.model.moe->top_k}, .spread = 0.1};
  prediction.errors = {{.law = scenario.variant, .deviation = 0.1 * prediction.step_time.time}};
  return prediction;
}

SweepPlan plan_with(const TemporaryFolder& folder, const char* text = kSweep) {
  return testing::plan_of(folder.write("solve.yaml", text), {.name = "linear", .predict = linear});
}

TEST(Solve, ACrossingIsFoundWhereItIsWithItsInterval) {
  const TemporaryFolder folder;
  const SweepPlan plan = plan_with(folder);
  Solver solver(plan,
                read_solve({.text = "speedup=2 over variants.bigmac.model.moe.low_rank_ratio from 0.1 to 4"}, plan));
  GridPoint point;
  std::string why;
  static_cast<void>(plan.grid.decode(0, point, why));
  const Solution solution = solver.solve(point);
  // Speed-up 1 / r, its interval a factor of exp(sqrt(2) 0.1) up and down; r moves in steps of 1/1024 (whole widths).
  const double factor = std::exp(std::sqrt(0.02));
  ASSERT_EQ(solution.value.kind, Crossing::Kind::found);
  EXPECT_FALSE(solution.value.rising);
  EXPECT_NEAR(solution.value.at, 0.5, 1e-3);
  EXPECT_NEAR(solution.of_lo->at, 0.5 / factor, 1e-3);
  EXPECT_NEAR(solution.of_hi->at, 0.5 * factor, 1e-3);
}

TEST(Solve, TheRangeMayReachBeyondWhatTheKeyCanTake) {
  const TemporaryFolder folder;
  const SweepPlan plan = plan_with(folder);
  Solver solver(
      plan, read_solve({.text = "speedup=1.01 over variants.bigmac.model.moe.low_rank_ratio from 0.1 to 1.7"}, plan));
  GridPoint point;
  std::string why;
  static_cast<void>(plan.grid.decode(0, point, why));
  EXPECT_NEAR(solver.solve(point).value.at, 1 / 1.01, 2e-3);  // between the last sample and r = 1
}

TEST(Solve, WholeNumbersAreSolvedBetweenWholeNumbers) {
  const TemporaryFolder folder;
  const SweepPlan plan = plan_with(folder, "name: solve\nscenario: paper_training\naxes: []\n");
  Solver solver(plan, read_solve({.text = "step_time_s = 2.5 over model.moe.top_k of fine_grained from 1 to 8"}, plan));
  GridPoint point;
  std::string why;
  static_cast<void>(plan.grid.decode(0, point, why));
  const Solution solution = solver.solve(point);
  EXPECT_EQ(solution.value.kind, Crossing::Kind::found);
  EXPECT_EQ(solution.value.at, 3);
  EXPECT_TRUE(solution.value.rising);
  EXPECT_FALSE(solution.of_lo.has_value());
}

TEST(Solve, TheTableHasOneRowAPoint) {
  const TemporaryFolder folder;
  const SweepPlan plan = plan_with(folder);
  const std::string table = solve_table(
      plan, read_solve({.text = "speedup=9 over variants.bigmac.model.moe.low_rank_ratio from 0.2 to 0.9"}, plan));
  EXPECT_EQ(table,
            "model.moe.top_k,variants.bigmac.model.moe.low_rank_ratio,variants.bigmac.model.moe.low_rank_ratio_lo,"
            "variants.bigmac.model.moe.low_rank_ratio_hi,beyond,crossings\n2,,,,always below,0\n4,,,,always below,0\n");
}

TEST(Solve, MistakesAreNamed) {
  const TemporaryFolder folder;
  const SweepPlan plan = plan_with(folder);
  const auto refused = [&](const std::string& text) {
    return testing::refusal([&] { static_cast<void>(read_solve({.text = text}, plan)); });
  };
  EXPECT_THAT(refused("speedup=1"), HasSubstr("COLUMN = NUMBER over KEY"));
  EXPECT_THAT(refused("speed=1 over cluster.nic.bandwidth"), HasSubstr("is no column"));
  EXPECT_THAT(refused("speedup=1 over model.moe.top_k"), HasSubstr("is an axis already"));
  EXPECT_THAT(refused("speedup=1 over cluster.nic.bandwidth of fine_grained"), HasSubstr("with itself"));
  EXPECT_THAT(refused("speedup=1 over cluster.nic.bandwidth from 1Gbps to 2"), HasSubstr("has no range"));
  EXPECT_THAT(refused("speedup=1 over cluster.nic.placement"), HasSubstr("give from A to B"));
  EXPECT_EQ(refused("speedup=1 over cluster.nic.bandwidth"), "accepted");
}

}  // namespace
}  // namespace moesim
