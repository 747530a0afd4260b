#include "moesim/sweep/grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"

#include "sweep/sweep_files.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<PlacedText> constants(const std::string& key) {
  if (key == "nodes") return PlacedText{.text = "4"};
  return std::nullopt;
}

Grid grid_of(const std::string& axes) {
  return {load_sweep_text("name: test\nscenario: paper_training\n" + axes, "sweep.yaml", testing::roots()), constants};
}

std::string refused_grid(const std::string& axes) {
  return testing::refusal([&] { static_cast<void>(grid_of(axes)); });
}

/// Cells of all valid points, "a b" each; absent ones as "-", others as "x".
std::vector<std::string> points_of(const Grid& grid) {
  std::vector<std::string> all;
  GridPoint point;
  std::string why;
  for (std::uint64_t number = 0; number < grid.size(); ++number) {
    const PointFate fate = grid.decode(number, point, why);
    std::string cells = fate == PointFate::absent ? "-" : fate == PointFate::left_out ? "x" : "";
    for (std::size_t axis = 0; fate == PointFate::valid && axis < grid.axes().size(); ++axis) {
      const int index = point.index[axis];
      cells += (axis > 0 ? " " : "") + (index < 0 ? "~" : grid.axes()[axis].cells[static_cast<std::size_t>(index)]);
    }
    for (const Value& value : point.derived) cells += fate == PointFate::valid ? " " + cell_text(value) : "";
    all.push_back(cells);
  }
  return all;
}

TEST(Grid, TheLastAxisVariesFastest) {
  const Grid grid = grid_of("axes: [{key: a, values: [1, 2]}, {key: b, values: [x, y, z]}]");
  EXPECT_THAT(points_of(grid), ElementsAre("1 x", "1 y", "1 z", "2 x", "2 y", "2 z"));
}

TEST(Grid, ZippedAxesAdvanceTogether) {
  const Grid grid =
      grid_of("axes: [{zip: [{key: a, values: [1, 2]}, {key: b, values: [10, 20]}]}, {key: c, values: [5, 6]}]");
  EXPECT_THAT(points_of(grid), ElementsAre("1 10 5", "1 10 6", "2 20 5", "2 20 6"));
}

TEST(Grid, AConditionalAxisHasOnePointWhereItDoesNotApply) {
  const Grid grid = grid_of("axes: [{key: ep, values: [1, 8]}, {key: alg, values: [flat, 2d], when: ep > 1}]");
  EXPECT_THAT(points_of(grid), ElementsAre("1 ~", "-", "8 flat", "8 2d"));
}

TEST(Grid, DerivedKeysAndConditionsSeeAxesAndTheScenario) {
  const Grid grid = grid_of(
      "axes: [{key: ep, values: [1, 2, 4, 8]}]\nderived: [{key: batch, expression: 2 * ep}]\nwhere: [ep <= nodes]");
  EXPECT_THAT(points_of(grid), ElementsAre("1 2", "2 4", "4 8", "x"));
}

TEST(Grid, RangesHoldTheirEndsAndSayRoundNumbers) {
  const Grid grid = grid_of("axes: [{key: bandwidth, from: 25Gbps, to: 800Gbps, count: 6, scale: log}]");
  EXPECT_EQ(grid.axes()[0].column, "bandwidth_Bps");
  EXPECT_THAT(points_of(grid),
              ElementsAre("3125000000", "6250000000", "12500000000", "25000000000", "50000000000", "100000000000"));
  EXPECT_THAT(points_of(grid_of("axes: [{key: k, from: 1, to: 7, step: 2}]")), ElementsAre("1", "3", "5", "7"));
  EXPECT_THAT(points_of(grid_of("axes: [{key: k, from: 1, to: 4, count: 7, whole: true}]")),
              ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(points_of(grid_of("axes: [{key: r, from: 0.1, to: 0.3, count: 3}]")), ElementsAre("0.1", "0.2", "0.3"));
}

TEST(Grid, MistakesAreNamedWhereTheyStand) {
  EXPECT_THAT(refused_grid("axes:\n  - {key: a, values: [1]}\n  - {key: a, name: b, values: [2]}"),
              HasSubstr("sweep.yaml:5:5: b: is set twice"));
  EXPECT_THAT(refused_grid("axes: [{key: cluster.nic.count, values: [1]}, {key: cluster, values: [c]}]"),
              HasSubstr("overwrites cluster.nic.count"));
  EXPECT_THAT(refused_grid("axes: [{key: a, values: [1], when: unknown > 2}]"), HasSubstr("unknown: is no axis"));
  EXPECT_THAT(refused_grid("axes: [{key: cluster, values: [c]}, {key: a, values: [1], when: cluster.nodes > 2}]"),
              HasSubstr("cluster.nodes: changes with cluster"));
  EXPECT_THAT(refused_grid("axes: [{key: a, values: [1us, 2]}]"), HasSubstr("another unit"));
  EXPECT_THAT(refused_grid("axes: [{zip: [{key: a, values: [1, 2]}, {key: b, values: [1]}]}]"),
              HasSubstr("has 1 values, and the axis that it advances with has 2"));
  EXPECT_THAT(refused_grid("axes: [{key: a, from: 1, to: 2}]"), HasSubstr("needs either count or step"));
  EXPECT_THAT(refused_grid("axes: [{key: a, from: 0, to: 2, count: 3, scale: log}]"), HasSubstr("above zero"));
  EXPECT_THAT(refused_grid("axes: [{key: a, from: 1, to: 4, step: 2}]"), HasSubstr("does not divide the range"));
  EXPECT_THAT(refused_grid("axes: [{key: a, value: [1]}]"), HasSubstr("did you mean values?"));
  EXPECT_THAT(refused_grid("axes: [{values: [1]}]"), HasSubstr("neither key nor name"));
  EXPECT_THAT(refused_grid("axis: []"), HasSubstr("did you mean axes?"));
}

RC_GTEST_PROP(Grid, ARangeIsMonotoneAndEndsWhereItSays, ()) {
  const auto from = *rc::gen::inRange(1, 1000);
  const auto to = *rc::gen::inRange(from + 1, 100000);
  AxisText axis;
  axis.name = "a";
  axis.from = PlacedText{.text = std::to_string(from)};
  axis.to = PlacedText{.text = std::to_string(to)};
  axis.count = *rc::gen::inRange(2, 200);
  axis.logarithmic = *rc::gen::arbitrary<bool>();
  const std::vector<Value> values = range_values(axis);
  RC_ASSERT(values.front() == Value(Number{static_cast<double>(from)}));
  RC_ASSERT(values.back() == Value(Number{static_cast<double>(to)}));
  for (std::size_t i = 1; i < values.size(); ++i) {
    RC_ASSERT(std::get<Number>(values[i - 1]).value < std::get<Number>(values[i]).value);
  }
}

}  // namespace
}  // namespace moesim
