#include "moesim/sim/event_queue.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace moesim {
namespace {

TEST(EventQueue, EqualTimes_ComeInTheOrderOfPushing) {
  EventQueue<int> queue;
  for (int i = 0; i < 100; ++i) queue.push({1.5}, i);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.pop().action, i);
  EXPECT_TRUE(queue.empty());
}

TEST(EventQueue, EventInThePast_IsOurMistake) {
  EventQueue<int> queue;
  queue.push({2}, 0);
  queue.pop();
  EXPECT_THROW(queue.push({1}, 1), ContractViolation);
}

RC_GTEST_PROP(EventQueue, PopsAStableSortByTime, (std::vector<unsigned> times)) {
  EventQueue<std::size_t> queue;
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] %= 10;  // many ties
    queue.push({static_cast<double>(times[i])}, i);
  }
  std::vector<std::size_t> expected(times.size());
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = i;
  std::stable_sort(expected.begin(), expected.end(), [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
  std::vector<std::size_t> popped;
  while (!queue.empty()) popped.push_back(queue.pop().action);
  RC_ASSERT(popped == expected);
}

}  // namespace
}  // namespace moesim
