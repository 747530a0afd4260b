#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "random.hpp"

namespace moesim {

/// Draws the experts of one token after the other: without replacement, in proportion to the weights of those left, on
/// at most `max_nodes` machines (see selection.hpp and expected_distinct_nodes). Keeps scratch space: one per thread.
class ExpertSampler {
 public:
  /// @param node machine of each expert @param max_nodes 0: no limit
  ExpertSampler(std::vector<double> weights, std::vector<int> node, int max_nodes);
  /// Fills `chosen` with distinct experts, in the order in which they were drawn.
  void draw(RandomStream& random, std::span<int> chosen);

 private:
  [[nodiscard]] std::size_t draw_any(RandomStream& random) const;
  [[nodiscard]] std::size_t draw_among_allowed(RandomStream& random) const;
  [[nodiscard]] bool allowed(std::size_t expert) const;

  std::vector<double> weights_;
  std::vector<int> node_;
  int max_nodes_;
  // Alias table (Walker 1977; Vose 1991): column i holds expert i below the threshold and alias_[i] above it.
  std::vector<double> threshold_;
  std::vector<std::size_t> alias_;
  // of the token that is being drawn: equal to token_ where the expert is taken or the machine open
  std::uint64_t token_ = 0;
  int open_nodes_ = 0;
  std::vector<std::uint64_t> taken_;
  std::vector<std::uint64_t> open_;
};

}  // namespace moesim
