#pragma once

#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Operators of one training iteration, or of one prefill of all prompts.
[[nodiscard]] OpGraph build_graph(const Scenario& scenario);

/// Operators of one decode step: one new token per sequence, `context_tokens` in the cache. @pre inference
[[nodiscard]] OpGraph build_decode_graph(const Scenario& scenario, double context_tokens);

/// Routing of any MoE layer and micro-batch of a graph; OpGraph::routing is that of the first. @pre it has MoE layers
[[nodiscard]] RoutingResult route_instance(const Scenario& scenario, const OpGraph& graph, RoutingInstance instance);

}  // namespace moesim
