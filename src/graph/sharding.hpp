#pragma once

#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Layers [first, end) of a pipeline stage.
struct StageLayers {
  int first = 0;
  int end = 0;
  int dense = 0;
  int moe = 0;
};
[[nodiscard]] StageLayers stage_layers(const Scenario& scenario, int stage);

/// Parameters that one rank of a stage holds (before ZeRO).
struct LocalParameters {
  double dense = 0;   ///< reduced over the data-parallel group: split by tensor parallelism where they can be
  double expert = 0;  ///< routed experts: reduced over the expert-data-parallel group
  [[nodiscard]] double total() const { return dense + expert; }
};
[[nodiscard]] LocalParameters local_parameters(const Scenario& scenario, int stage);
/// The stage whose ranks hold most.
[[nodiscard]] int fullest_stage(const Scenario& scenario);

/// Shares of an optimizer state or gradient that ZeRO leaves on a rank, for dense and expert parameters.
struct ZeroShare {
  double dense = 1;
  double expert = 1;
};
/// @param from_stage the ZeRO stage that begins to shard this kind of state: 1 optimizer, 2 gradients, 3 weights
[[nodiscard]] ZeroShare zero_share(const Parallelism& parallelism, int from_stage);

/// Ranks of the first expert-parallel group that are on one machine.
[[nodiscard]] int expert_ranks_per_node(const Scenario& scenario);

/// Routing of one MoE layer for `tokens_per_rank` tokens that enter the router on each rank.
[[nodiscard]] RoutingResult route_layer(const Scenario& scenario, double tokens_per_rank,
                                        RoutingInstance instance = {});

/// (token, expert) rows of one MoE layer.
struct LayerRows {
  double sent = 0;  ///< by a rank
  double held =
      0;  ///< by the experts of the busiest rank: with tensor-parallel experts, what all ranks of its group got
  double copies = 1;  ///< that arrive for each row held: less than 1 where a token goes once to each rank
};
[[nodiscard]] LayerRows layer_rows(const Scenario& scenario, const RoutingResult& routing);

}  // namespace moesim
