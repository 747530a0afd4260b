#include "analytic/pipeline.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

// F = 2, B = 4 (2 of it weight gradients), 1.5 of communication: every bubble by hand.
constexpr StageTime kStage{
    .forward = {2}, .backward = {4}, .weight_gradient = {2}, .compute = {4.5}, .communication = {1.5}};

Parallelism pipeline(PipelineSchedule schedule, int pp, int virtual_stages = 1) {
  Parallelism parallelism;
  parallelism.pp = pp;
  parallelism.schedule = schedule;
  parallelism.virtual_stages = virtual_stages;
  return parallelism;
}

/// Idle time of the slowest of `pp` equal stages.
double bubble(PipelineSchedule schedule, int pp, int virtual_stages = 1) {
  return bubble_share(pipeline(schedule, pp, virtual_stages), kStage) * (pp - 1) * 6;
}

TEST(Pipeline, Bubbles_AreThoseOfThePapers) {
  EXPECT_DOUBLE_EQ(bubble(PipelineSchedule::gpipe, 4), 3 * 6);
  EXPECT_DOUBLE_EQ(bubble(PipelineSchedule::one_f_one_b, 4), 3 * 6);
  EXPECT_DOUBLE_EQ(bubble(PipelineSchedule::one_f_one_b, 4, 3), 3 * 6 / 3.0);
  EXPECT_DOUBLE_EQ(bubble(PipelineSchedule::zero_bubble_h1, 4), 3 * (6 - 2 * 2));
  EXPECT_DOUBLE_EQ(bubble(PipelineSchedule::zero_bubble_h2, 4), 0);
  // (4 / 2 - 1) (FB + B - 3 W): a pair of passes takes as long as its computing, 4.5.
  EXPECT_DOUBLE_EQ(bubble(PipelineSchedule::dual_pipe, 4), 4.5 + 4 - 6);
}

TEST(Pipeline, DualPipe_ShowsCommunicationBeyondTheComputingOfBothPassesOnly) {
  EXPECT_DOUBLE_EQ(exposed_share(pipeline(PipelineSchedule::dual_pipe, 4), kStage, {1.5}), 0);
  StageTime slow_network = kStage;
  slow_network.forward = {4};
  slow_network.backward = {6};
  slow_network.communication = {5.5};
  EXPECT_DOUBLE_EQ(exposed_share(pipeline(PipelineSchedule::dual_pipe, 4), slow_network, {5.5}), 1 / 5.5);
  EXPECT_DOUBLE_EQ(exposed_share(pipeline(PipelineSchedule::one_f_one_b, 4), kStage, {1.5}), 1);
}

// A pair of passes: 10 s, 4 of them only all-to-all, 5 of all-to-alls in all. Side by side they take max(5, 6) = 6.
TEST(Pipeline, ExpertParallelOverlap_HidesAllToAllsBehindTheOtherPass) {
  const ExchangeTime exchange{.all = {5}, .exposed = {4}};
  const auto share = [&](int pp, int chunks, int micro_batches, const ExchangeTime& of) {
    return exposed_exchange_share(pipeline(PipelineSchedule::one_f_one_b, pp, chunks), micro_batches, {10}, of);
  };
  EXPECT_DOUBLE_EQ(share(1, 1, 100, exchange), 0.01);                // one micro-batch has no partner
  EXPECT_DOUBLE_EQ(share(4, 1, 100, exchange), 0.03);                // the fill of 1F1B
  EXPECT_DOUBLE_EQ(share(4, 2, 50, exchange), (2 * 3 + 4) / 100.0);  // ... interleaved
  EXPECT_DOUBLE_EQ(share(8, 1, 4, exchange), 1);                     // nothing but fill
  EXPECT_DOUBLE_EQ(share(1, 1, 1'000'000'000, {.all = {8}, .exposed = {8}}), 1e-9 + (1 - 1e-9) * (8 - 2) / 8.0);
  // Work that takes 1.25 times as long beside it: 6 + 5 (1 - 1 / 1.25) = 7, 1 more than the work alone.
  EXPECT_NEAR(share(1, 1, 1'000'000'000, {.all = {5}, .exposed = {4}, .slowdown = 1.25}), 0.25, 1e-8);
}

}  // namespace
}  // namespace moesim
