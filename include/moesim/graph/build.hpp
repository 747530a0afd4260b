#pragma once

#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Operators of one training iteration, or of one prefill of all prompts.
[[nodiscard]] OpGraph build_graph(const Scenario& scenario);

/// Operators of one decode step: one new token per sequence, `context_tokens` in the cache. @pre inference
[[nodiscard]] OpGraph build_decode_graph(const Scenario& scenario, double context_tokens);

}  // namespace moesim
