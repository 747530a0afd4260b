#pragma once

#include <cstddef>
#include <vector>

#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Operators of one training iteration, or of one prefill of all prompts.
[[nodiscard]] OpGraph build_graph(const Scenario& scenario);

/// Operators of one decode step: one new token per sequence, `context_tokens` in the cache. @pre inference
[[nodiscard]] OpGraph build_decode_graph(const Scenario& scenario, double context_tokens);

/// How many different MoE routings the step has: one when every layer and micro-batch is routed alike (nothing is
/// drawn), one per layer when layers have popular experts of their own, one per layer and micro-batch when tokens are
/// drawn.
[[nodiscard]] std::size_t distinct_routings(const Scenario& scenario, const OpGraph& graph);

/// The first `most` of them, layer by layer and then micro-batch by micro-batch, OpGraph::routing first (that of the
/// first layer).
[[nodiscard]] std::vector<RoutingResult> route_instances(const Scenario& scenario, const OpGraph& graph,
                                                         std::size_t most);

}  // namespace moesim
