#include "placement.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <numeric>
#include <string>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

/// Collects problems under the keys of a scenario file.
class Problems {
 public:
  void require(bool condition, const char* key, const std::string& message) {
    if (!condition) found_.push_back({.file = {}, .line = 0, .column = 0, .key = key, .message = message});
  }
  [[nodiscard]] bool none() const { return found_.empty(); }
  void raise() const {
    if (!found_.empty()) throw InputError(found_);
  }

 private:
  std::vector<Diagnostic> found_;
};

void check_distribution(const UniformRouting& /*uniform*/, const RoutingProblem& /*problem*/, Problems& /*problems*/) {}

void check_distribution(const ZipfRouting& zipf, const RoutingProblem& /*problem*/, Problems& problems) {
  problems.require(std::isfinite(zipf.exponent) && zipf.exponent >= 0 && zipf.exponent <= 16, "routing.exponent",
                   fmt::format("{} is out of range (0 is uniform, 1.2 is strong skew; at most 16)", zipf.exponent));
}

void check_distribution(const LoadTrace& trace, const RoutingProblem& problem, Problems& problems) {
  problems.require(trace.loads.size() == static_cast<std::size_t>(problem.experts), "routing.loads",
                   fmt::format("{} loads for {} experts", trace.loads.size(), problem.experts));
  const bool positive =
      std::all_of(trace.loads.begin(), trace.loads.end(), [](double x) { return std::isfinite(x) && x >= 0; });
  const double sum = std::accumulate(trace.loads.begin(), trace.loads.end(), 0.0);
  problems.require(positive && sum > 0 && std::isfinite(sum), "routing.loads",
                   "loads must be finite and not negative, and not all zero");
  if (!problems.none()) return;
  const auto largest = std::max_element(trace.loads.begin(), trace.loads.end());
  // 1e-6: a trace printed with few digits may put an expert that every token chooses slightly above its share
  problems.require(
      *largest / sum * problem.top_k <= 1 + 1e-6, "routing.loads",
      fmt::format("expert {} has {:.3g} of all choices (with top_k {} a token chooses an expert at most once, so "
                  "no expert can have more than 1/{})",
                  largest - trace.loads.begin(), *largest / sum, problem.top_k, problem.top_k));
}

void check_distribution(const ChoiceTrace& trace, const RoutingProblem& problem, Problems& problems) {
  problems.require(!trace.choices.empty(), "routing.choices", "no tokens");
  for (std::size_t row = 0; row < trace.choices.size(); ++row) {
    std::vector<int> choices = trace.choices[row];
    std::sort(choices.begin(), choices.end());
    const bool fits = choices.size() == static_cast<std::size_t>(problem.top_k) && !choices.empty() &&
                      choices.front() >= 0 && choices.back() < problem.experts &&
                      std::adjacent_find(choices.begin(), choices.end()) == choices.end();
    if (fits) continue;
    problems.require(false, "routing.choices",
                     fmt::format("token {} does not have top_k = {} different experts of 0 to {}", row, problem.top_k,
                                 problem.experts - 1));
    return;  // one row is enough to see what is wrong
  }
}

}  // namespace

void check(const RoutingProblem& problem, const RoutingConfig& config) {
  Problems problems;
  problems.require(problem.experts > 0, "model.moe.experts", "must be positive");
  problems.require(problem.top_k > 0 && problem.top_k <= problem.experts, "model.moe.top_k",
                   fmt::format("{} must be between 1 and the number of experts ({})", problem.top_k, problem.experts));
  problems.require(problem.ep > 0, "parallelism.ep", "must be positive");
  problems.require(problem.ranks_per_node > 0, "cluster", "an expert-parallel group needs ranks on its machines");
  problems.require(std::isfinite(problem.tokens_per_rank) && problem.tokens_per_rank >= 0, "workload",
                   "tokens per rank must be finite and not negative");
  problems.require(std::isfinite(problem.capacity_factor) && problem.capacity_factor >= 0, "model.moe.capacity_factor",
                   "must be positive, or absent for dropless routing");
  problems.require(problem.max_nodes_per_token >= 0, "model.moe.max_nodes_per_token", "must not be negative");
  problems.raise();
  if (problem.placement.empty()) {
    problems.require(problem.experts % problem.ep == 0, "parallelism.ep",
                     fmt::format("{} experts do not divide over {} ranks", problem.experts, problem.ep));
  } else {
    const bool valid = std::all_of(problem.placement.begin(), problem.placement.end(),
                                   [&](int rank) { return rank >= 0 && rank < problem.ep; });
    problems.require(problem.placement.size() == static_cast<std::size_t>(problem.experts) && valid, "expert_placement",
                     fmt::format("must give each of {} experts a rank from 0 to {}", problem.experts, problem.ep - 1));
  }
  std::visit([&](const auto& distribution) { check_distribution(distribution, problem, problems); },
             config.distribution);
  problems.raise();
  const int limit = problem.max_nodes_per_token;
  if (limit > 0 && limit < node_count(problem)) {
    const Placement placement(problem);
    std::vector<std::size_t> on_node;
    for (std::size_t n = 0; n + 1 < placement.first_of_node.size(); ++n) {
      on_node.push_back(placement.first_of_node[n + 1] - placement.first_of_node[n]);
    }
    // machines without experts are never opened
    on_node.erase(std::remove(on_node.begin(), on_node.end(), std::size_t{0}), on_node.end());
    std::sort(on_node.begin(), on_node.end());
    const auto opened = std::min(on_node.size(), static_cast<std::size_t>(limit));
    const std::size_t fewest =
        std::accumulate(on_node.begin(), on_node.begin() + static_cast<std::ptrdiff_t>(opened), std::size_t{0});
    problems.require(
        fewest >= static_cast<std::size_t>(problem.top_k), "model.moe.max_nodes_per_token",
        fmt::format("{} machines may hold only {} experts (a token needs top_k = {})", limit, fewest, problem.top_k));
  }
  problems.raise();
}

Placement::Placement(const RoutingProblem& problem) {
  const auto experts = static_cast<std::size_t>(problem.experts);
  const auto ranks = static_cast<std::size_t>(problem.ep);
  const auto rank_of = [&](std::size_t expert) {
    return problem.placement.empty() ? expert / (experts / ranks) : static_cast<std::size_t>(problem.placement[expert]);
  };
  first.assign(ranks + 1, 0);
  for (std::size_t e = 0; e < experts; ++e) ++first[rank_of(e) + 1];
  for (std::size_t r = 1; r <= ranks; ++r) {
    even_over_ranks = even_over_ranks && first[r] * ranks == experts;
    first[r] += first[r - 1];
  }
  std::vector<std::size_t> next(first.begin(), first.end() - 1);
  position.resize(experts);
  node.resize(experts);
  for (std::size_t e = 0; e < experts; ++e) {
    position[e] = next[rank_of(e)]++;
    node[e] = static_cast<int>(rank_of(e)) / problem.ranks_per_node;
  }
  const auto nodes = static_cast<std::size_t>(node_count(problem));
  for (std::size_t n = 0; n <= nodes; ++n) {
    first_of_node.push_back(first[std::min(n * static_cast<std::size_t>(problem.ranks_per_node), ranks)]);
    even_over_nodes = even_over_nodes && first_of_node[n] * nodes == n * experts;
  }
}

}  // namespace moesim
