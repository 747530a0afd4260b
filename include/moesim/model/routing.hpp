#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace moesim {

/// Every expert is equally likely.
struct UniformRouting {};
/// The i-th expert (from 0, after a shuffle by seed and layer when `shuffle`) has weight 1 / (i + 1)^exponent; a token
/// draws its top_k without replacement in proportion to the weights, so that an expert gets at most every token (see
/// selection.hpp).
struct ZipfRouting {
  double exponent = 0;
  bool shuffle = true;
};
/// Relative loads measured on a real model, one per expert: expert i gets the share loads[i] / sum of all choices.
struct LoadTrace {
  std::vector<double> loads;
};
/// Choices measured on a real model: row = token, its top_k experts. Repeated cyclically over the tokens of all ranks.
/// Nothing is random: `sampling_noise` changes nothing.
struct ChoiceTrace {
  std::vector<std::vector<int>> choices;
};

struct RoutingConfig {
  std::variant<UniformRouting, ZipfRouting, LoadTrace, ChoiceTrace> distribution = UniformRouting{};
  bool sampling_noise = false;  ///< draw each token's choices independently instead of taking expected values
  std::uint64_t seed = 1;
};

/// Which all-to-all of the step: every (seed, layer, micro_batch, rank) has a random stream of its own, so results do
/// not depend on the order in which they are asked for. A Zipf shuffle is one of the layer: its popular experts stay
/// popular.
struct RoutingInstance {
  int layer = 0;
  int micro_batch = 0;
};

struct RoutingProblem {
  int experts = 0;
  int top_k = 0;
  double tokens_per_rank = 0;
  int ep = 1;              ///< ranks of the expert-parallel group
  int ranks_per_node = 1;  ///< of this group, on one machine
  double capacity_factor =
      0;  ///< 0: dropless. Else each rank sends an expert at most ceil(factor tokens top_k / experts) rows
  bool pad_to_capacity =
      true;  ///< send and compute capacity rows, empty or not (Megatron's pad, Tutel); else drop only
  bool pad_to_busiest = false;      ///< dropless, but every block padded to the largest (Tutel's dynamic capacity)
  int max_nodes_per_token = 0;      ///< 0: no limit
  std::vector<int> placement = {};  ///< rank of each expert; empty: contiguous blocks of experts / ep
};

/// Who sends what to whom in one all-to-all of one layer: (token, expert) rows, what is sent (padding included, drops
/// not). A balanced result (every rank sends every rank the same, every expert works on the same) costs a few numbers
/// however many ranks there are.
class RoutingResult {
 public:
  RoutingResult() = default;

  [[nodiscard]] bool balanced() const { return rows_.empty(); }
  [[nodiscard]] int ranks() const { return ranks_; }
  [[nodiscard]] int nodes() const { return nodes_; }
  [[nodiscard]] int ranks_per_node() const { return ranks_per_node_; }

  /// Rows from rank `from` to the experts of rank `to`; from == to: they stay at home.
  [[nodiscard]] double rows_between(int from, int to) const {
    return balanced() ? rows_per_pair_
                      : rows_[static_cast<std::size_t>(from) * static_cast<std::size_t>(ranks_) +
                              static_cast<std::size_t>(to)];
  }
  /// All of them, [from * ranks + to].
  [[nodiscard]] std::vector<double> row_matrix() const;
  /// (token, machine) pairs from a rank to a machine, its own included, when a token goes only once to each machine:
  /// the tokens that chose an expert there. Before drops as far as they are expected values, never padded, never above
  /// the plain rows.
  [[nodiscard]] double rows_to_node(int from, int node) const;
  /// (token, rank) pairs: rows when a token goes only once to each rank. Balanced routing: expected values. Else as if
  /// the experts of a token were drawn independently of each other, T (1 - (1 - q)^top_k) with q the rank's share of
  /// the rows: a few per cent below the truth.
  [[nodiscard]] double copies_between(int from, int to) const;
  [[nodiscard]] double rank_copies() const;          ///< such pairs : rows, of all ranks, in (0, 1]
  [[nodiscard]] double rows_sent(int from) const;    ///< to all ranks, itself included
  [[nodiscard]] double rows_received(int to) const;  ///< that the experts of the rank work on
  /// Rows that each expert of a rank works on, in the order of the experts' numbers.
  [[nodiscard]] std::span<const double> expert_rows(int rank) const;
  [[nodiscard]] int busiest_rank() const;  ///< the first that receives most
  [[nodiscard]] double busiest_rank_rows() const { return rows_received(busiest_rank()); }
  /// Rows of the busiest rank over the mean of all; 1 when balanced.
  [[nodiscard]] double imbalance() const;
  [[nodiscard]] double dropped_fraction() const { return dropped_fraction_; }  ///< of the (token, expert) choices
  [[nodiscard]] double total_rows() const;

 private:
  friend class RoutingBuilder;

  int ranks_ = 1;
  int nodes_ = 1;
  int ranks_per_node_ = 1;
  int top_k_ = 1;
  double rank_copies_ = 1;                 ///< balanced only
  double rows_per_pair_ = 0;               ///< balanced only
  std::vector<double> rows_;               ///< [from * ranks + to]; empty when balanced
  std::vector<double> rows_to_node_;       ///< [from * nodes + node], or [node] when the same for all senders
  std::vector<double> expert_rows_;        ///< by rank, then by expert; one rank's only when balanced
  std::vector<std::size_t> first_expert_;  ///< of each rank in expert_rows_, and the end; empty when balanced
  double dropped_fraction_ = 0;
};

/// Laws (checked inside): rows sent + dropped = tokens top_k (without padding); rows received by a rank = sum over its
/// experts; no expert gets more rows than there are tokens. Deterministic in the arguments, on every platform. Expected
/// values are exact but for skewed routing restricted to machines, where they are the mean of 65,536 drawn tokens.
/// @throws InputError naming what does not fit: top_k above experts, experts that do not divide over the ranks, a trace
/// whose loads no top_k routing can have, choices out of range or repeated in a row, too few experts on
/// max_nodes_per_token machines
[[nodiscard]] RoutingResult route(const RoutingProblem& problem, const RoutingConfig& config,
                                  RoutingInstance instance = {});

}  // namespace moesim
