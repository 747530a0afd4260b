// Plans of shapes and sizes, statistics and rows: everything of moesim-bench that needs no GPU.

#include "microbench/plan.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>
#include <set>

#include "microbench/bytes_matrix.hpp"
#include "microbench/hierarchy.hpp"
#include "microbench/statistics.hpp"

namespace moesim::microbench {
namespace {

TEST(PlanRandom, SameSeed_SamePlan) {
  PlanRandom one(7);
  PlanRandom again(7);
  PlanRandom other(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const GemmPoint a = gemm_point(one, true);
    const GemmPoint b = gemm_point(again, true);
    const GemmPoint c = gemm_point(other, true);
    EXPECT_EQ(a.m, b.m);
    EXPECT_EQ(a.n, b.n);
    EXPECT_EQ(a.precision, b.precision);
    differs = differs || a.m != c.m;
  }
  EXPECT_TRUE(differs);
}

// The published first numbers of SplitMix64 from seed 1234567 (Steele, Lea, Flood 2014; Java's reference).
TEST(PlanRandom, Generator_IsSplitMix64) {
  PlanRandom random(1234567);
  EXPECT_DOUBLE_EQ(random.uniform(), static_cast<double>(6457827717110365317ULL >> 11U) * 0x1.0p-53);
  EXPECT_DOUBLE_EQ(random.uniform(), static_cast<double>(3203168211198807973ULL >> 11U) * 0x1.0p-53);
}

TEST(GemmPlan, Points_StayInTheIssuesRange) {
  PlanRandom random(1);
  int fp8 = 0;
  std::set<Layout> layouts;
  for (int i = 0; i < 2000; ++i) {
    const GemmPoint point = gemm_point(random, true);
    EXPECT_GE(point.m, 1);
    EXPECT_LE(point.m, 40000);
    EXPECT_GE(std::min(point.n, point.k), 32);
    EXPECT_LE(std::max(point.n, point.k), 32768);
    EXPECT_EQ(point.n % 32, 0);
    if (point.precision == Precision::fp8) {
      ++fp8;
      EXPECT_EQ(point.layout, Layout::TN);
    }
    EXPECT_TRUE(point.layout != Layout::NT || point.m % 8 == 0);
    layouts.insert(point.layout);
  }
  EXPECT_GT(fp8, 200);
  EXPECT_EQ(layouts.size(), 3U);
  for (int i = 0; i < 200; ++i) EXPECT_NE(gemm_point(random, false).precision, Precision::fp8);
}

RC_GTEST_PROP(ZipfRows, AddUpAndAreOrdered, ()) {
  PlanRandom random(*rc::gen::arbitrary<std::uint64_t>());
  const int experts = *rc::gen::inRange(1, 65);
  const int total = *rc::gen::inRange(0, 100000);
  std::vector<std::int64_t> rows = zipf_rows(random, experts, total, 0.8);
  RC_ASSERT(std::accumulate(rows.begin(), rows.end(), std::int64_t{0}) == total);
  RC_ASSERT(std::ranges::all_of(rows, [](std::int64_t one) { return one >= 0; }));
  // The most popular of e experts has 1 / H(e) of the rows, up to rounding.
  double sum = 0;
  for (int i = 1; i <= experts; ++i) sum += std::pow(i, -0.8);
  RC_ASSERT(std::abs(static_cast<double>(std::ranges::max(rows)) - total / sum) <= 2);
}

TEST(SweepSizes, PowersOfTwoAndTheirMiddles_InWholeBlocks) {
  EXPECT_EQ(sweep_sizes(1024, 4096, 2, 2), (std::vector<std::int64_t>{1024, 1536, 2048, 3072, 4096}));
  // 8 B cannot be split over 8 ranks in 2-byte elements: 16 B is the first.
  EXPECT_EQ(sweep_sizes(8, 64, 8, 2), (std::vector<std::int64_t>{16, 32, 48, 64}));
  for (const std::int64_t size : sweep_sizes(8, std::int64_t{8} << 30U, 6, 2)) EXPECT_EQ(size % 12, 0);
  EXPECT_EQ(sweep_sizes(8, std::int64_t{8} << 30U, 1, 2).back(), std::int64_t{8} << 30U);
}

TEST(RankCounts, DoublesUpToAll) {
  EXPECT_EQ(rank_counts(1), std::vector<int>{1});
  EXPECT_EQ(rank_counts(8), (std::vector<int>{2, 4, 8}));
  EXPECT_EQ(rank_counts(12), (std::vector<int>{2, 4, 8, 12}));
}

TEST(RotatedSets, ExceedTheCacheTwice) {
  EXPECT_EQ(rotated_sets(10e6, 50e6), 10);
  EXPECT_EQ(rotated_sets(1e9, 50e6), 2) << "never the same operands twice in a row";
  EXPECT_EQ(rotated_sets(1, 50e6), 64) << "small operands: as many as are sensible";
}

// Mean 2, standard deviation 1, five samples: error of the mean 1 / sqrt(5), relative 0.2236.
TEST(Measurement, MedianAndNoise) {
  Measurement five;
  for (const double one : {1.0, 1.0, 2.0, 3.0, 3.0}) five.add(one);
  EXPECT_DOUBLE_EQ(five.median(), 2);
  EXPECT_NEAR(five.noise(), 1 / std::sqrt(5.0) / 2, 1e-12);
  five.add(9);
  EXPECT_DOUBLE_EQ(five.median(), 2.5);
}

TEST(Measurement, StopsOnNoise_NotOnCount) {
  const StoppingRule rule{.noise = 0.01, .fewest = 5, .least_seconds = 1, .patience = 100};
  Measurement steady;
  for (int i = 0; i < 4; ++i) steady.add(0.5);
  EXPECT_FALSE(steady.settled(rule)) << "too few";
  steady.add(0.5);
  EXPECT_TRUE(steady.settled(rule));
  Measurement brief;
  for (int i = 0; i < 5; ++i) brief.add(0.01);
  EXPECT_FALSE(brief.settled(rule)) << "0.05 s of device time are too short";
  EXPECT_TRUE(brief.settled(rule, 20)) << "of 20 launches each they are not";
  Measurement noisy;
  for (int i = 0; i < 40; ++i) noisy.add(i % 2 == 0 ? 1 : 3);
  EXPECT_FALSE(noisy.settled(rule));
  for (int i = 0; i < 12; ++i) noisy.add(i % 2 == 0 ? 1 : 3);
  EXPECT_TRUE(noisy.settled(rule)) << "patience is over";
}

/// What every rank holds after the exchange when block (from, to) is the number from * R + to.
std::vector<std::vector<int>> exchanged(int nodes, int per_node) {
  const int ranks = nodes * per_node;
  const auto size = static_cast<std::size_t>(ranks);
  std::vector<std::vector<int>> first(size, std::vector<int>(size, -1));
  std::vector<std::vector<int>> second = first;
  std::vector<std::vector<int>> result = first;
  const auto message_to = [&](int rank, int peer, int nth, const auto& list) {
    for (const Message& one : list(two_level_exchange(rank, nodes, per_node, 1))) {
      if (one.peer == peer && nth-- == 0) return one;
    }
    return Message{};
  };
  // NCCL matches sends and receives of a pair in order.
  const auto run = [&](const auto& list, const auto& from, auto& to) {
    for (int rank = 0; rank < ranks; ++rank) {
      std::vector<int> seen(size, 0);
      for (const Message& one : list(two_level_exchange(rank, nodes, per_node, 1))) {
        const int nth = seen[static_cast<std::size_t>(one.peer)]++;
        const Message matching = message_to(one.peer, rank, nth, list);
        EXPECT_EQ(matching.bytes, one.bytes);
        for (std::int64_t i = 0; i < one.bytes; ++i) {
          to[static_cast<std::size_t>(one.peer)][static_cast<std::size_t>(matching.receive_offset + i)] =
              from[static_cast<std::size_t>(rank)][static_cast<std::size_t>(one.send_offset + i)];
        }
      }
    }
  };
  std::vector<std::vector<int>> send = first;
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to)
      send[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)] = from * ranks + to;
  }
  run([](const TwoLevelExchange& plan) { return plan.inside; }, send, first);
  for (std::size_t rank = 0; rank < size; ++rank) {  // [per_node][nodes] to [nodes][per_node]
    for (int local = 0; local < per_node; ++local) {
      for (int node = 0; node < nodes; ++node) {
        second[rank][static_cast<std::size_t>(node * per_node + local)] =
            first[rank][static_cast<std::size_t>(local * nodes + node)];
      }
    }
  }
  run([](const TwoLevelExchange& plan) { return plan.between; }, second, result);
  return result;
}

