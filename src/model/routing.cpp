#include "moesim/model/routing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "moesim/base/diagnostic.hpp"
#include "moesim/model/selection.hpp"

#include "choices.hpp"
#include "placement.hpp"

namespace moesim {

/// Applies capacity to choices and adds them up by rank.
class RoutingBuilder {
 public:
  explicit RoutingBuilder(const RoutingProblem& problem) : problem_(problem), capacity_(capacity(problem)) {
    result_.ranks_ = problem.ep;
    result_.ranks_per_node_ = problem.ranks_per_node;
    result_.nodes_ = node_count(problem);
    result_.top_k_ = problem.top_k;
  }

  /// Expected values of uniform routing over contiguous blocks and equal machines: no list of experts is needed.
  RoutingResult uniform() {
    const double chosen = problem_.tokens_per_rank * problem_.top_k / problem_.experts;
    const double distinct =
        expected_distinct_nodes(problem_.experts, problem_.top_k, result_.nodes_, problem_.max_nodes_per_token);
    set_balanced(sent(chosen, chosen), static_cast<std::size_t>(problem_.experts / problem_.ep));
    result_.dropped_fraction_ = chosen > 0 ? std::max(chosen - capacity_, 0.0) / chosen : 0;
    const double rows_to_node = result_.rows_per_pair_ * problem_.ranks_per_node;
    result_.rows_to_node_.assign(static_cast<std::size_t>(result_.nodes_),
                                 std::min(problem_.tokens_per_rank * distinct / result_.nodes_, rows_to_node));
    return check_laws(problem_.tokens_per_rank);
  }

  RoutingResult from(const Choices& choices, const Placement& placement) {
    const std::vector<double>& chosen = choices.of_expert;
    const double all = std::accumulate(chosen.begin(), chosen.end(), 0.0);
    const double busiest = chosen.empty() ? 0 : *std::max_element(chosen.begin(), chosen.end());
    double dropped = 0;
    std::vector<double> sent_rows;
    sent_rows.reserve(chosen.size());
    for (const double count : chosen) {
      dropped += std::max(count - capacity_, 0.0);
      sent_rows.push_back(sent(count, busiest));
    }
    result_.dropped_fraction_ = all > 0 ? dropped / all : 0;
    if ((choices.even || padded()) && placement.even_over_ranks) {
      set_balanced(sent_rows.front(), placement.first[1]);
    } else {
      set_skewed(choices, sent_rows, placement);
    }
    set_rows_to_node(choices);
    return check_laws(choices.tokens);
  }

 private:
  [[nodiscard]] bool padded() const {
    return problem_.pad_to_busiest || (problem_.pad_to_capacity && problem_.capacity_factor > 0);
  }

  [[nodiscard]] double sent(double chosen, double busiest) const {
    if (problem_.pad_to_busiest) return std::min(busiest, capacity_);
    return padded() ? capacity_ : std::min(chosen, capacity_);
  }

  void set_balanced(double rows_per_expert, std::size_t experts_per_rank) {
    // With a limit a token's experts are on that many machines, any of them.
    const int nodes = result_.nodes_;
    const int open = problem_.max_nodes_per_token > 0 ? std::min(problem_.max_nodes_per_token, nodes) : nodes;
    const int experts = problem_.experts / nodes * open;
    const int ranks = problem_.ep / nodes * open;
    if (experts % ranks == 0 && problem_.top_k <= experts) {
      result_.rank_copies_ = expected_distinct_nodes(experts, problem_.top_k, ranks) / problem_.top_k;
    }
    result_.rows_per_pair_ = rows_per_expert * static_cast<double>(experts_per_rank);
    result_.expert_rows_.assign(experts_per_rank, rows_per_expert * problem_.ep);
  }

  void set_skewed(const Choices& choices, const std::vector<double>& sent_rows, const Placement& placement) {
    const std::size_t ranks = placement.first.size() - 1;
    const std::size_t experts = placement.position.size();
    result_.first_expert_ = placement.first;
    result_.rows_.resize(ranks * ranks);
    result_.expert_rows_.assign(experts, 0);
    for (std::size_t from = 0; from < ranks; ++from) {
      const double* rows = &sent_rows[choices.senders == 1 ? 0 : from * experts];
      for (std::size_t to = 0; to < ranks; ++to) {
        double& pair = result_.rows_[from * ranks + to];
        for (std::size_t p = placement.first[to]; p < placement.first[to + 1]; ++p) {
          pair += rows[p];
          result_.expert_rows_[p] += rows[p];
        }
      }
    }
  }

  /// One copy to a machine is never more than all rows to it: drops that `at_node` does not know of are taken off here.
  void set_rows_to_node(const Choices& choices) {
    const auto nodes = static_cast<std::size_t>(result_.nodes_);
    result_.rows_to_node_ = choices.at_node;
    for (std::size_t i = 0; i < result_.rows_to_node_.size(); ++i) {
      const int node = static_cast<int>(i % nodes);
      const int end = std::min((node + 1) * problem_.ranks_per_node, problem_.ep);
      double rows = 0;
      for (int to = node * problem_.ranks_per_node; to < end; ++to) {
        rows += result_.rows_between(static_cast<int>(i / nodes), to);
      }
      result_.rows_to_node_[i] = std::min(result_.rows_to_node_[i], rows);
    }
  }

  /// @param tokens of one rank
  RoutingResult check_laws(double tokens) {
    const double choices = tokens * problem_.top_k * problem_.ep;
    if (!padded()) {
      const double accounted = result_.total_rows() + result_.dropped_fraction_ * choices;
      MOESIM_ENSURES(std::abs(accounted - choices) <= 1e-9 * choices);
    }
    MOESIM_ENSURES(result_.dropped_fraction_ >= 0 && result_.dropped_fraction_ < 1);
    return std::move(result_);
  }

  const RoutingProblem& problem_;
  double capacity_;
  RoutingResult result_;
};

RoutingResult route(const RoutingProblem& problem, const RoutingConfig& config, RoutingInstance instance) {
  check(problem, config);
  const bool equal_machines = problem.ep % problem.ranks_per_node == 0;
  const bool uniform = std::holds_alternative<UniformRouting>(config.distribution) && !config.sampling_noise;
  if (uniform && equal_machines && problem.placement.empty()) return RoutingBuilder(problem).uniform();
  const Placement placement(problem);
  return RoutingBuilder(problem).from(make_choices(problem, config, instance, placement), placement);
}

}  // namespace moesim
