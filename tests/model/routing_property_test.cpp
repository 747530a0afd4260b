// Laws of routing, on random problems of every kind.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>

#include "moesim/model/routing.hpp"

namespace moesim::testing {
namespace {

std::vector<int> permutation(int n) {
  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int i = n; i > 1; --i) {
    std::swap(order[static_cast<std::size_t>(i) - 1], order[static_cast<std::size_t>(*rc::gen::inRange(0, i))]);
  }
  return order;
}

RoutingProblem any_problem() {
  RoutingProblem problem;
  problem.ep = *rc::gen::inRange(1, 9);
  const int per_rank = *rc::gen::inRange(1, 5);
  problem.experts = problem.ep * per_rank;
  problem.top_k = *rc::gen::inRange(1, std::min(problem.experts, 6) + 1);
  problem.tokens_per_rank = *rc::gen::inRange(0, 200);
  problem.ranks_per_node = *rc::gen::inRange(1, problem.ep + 1);
  if (*rc::gen::arbitrary<bool>()) {
    for (int e = 0; e < problem.experts; ++e) problem.placement.push_back(*rc::gen::inRange(0, problem.ep));
  }
  return problem;
}

std::vector<double> any_loads(const RoutingProblem& problem) {
  std::vector<double> loads(static_cast<std::size_t>(problem.experts));
  for (double& load : loads) load = *rc::gen::inRange(1, 30);
  // no expert may have more than every token
  for (int i = 0; i < 100; ++i) {
    const double most = std::accumulate(loads.begin(), loads.end(), 0.0) / problem.top_k;
    for (double& load : loads) load = std::min(load, most);
  }
  return loads;
}

RoutingConfig any_config(const RoutingProblem& problem) {
  RoutingConfig config;
  config.seed = *rc::gen::arbitrary<std::uint64_t>();
  config.sampling_noise = *rc::gen::arbitrary<bool>();
  const int kind = *rc::gen::inRange(0, 4);
  if (kind == 1) config.distribution = ZipfRouting{.exponent = 0.1 * *rc::gen::inRange(0, 40)};
  if (kind == 2) config.distribution = LoadTrace{any_loads(problem)};
  if (kind == 3) {
    ChoiceTrace trace;
    const int tokens = *rc::gen::inRange(1, 20);
    for (int t = 0; t < tokens; ++t) {
      std::vector<int> choices = permutation(problem.experts);
      choices.resize(static_cast<std::size_t>(problem.top_k));
      trace.choices.push_back(choices);
    }
    config.distribution = trace;
  }
  return config;
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-7 * std::max({std::abs(a), std::abs(b), 1.0}); }

RC_GTEST_PROP(RoutingLaws, Dropless_EveryChoiceArrives, ()) {
  const RoutingProblem problem = any_problem();
  const RoutingResult result = route(problem, any_config(problem));
  double received = 0;
  for (int rank = 0; rank < problem.ep; ++rank) {
    RC_ASSERT(near(result.rows_sent(rank), problem.tokens_per_rank * problem.top_k));
    double column = 0;
    for (int from = 0; from < problem.ep; ++from) column += result.rows_between(from, rank);
    RC_ASSERT(near(column, result.rows_received(rank)));
    for (const double rows : result.expert_rows(rank)) {
      RC_ASSERT(rows >= 0);
      RC_ASSERT(rows <= problem.tokens_per_rank * problem.ep * (1 + 1e-9));
    }
    received += result.rows_received(rank);
  }
  RC_ASSERT(near(received, result.total_rows()));
  RC_ASSERT(result.busiest_rank_rows() * problem.ep >= received * (1 - 1e-9));
  RC_ASSERT(result.imbalance() >= 1 - 1e-9);
  RC_ASSERT(result.dropped_fraction() == 0);
}

RC_GTEST_PROP(RoutingLaws, OneCopyPerMachine_LiesBetweenItsBounds, ()) {
  RoutingProblem problem = any_problem();
  problem.capacity_factor = *rc::gen::element(0.0, 0.5, 1.0, 1.5);
  problem.pad_to_capacity = *rc::gen::arbitrary<bool>();
  const RoutingResult result = route(problem, any_config(problem));
  const bool drops = result.dropped_fraction() > 0;
  for (int from = 0; from < problem.ep; ++from) {
    double copies = 0;
    for (int node = 0; node < result.nodes(); ++node) {
      double rows = 0;
      for (int to = node * problem.ranks_per_node; to < std::min((node + 1) * problem.ranks_per_node, problem.ep);
           ++to) {
        rows += result.rows_between(from, to);
      }
      const double once = result.rows_to_node(from, node);
      RC_ASSERT(once <= rows * (1 + 1e-7) + 1e-7);
      RC_ASSERT(once <= problem.tokens_per_rank * (1 + 1e-7));
      if (problem.capacity_factor == 0) RC_ASSERT(once * problem.top_k >= rows * (1 - 1e-7) - 1e-7);
      copies += once;
    }
    if (!drops) RC_ASSERT(copies >= problem.tokens_per_rank * (1 - 1e-7));
  }
}

RC_GTEST_PROP(RoutingLaws, Capacity_BoundsEveryBlock, ()) {
  RoutingProblem problem = any_problem();
  problem.capacity_factor = 0.25 * *rc::gen::inRange(1, 9);
  problem.pad_to_capacity = false;
  const RoutingConfig config = any_config(problem);
  const RoutingResult dropped = route(problem, config);
  const double capacity =
      std::ceil(problem.capacity_factor * problem.tokens_per_rank * problem.top_k / problem.experts);
  const double choices = problem.tokens_per_rank * problem.top_k * problem.ep;
  RC_ASSERT(near(dropped.total_rows() + dropped.dropped_fraction() * choices, choices));
  problem.pad_to_capacity = true;
  const RoutingResult padded = route(problem, config);
  RC_ASSERT(padded.dropped_fraction() == dropped.dropped_fraction());
  RC_ASSERT(near(padded.total_rows(), capacity * problem.experts * problem.ep));
  for (int from = 0; from < problem.ep; ++from) {
    for (int to = 0; to < problem.ep; ++to) {
      const double room = capacity * static_cast<double>(dropped.expert_rows(to).size());
      if (!dropped.balanced()) RC_ASSERT(dropped.rows_between(from, to) <= room * (1 + 1e-9));
      RC_ASSERT(padded.rows_between(from, to) >= dropped.rows_between(from, to) - 1e-7);
    }
  }
}

RC_GTEST_PROP(RoutingLaws, ExpertNumbers_DoNotMatter, ()) {
  // renaming the experts of a load trace, and moving the names with the experts, changes nothing
  RoutingProblem problem = any_problem();
  problem.placement.clear();
  for (int e = 0; e < problem.experts; ++e) problem.placement.push_back(*rc::gen::inRange(0, problem.ep));
  const std::vector<double> loads = any_loads(problem);
  const std::vector<int> order = permutation(problem.experts);
  RoutingProblem renamed = problem;
  std::vector<double> renamed_loads(loads.size());
  for (std::size_t e = 0; e < loads.size(); ++e) {
    const auto name = static_cast<std::size_t>(order[e]);
    renamed.placement[name] = problem.placement[e];
    renamed_loads[name] = loads[e];
  }
  const RoutingResult a = route(problem, {.distribution = LoadTrace{loads}});
  const RoutingResult b = route(renamed, {.distribution = LoadTrace{renamed_loads}});
  for (int i = 0; i < problem.ep; ++i) {
    for (int j = 0; j < problem.ep; ++j) RC_ASSERT(near(a.rows_between(i, j), b.rows_between(i, j)));
    for (int n = 0; n < a.nodes(); ++n) RC_ASSERT(near(a.rows_to_node(i, n), b.rows_to_node(i, n)));
  }
}

RC_GTEST_PROP(RoutingLaws, RankNumbers_PermuteTheColumns, ()) {
  RoutingProblem problem = any_problem();
  problem.placement.clear();
  for (int e = 0; e < problem.experts; ++e) problem.placement.push_back(*rc::gen::inRange(0, problem.ep));
  const RoutingConfig config =
      any_config(problem);  // the same tokens: streams belong to senders, not to experts' ranks
  const std::vector<int> order = permutation(problem.ep);
  RoutingProblem moved = problem;
  for (int& rank : moved.placement) rank = order[static_cast<std::size_t>(rank)];
  const RoutingResult a = route(problem, config);
  const RoutingResult b = route(moved, config);
  for (int i = 0; i < problem.ep; ++i) {
    for (int j = 0; j < problem.ep; ++j) {
      RC_ASSERT(near(a.rows_between(i, j), b.rows_between(i, order[static_cast<std::size_t>(j)])));
    }
  }
}

RC_GTEST_PROP(RoutingLaws, Draws_AreWholeTokens, ()) {
  const RoutingProblem problem = any_problem();
  RoutingConfig config = any_config(problem);
  config.sampling_noise = true;
  const RoutingResult result = route(problem, config);
  for (int from = 0; from < problem.ep; ++from) {
    RC_ASSERT(result.rows_sent(from) == problem.tokens_per_rank * problem.top_k);
    for (int to = 0; to < problem.ep; ++to) {
      const double rows = result.rows_between(from, to);
      RC_ASSERT(rows == std::floor(rows));
    }
  }
}

RC_GTEST_PROP(RoutingLaws, Expectations_ScaleWithTokens, ()) {
  RoutingProblem problem = any_problem();
  RoutingConfig config = any_config(problem);
  if (std::holds_alternative<ChoiceTrace>(config.distribution)) config.distribution = UniformRouting{};
  config.sampling_noise = false;
  const RoutingResult once = route(problem, config);
  problem.tokens_per_rank *= 3;
  const RoutingResult thrice = route(problem, config);
  for (int i = 0; i < problem.ep; ++i) {
    for (int j = 0; j < problem.ep; ++j) RC_ASSERT(near(3 * once.rows_between(i, j), thrice.rows_between(i, j)));
  }
}

}  // namespace
}  // namespace moesim::testing
