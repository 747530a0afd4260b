#include "choices.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "moesim/model/selection.hpp"

#include "sampler.hpp"

namespace moesim {
namespace {

/// What a random stream is for; part of its key.
enum class Purpose : std::uint64_t { zipf_order, tokens, expectation };

RandomStream stream(const RoutingConfig& config, Purpose purpose, RoutingInstance instance, std::size_t rank) {
  return {config.seed, static_cast<std::uint64_t>(purpose), static_cast<std::uint64_t>(instance.layer),
          static_cast<std::uint64_t>(instance.micro_batch), rank};
}

/// Counts whole tokens, in their order: once an expert has its capacity, further tokens of the sender are dropped.
class TokenCounter {
 public:
  TokenCounter(const Placement& placement, double rows_per_expert, double tokens, std::size_t senders)
      : placement_(placement),
        capacity_(rows_per_expert),
        experts_(placement.position.size()),
        nodes_(placement.first_of_node.size() - 1),
        seen_at_node_(nodes_),
        choices_{.tokens = tokens,
                 .senders = senders,
                 .of_expert = std::vector<double>(senders * experts_),
                 .at_node = std::vector<double>(senders * nodes_)} {}

  void add(std::size_t sender, std::span<const int> chosen) {
    ++token_;
    for (const int choice : chosen) {
      const auto expert = static_cast<std::size_t>(choice);
      double& count = choices_.of_expert[sender * experts_ + placement_.position[expert]];
      count += 1;
      const auto node = static_cast<std::size_t>(placement_.node[expert]);
      if (count > capacity_ || seen_at_node_[node] == token_) continue;
      seen_at_node_[node] = token_;
      choices_.at_node[sender * nodes_ + node] += 1;
    }
  }
  [[nodiscard]] Choices take() { return std::move(choices_); }

 private:
  const Placement& placement_;
  double capacity_;
  std::size_t experts_;
  std::size_t nodes_;
  std::uint64_t token_ = 0;
  std::vector<std::uint64_t> seen_at_node_;
  Choices choices_;
};

bool limited(const RoutingProblem& problem) {
  return problem.max_nodes_per_token > 0 && problem.max_nodes_per_token < node_count(problem);
}

Choices drawn(const RoutingProblem& problem, const RoutingConfig& config, RoutingInstance instance,
              const Placement& placement, const std::vector<double>& weights) {
  ExpertSampler sampler(weights, placement.node, limited(problem) ? problem.max_nodes_per_token : 0);
  const auto tokens = std::llround(problem.tokens_per_rank);
  TokenCounter counter(placement, capacity(problem), static_cast<double>(tokens), static_cast<std::size_t>(problem.ep));
  std::vector<int> chosen(static_cast<std::size_t>(problem.top_k));
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(problem.ep); ++rank) {
    RandomStream random = stream(config, Purpose::tokens, instance, rank);
    for (long long t = 0; t < tokens; ++t) {
      sampler.draw(random, chosen);
      counter.add(rank, chosen);
    }
  }
  return counter.take();
}

/// Mean of many drawn tokens: for what has no closed form. The standard error of a probability p is sqrt(p (1 - p) /
/// 65536).
Choices estimated(const RoutingProblem& problem, const RoutingConfig& config, RoutingInstance instance,
                  const Placement& placement, const std::vector<double>& weights) {
  constexpr int kTokens = 65536;
  ExpertSampler sampler(weights, placement.node, problem.max_nodes_per_token);
  TokenCounter counter(placement, std::numeric_limits<double>::infinity(), problem.tokens_per_rank, 1);
  RandomStream random = stream(config, Purpose::expectation, {instance.layer, 0}, 0);
  std::vector<int> chosen(static_cast<std::size_t>(problem.top_k));
  for (int t = 0; t < kTokens; ++t) {
    sampler.draw(random, chosen);
    counter.add(0, chosen);
  }
  Choices choices = counter.take();
  for (double& count : choices.of_expert) count *= problem.tokens_per_rank / kTokens;
  for (double& count : choices.at_node) count *= problem.tokens_per_rank / kTokens;
  return choices;
}

/// Tokens with an expert on each machine, from the weights of the experts by position.
std::vector<double> expected_at_node(const RoutingProblem& problem, const Placement& placement,
                                     const std::vector<double>& weights_by_position) {
  if (placement.first_of_node.size() == 2) return {problem.tokens_per_rank};  // one machine
  std::vector<int> groups;                                                    // machines with experts
  for (std::size_t n = 0; n + 1 < placement.first_of_node.size(); ++n) {
    const std::size_t size = placement.first_of_node[n + 1] - placement.first_of_node[n];
    if (size > 0) groups.push_back(static_cast<int>(size));
  }
  const std::vector<double> probabilities = selection_probabilities(weights_by_position, problem.top_k, groups);
  std::vector<double> tokens;
  auto next = probabilities.begin();
  for (std::size_t n = 0; n + 1 < placement.first_of_node.size(); ++n) {
    const bool empty = placement.first_of_node[n + 1] == placement.first_of_node[n];
    tokens.push_back(empty ? 0 : problem.tokens_per_rank * *next++);
  }
  return tokens;
}

/// @param probabilities of each expert to be chosen @param weights that lead to them
Choices expected(const RoutingProblem& problem, const Placement& placement, const std::vector<double>& probabilities,
                 const std::vector<double>& weights) {
  Choices choices;
  choices.tokens = problem.tokens_per_rank;
  choices.of_expert.resize(probabilities.size());
  std::vector<double> weights_by_position(weights.size());
  for (std::size_t e = 0; e < weights.size(); ++e) {
    choices.of_expert[placement.position[e]] = problem.tokens_per_rank * probabilities[e];
    weights_by_position[placement.position[e]] = weights[e];
  }
  choices.at_node = expected_at_node(problem, placement, weights_by_position);
  return choices;
}

/// Makes choices under each distribution.
struct Maker {
  const RoutingProblem& problem;
  const RoutingConfig& config;
  RoutingInstance instance;
  const Placement& placement;