// Whatever the machine, both steps together are an all-to-all: rank r ends with block (s, r) at place s.
TEST(TwoLevelExchange, IsAnAllToAll) {
  for (const auto& [nodes, per_node] :
       {std::pair(1, 1), std::pair(1, 4), std::pair(3, 1), std::pair(2, 4), std::pair(4, 2)}) {
    const int ranks = nodes * per_node;
    const auto result = exchanged(nodes, per_node);
    for (int rank = 0; rank < ranks; ++rank) {
      for (int from = 0; from < ranks; ++from) {
        EXPECT_EQ(result[static_cast<std::size_t>(rank)][static_cast<std::size_t>(from)], from * ranks + rank)
            << nodes << " x " << per_node;
      }
    }
  }
}

TEST(BytesMatrix, OffsetsAreSumsOfWhatLiesBefore) {
  const BytesMatrix matrix{.ranks = 3, .bytes = {1, 2, 3, 10, 20, 30, 100, 200, 300}};
  EXPECT_EQ(matrix.sent(1), 60);
  EXPECT_EQ(matrix.received(2), 333);
  EXPECT_EQ(matrix.send_offset(1, 2), 30);
  EXPECT_EQ(matrix.receive_offset(2, 1), 3);
}

TEST(BytesMatrix, Zipf_EveryRankSendsTheSame) {
  PlanRandom random(3);
  const BytesMatrix matrix = zipf_matrix(random, 8, 1 << 20, 1.0, 2);
  for (int rank = 0; rank < 8; ++rank) EXPECT_EQ(matrix.sent(rank), 1 << 20);
  std::set<std::int64_t> received;
  for (int rank = 0; rank < 8; ++rank) received.insert(matrix.received(rank));
  EXPECT_GT(*received.rbegin(), 4 * *received.begin()) << "1 : 1/8, up to rounding";
  EXPECT_EQ(even_matrix(4, 400).at(2, 3), 100);
}

}  // namespace
}  // namespace moesim::microbench
