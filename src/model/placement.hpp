#pragma once

#include <cstddef>
#include <vector>

#include "moesim/model/routing.hpp"

namespace moesim {

/// Where the experts are. Positions count the experts rank by rank, within a rank by number.
struct Placement {
  std::vector<std::size_t> position;       ///< of each expert
  std::vector<int> node;                   ///< machine of each expert
  std::vector<std::size_t> first;          ///< position of each rank's first expert, and the number of experts
  std::vector<std::size_t> first_of_node;  ///< the same by machine
  bool even_over_ranks = true;             ///< as many experts on every rank
  bool even_over_nodes = true;

  /// @pre a valid problem
  explicit Placement(const RoutingProblem& problem);
};

/// Machines that the group spans; the last may hold fewer ranks.
[[nodiscard]] constexpr int node_count(const RoutingProblem& problem) {
  return (problem.ep + problem.ranks_per_node - 1) / problem.ranks_per_node;
}

/// @throws InputError with everything that is wrong
void check(const RoutingProblem& problem, const RoutingConfig& config);

}  // namespace moesim
