#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "figure/example_results.hpp"

namespace moesim {
namespace {

using namespace examples;  // NOLINT(google-build-using-namespace): the examples of this folder

TEST(Timeline, EveryOperator_IsABarFromItsBeginToItsEnd) {
  const json values = spec_of(kTrace).at("data").at("values");
  ASSERT_EQ(values.size(), 6U);
  EXPECT_EQ(values.at(0).at("row"), "rank 0 · compute");
  EXPECT_EQ(values.at(2).at("row"), "rank 0 · expert communication");
  EXPECT_EQ(values.at(2).at("part"), "all-to-all");
  EXPECT_DOUBLE_EQ(values.at(2).at("begin").get<double>(), 150);
  EXPECT_DOUBLE_EQ(values.at(2).at("end").get<double>(), 250);
}

TEST(Timeline, Where_KeepsARankAStreamAndAWindow) {
  const FigureOptions options{.where = {{"rank", "0"}, {"stream", "compute"}, {"from", "50us"}, {"to", "300us"}}};
  const json values = spec_of(kTrace, options).at("data").at("values");
  ASSERT_EQ(values.size(), 2U);
  EXPECT_DOUBLE_EQ(values.at(0).at("begin").get<double>(), 50);  // cut at the window
  EXPECT_DOUBLE_EQ(values.at(1).at("end").get<double>(), 300);
}

/// @param ranks that each run `operators` of 0.9 us, one a microsecond
ResultFile long_trace(int ranks, int operators) {
  json events = json::array();
  for (int rank = 0; rank < ranks; ++rank) {
    events.push_back({{"name", "process_name"}, {"ph", "M"}, {"pid", rank}, {"args", {{"name", "rank"}}}});
    for (int i = 0; i < operators; ++i) {
      events.push_back({{"name", "op"},
                        {"cat", i % 3 == 0 ? "experts" : "attention"},
                        {"ph", "X"},
                        {"pid", rank},
                        {"tid", 0},
                        {"ts", i},
                        {"dur", 0.9 * (rank + 1) / ranks}});
    }
  }
  return {.name = "trace.json", .json = json{{"traceEvents", events}}.dump()};
}

// Two of three operators are attention: the bars that stand for many of them all are, and leave no time out.
TEST(Timeline, ManyShortOperators_AreDrawnTogether) {
  const json values = spec_of(long_trace(1, 50000)).at("data").at("values");
  EXPECT_LE(values.size(), 1500U);
  EXPECT_GE(values.size(), 500U);
  double covered = 0;
  for (const json& value : values) {
    EXPECT_EQ(value.at("part"), "attention, norms, logits");
    covered += value.at("end").get<double>() - value.at("begin").get<double>();
  }
  EXPECT_NEAR(covered, 50, 0.5);  // ms
}

TEST(Timeline, RanksOfTooManyPaces_LeaveTheSlowestAndTheFastest) {
  const json spec = spec_of(long_trace(40, 20));
  EXPECT_THAT(spec.at("title").at("subtitle").dump(), ::testing::HasSubstr("2 of 40 ranks (rank 39 computes longest"));
  std::set<std::string> rows;
  for (const json& value : spec.at("data").at("values")) rows.insert(value.at("row"));
  EXPECT_THAT(rows, ::testing::ElementsAre("rank 0 · stream 0", "rank 39 · stream 0"));
}

// 0.8 of the first link for 100 of 400 us; the second is like the first and less busy, so it is not drawn.
TEST(Links, Mean_IsOfTheWindow) {
  const FigureOptions options{.kind = FigureKind::links};
  const json values = spec_of(kTrace, options).at("data").at("values");
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values.at(0).at("link"), "host0/nic0->switch (busiest of 2) · 20 %");
  EXPECT_DOUBLE_EQ(values.at(0).at("begin").get<double>(), 150);
  EXPECT_DOUBLE_EQ(values.at(0).at("end").get<double>(), 250);
  EXPECT_DOUBLE_EQ(values.at(0).at("use").get<double>(), 80);
}

TEST(Links, Where_NamesLinksAndAWindow) {
  const FigureOptions options{.kind = FigureKind::links,
                              .where = {{"link", "nic"}, {"from", "200us"}, {"to", "300us"}}};
  const json values = spec_of(kTrace, options).at("data").at("values");
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values.at(0).at("link"), "host0/nic0->switch · 40 %");
  EXPECT_EQ(values.at(1).at("link"), "host0/nic1->switch · 10 %");
}

}  // namespace
}  // namespace moesim