  Choices operator()(const UniformRouting& /*uniform*/) const {
    const std::vector<double> weights(static_cast<std::size_t>(problem.experts), 1.0);
    if (config.sampling_noise) return drawn(problem, config, instance, placement, weights);
    if (limited(problem)) {
      if (!placement.even_over_nodes) return estimated(problem, config, instance, placement, weights);
      const int nodes = node_count(problem);
      const double distinct =
          expected_distinct_nodes(problem.experts, problem.top_k, nodes, problem.max_nodes_per_token);
      return uniform(std::vector<double>(static_cast<std::size_t>(nodes), problem.tokens_per_rank * distinct / nodes));
    }
    std::vector<double> at_node;
    for (std::size_t n = 0; n + 1 < placement.first_of_node.size(); ++n) {
      const auto on_node = static_cast<int>(placement.first_of_node[n + 1] - placement.first_of_node[n]);
      const double touched = uniform_touch_probability(problem.experts, on_node, problem.top_k);
      at_node.push_back(problem.tokens_per_rank * touched);
    }
    return uniform(std::move(at_node));
  }

  Choices operator()(const ZipfRouting& zipf) const {
    std::vector<double> weights;
    for (int i = 1; i <= problem.experts; ++i) weights.push_back(std::pow(i, -zipf.exponent));
    if (zipf.shuffle) {
      RandomStream random = stream(config, Purpose::zipf_order, {instance.layer, 0}, 0);
      for (std::size_t i = weights.size(); i > 1; --i) std::swap(weights[i - 1], weights[random.below(i)]);
    }
    if (config.sampling_noise) return drawn(problem, config, instance, placement, weights);
    if (limited(problem)) return estimated(problem, config, instance, placement, weights);
    return expected(problem, placement, selection_probabilities(weights, problem.top_k), weights);
  }

  Choices operator()(const LoadTrace& trace) const {
    const double sum = std::accumulate(trace.loads.begin(), trace.loads.end(), 0.0);
    std::vector<double> probabilities;
    for (const double load : trace.loads) probabilities.push_back(std::min(load / sum * problem.top_k, 1.0));
    // what the cut at 1 took away (the last printed digit of a load) goes to the others
    const double cut = std::accumulate(probabilities.begin(), probabilities.end(), 0.0) - problem.top_k;
    if (cut != 0) spread(probabilities, -cut);
    // weights matter for who is chosen together: for machines that are touched, and for draws
    const bool together = config.sampling_noise || node_count(problem) > 1;
    const std::vector<double> weights =
        together ? weights_for_probabilities(probabilities, problem.top_k) : probabilities;
    if (config.sampling_noise) return drawn(problem, config, instance, placement, weights);
    Choices choices = expected(problem, placement, probabilities, weights);
    if (limited(problem)) choices.at_node = estimated(problem, config, instance, placement, weights).at_node;
    return choices;
  }

  Choices operator()(const ChoiceTrace& trace) const {
    const auto tokens = static_cast<std::size_t>(std::llround(problem.tokens_per_rank));
    TokenCounter counter(placement, capacity(problem), static_cast<double>(tokens),
                         static_cast<std::size_t>(problem.ep));
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(problem.ep); ++rank) {
      for (std::size_t t = 0; t < tokens; ++t) {
        counter.add(rank, trace.choices[(rank * tokens + t) % trace.choices.size()]);
      }
    }
    return counter.take();
  }

 private:
  [[nodiscard]] Choices uniform(std::vector<double> at_node) const {
    const double per_expert = problem.tokens_per_rank * problem.top_k / problem.experts;
    return {.tokens = problem.tokens_per_rank,
            .senders = 1,
            .of_expert = std::vector<double>(static_cast<std::size_t>(problem.experts), per_expert),
            .at_node = std::move(at_node),
            .even = true};
  }

  static void spread(std::vector<double>& probabilities, double amount) {
    double room = 0;
    for (const double p : probabilities) room += p > 0 ? 1 - p : 0;
    if (room <= 0) return;
    for (double& p : probabilities) p += p > 0 ? amount * (1 - p) / room : 0;
  }
};

}  // namespace

double capacity(const RoutingProblem& problem) {
  if (problem.capacity_factor <= 0) return std::numeric_limits<double>::infinity();
  const double rows = problem.capacity_factor * problem.tokens_per_rank * problem.top_k / problem.experts;
  return std::ceil(rows * (1 - 1e-12));  // a product that is whole but for rounding is not raised to the next
}

Choices make_choices(const RoutingProblem& problem, const RoutingConfig& config, RoutingInstance instance,
                     const Placement& placement) {
  return std::visit(Maker{problem, config, instance, placement}, config.distribution);
}

}  // namespace moesim
