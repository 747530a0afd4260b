#include "analytic/schedule.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace moesim {
namespace {

Op op(Stream stream, std::vector<OpId> after = {}) {
  return {.kind = WorkKind::attention, .name = "op", .stream = stream, .work = KernelWork{}, .after = std::move(after)};
}

Phase phase(std::vector<Op> ops) { return {.name = "test", .ops = std::move(ops), .repeat = 1}; }

Seconds critical_sum(const ScheduledPhase& scheduled, const std::vector<Seconds>& times) {
  Seconds sum;
  for (const std::size_t i : scheduled.critical) sum += times[i];
  return sum;
}

// compute: 1 s, then 2 s after the communication; communication: 3 s after the first -> 1 + 3 + 2.
TEST(Schedule, CommunicationBetweenTwoKernels_IsExposed) {
  const Phase p =
      phase({op(Stream::compute), op(Stream::expert_communication, {OpId{0}}), op(Stream::compute, {OpId{1}})});
  const std::vector<Seconds> times = {{1}, {3}, {2}};
  const ScheduledPhase scheduled = schedule(p, times, false);
  EXPECT_DOUBLE_EQ(scheduled.makespan.value, 6);
  EXPECT_EQ(scheduled.critical, (std::vector<std::size_t>{2, 1, 0}));
}

// A kernel of 5 s beside the communication of 3 s hides it: 1 + 5 + 2.
TEST(Schedule, KernelBesideCommunication_HidesIt) {
  const Phase p = phase({op(Stream::compute), op(Stream::expert_communication, {OpId{0}}), op(Stream::compute),
                         op(Stream::compute, {OpId{1}})});
  const ScheduledPhase scheduled = schedule(p, {{1}, {3}, {5}, {2}}, false);
  EXPECT_DOUBLE_EQ(scheduled.makespan.value, 8);
  EXPECT_EQ(scheduled.critical, (std::vector<std::size_t>{3, 2, 0}));
}

// Two chunks: dispatch 2 + 2, experts 3 + 3 -> the second dispatch is hidden: 2 + 3 + 3.
TEST(Schedule, TwoChunks_OverlapAsTutelDoes) {
  const Phase p = phase({op(Stream::expert_communication), op(Stream::expert_communication),
                         op(Stream::compute, {OpId{0}}), op(Stream::compute, {OpId{1}})});
  EXPECT_DOUBLE_EQ(schedule(p, {{2}, {2}, {3}, {3}}, false).makespan.value, 8);
}

TEST(Schedule, BackgroundReduction_IsNotWaitedFor) {
  const Phase p = phase({op(Stream::compute), op(Stream::gradient_communication, {OpId{0}})});
  const ScheduledPhase scheduled = schedule(p, {{1}, {10}}, true);
  EXPECT_DOUBLE_EQ(scheduled.makespan.value, 1);
  EXPECT_DOUBLE_EQ(scheduled.background.value, 10);
  EXPECT_DOUBLE_EQ(schedule(p, {{1}, {10}}, false).makespan.value, 11);
}

TEST(Schedule, EmptyPhase_TakesNoTime) { EXPECT_DOUBLE_EQ(schedule(phase({}), {}, false).makespan.value, 0); }

struct RandomPhase {
  Phase phase;
  std::vector<Seconds> times;
};

RandomPhase random_phase() {
  RandomPhase result;
  const int count = *rc::gen::inRange(1, 20);
  for (int i = 0; i < count; ++i) {
    std::vector<OpId> after;
    for (int before = 0; before < i; ++before) {
      if (*rc::gen::inRange(0, 4) == 0) after.emplace_back(static_cast<std::size_t>(before));
    }
    result.phase.ops.push_back(op(static_cast<Stream>(*rc::gen::inRange(0, 4)), after));
    result.times.push_back({*rc::gen::inRange(1, 1000) * 0.5});
  }
  return result;
}

RC_GTEST_PROP(Schedule, CriticalPath_AddsUpToTheMakespan, ()) {
  const RandomPhase random = random_phase();
  const ScheduledPhase scheduled = schedule(random.phase, random.times, false);
  RC_ASSERT(std::abs(critical_sum(scheduled, random.times).value - scheduled.makespan.value) < 1e-9);
}

RC_GTEST_PROP(Schedule, Makespan_LiesBetweenBusiestStreamAndSum, ()) {
  const RandomPhase random = random_phase();
  std::array<double, kStreams> busy{};
  double sum = 0;
  for (std::size_t i = 0; i < random.times.size(); ++i) {
    busy[static_cast<std::size_t>(random.phase.ops[i].stream)] += random.times[i].value;
    sum += random.times[i].value;
  }
  const double makespan = schedule(random.phase, random.times, false).makespan.value;
  RC_ASSERT(makespan <= sum + 1e-9);
  RC_ASSERT(makespan >= *std::max_element(busy.begin(), busy.end()) - 1e-9);
}

}  // namespace
}  // namespace moesim
