#pragma once

#include <optional>

#include "moesim/scenario/scenario.hpp"

#include "graph/forward_op.hpp"
#include "graph/sharding.hpp"

namespace moesim {

/// What one rank holds of one micro-batch, from which the shapes of all operators follow.
struct BatchShape {
  double sequences = 0;       ///< per rank
  double query_tokens = 0;    ///< new tokens per sequence on this rank (decode: 1)
  double context_tokens = 0;  ///< keys that each query sequence attends to
  bool logits_of_all_tokens = true;

  [[nodiscard]] double tokens() const { return sequences * query_tokens; }
};

/// [B] of an activation's element.
[[nodiscard]] inline double element_bytes(const Scenario& scenario) {
  return bytes_per_element(scenario.model.activation_dtype);
}

[[nodiscard]] ForwardPhase embedding_phase(const Scenario& scenario, const BatchShape& batch);
[[nodiscard]] ForwardPhase dense_layer_phase(const Scenario& scenario, const BatchShape& batch);
[[nodiscard]] ForwardPhase moe_layer_phase(const Scenario& scenario, const BatchShape& batch, const LayerRows& rows);
/// Final norm, projection to the vocabulary and loss (inference: no loss).
[[nodiscard]] ForwardPhase head_phase(const Scenario& scenario, const BatchShape& batch);

/// Tokens per rank that enter the router: with tensor parallelism each tensor rank routes its share of the sequence.
[[nodiscard]] double moe_tokens_per_rank(const Scenario& scenario, const BatchShape& batch);

/// How the layers' products with weights run, from the framework; absent: in the model's type.
[[nodiscard]] std::optional<LowPrecision> low_precision(const Scenario& scenario);
/// Operators whose results the workload's recompute modules throw away.
void mark_recomputed_modules(ForwardPhase& phase, const Scenario& scenario);

// Parts of a layer, shared by the phases above.

void add_norm(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch, std::string_view name);
/// The residual stream's add (with bias and dropout where the model has them).
void add_residual(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch, std::string_view name);
void add_attention(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch);
/// A dense feed-forward block of width `hidden` over `tokens` tokens, tensor-parallel degree `tp`.
void add_ffn(ForwardPhase& phase, const Scenario& scenario, WorkKind kind, double tokens, double hidden, FfnKind ffn,
             int tp);
/// Tensor parallelism before a column-parallel block: all-gather of the sequence shards (sequence parallel), else
/// nothing. The product that takes the tokens must be the next operator.
void enter_tensor_parallel(ForwardPhase& phase, const Scenario& scenario, double tokens);
/// ... and after a row-parallel block: reduce-scatter (sequence parallel) or all-reduce. Its product must be the last
/// operator.
void leave_tensor_parallel(ForwardPhase& phase, const Scenario& scenario, double tokens);

}  // namespace moesim
