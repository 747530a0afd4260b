#pragma once

#include <vector>

#include "moesim/model/routing.hpp"

#include "placement.hpp"

namespace moesim {

/// How many tokens of each sender chose each expert, before capacity.
struct Choices {
  double tokens = 0;              ///< of one sender: whole where they were counted one by one
  std::size_t senders = 1;        ///< 1: the same for every rank
  std::vector<double> of_expert;  ///< [sender * experts + position]
  std::vector<double> at_node;    ///< [sender * nodes + node]: tokens with an expert on that machine
  bool even = false;              ///< the same for every expert and sender
};

/// Rows that a rank may send to one expert; infinite when dropless. Megatron's and Tutel's: ceil(factor tokens top_k /
/// experts).
[[nodiscard]] double capacity(const RoutingProblem& problem);

/// @pre a checked problem
[[nodiscard]] Choices make_choices(const RoutingProblem& problem, const RoutingConfig& config, RoutingInstance instance,
                                   const Placement& placement);

}  // namespace moesim
