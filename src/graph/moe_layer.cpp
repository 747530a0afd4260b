// The MoE layer: the only place that knows the order of its operators. The structure (vanilla, fine-grained, BigMac,
// and what lies between) is read from the fields of MoeLayer.
//
// router -> [descend] -> permute -> dispatch -> sort by expert -> experts -> sort back -> combine -> unpermute ->
// [ascend]

#include <algorithm>
#include <vector>

#include "graph/layers.hpp"

namespace moesim {
namespace {

struct MoeShape {
  double tokens;  ///< of this rank that enter the router
  double rows;    ///< (token, expert) rows that this rank sends, padding included
  double held;    ///< rows of its experts
  double copies;  ///< that arrive for each row held (LayerRows)
  double experts_per_rank;
  double element;  ///< bytes
};

/// Rows of `width` elements taken for each expert from their tokens: each token is read, by its second expert on again,
/// and each row written.
MemoryShape gathered(const MoeShape& shape, double width) {
  const double row = width * shape.element;
  return {.moved = {(shape.rows + shape.tokens) * row},
          .rows = shape.rows,
          .again = {std::max(shape.rows - shape.tokens, 0.0) * row},
          .source = {shape.tokens * row}};
}

/// Sums of each token's rows of `width` elements: all rows read, tokens written.
MemoryShape summed(const MoeShape& shape, double width) {
  return {.moved = {(shape.rows + shape.tokens) * width * shape.element}, .rows = shape.tokens};
}

void add_router(ForwardPhase& phase, const Scenario& scenario, const MoeShape& shape) {
  const Model& model = scenario.model;
  const double experts = model.moe->experts;
  const OpId logits = phase.gemm(
      WorkKind::router, "router.logits",
      {.m = shape.tokens, .n = experts, .k = static_cast<double>(model.hidden), .dtype = model.activation_dtype});
  // Softmax, top-k, the map of rows by expert and its cumulative positions, measured as one.
  phase.router("router.top_k",
               {.tokens = shape.tokens, .experts = experts, .top_k = static_cast<double>(model.moe->top_k)});
  // The tokens went to the router and to the experts: both gradients are added.
  if (scenario.framework.branch_gradient_add) {
    phase.backward_then(logits, "router.tokens", MemoryKernel::residual_add,
                        3 * shape.tokens * model.hidden * shape.element);
  }
}

/// Shared projection: one product over all tokens. Per expert: each (token, expert) row through its expert's matrix,
/// all experts' matrices on every rank.
void add_projection(ForwardPhase& phase, const Scenario& scenario, const MoeShape& shape, ProjectionScope scope,
                    WorkKind kind, double outputs, double inputs) {
  const DType dtype = scenario.model.activation_dtype;
  const std::string_view name = kind == WorkKind::descend ? "descend" : "ascend";
  if (scope == ProjectionScope::shared) {
    phase.gemm(kind, name, {.m = shape.tokens, .n = outputs, .k = inputs, .dtype = dtype});
  } else {
    const double experts = scenario.model.moe->experts;
    phase.gemm(kind, name, {.m = shape.rows / experts, .n = outputs, .k = inputs, .dtype = dtype}, experts);
  }
}

void add_shared_experts(ForwardPhase& phase, const Scenario& scenario, const MoeShape& shape) {
  const MoeLayer& moe = *scenario.model.moe;
  if (moe.shared_experts == 0) return;
  const double hidden = static_cast<double>(moe.shared_experts) * moe.shared_expert_hidden;
  add_ffn(phase, scenario, WorkKind::shared_experts, shape.tokens, hidden, moe.expert_ffn, 1);
  const double row = shape.tokens * scenario.model.hidden * shape.element;
  phase.memory(WorkKind::shared_experts, "shared_experts.add", MemoryKernel::residual_add, {.moved = {3 * row}}, 1);
}

/// Launches of an expert product: one GEMM per expert, or one kernel for all.
double expert_launches(const Framework& framework, double experts_per_rank) {
  return framework.expert_execution == ExpertExecution::sequential ? experts_per_rank : 1;
}

/// Tensor-parallel experts: each rank of the group gets the rows that all of them received (all_gather), or its part of
/// the sum of their partial results (reduce_scatter).
OpId tensor_exchange(ForwardPhase& phase, OpId after, CollectiveKind kind, double bytes) {
  phase.next_after(after);
  return phase.collective(WorkKind::tensor_parallel, "experts.tensor", Stream::tensor_communication,
                          {.kind = kind, .group = GroupRole::expert_tensor, .bytes_per_rank = {bytes}});
}

/// Activation of the rows inside the experts. Fused with the product by the router's weight: inputs read, result
/// written, and backward as in blocks.cpp. Else a kernel for each step (Megatron Core, moe/experts.py), bytes per
/// element of b: activation 2 b (backward 3 b), gated 2 b and 3 b for the gate's product (backward 9 b); product in
/// fp32 and cast (b + 4) + (4 + b); backward cast (b + 4), gradient of the row with its cast (4 + 4) + (4 + b),
/// gradient of the weight with its sum (4 + b + 4) + 4.
void add_expert_activation(ForwardPhase& phase, const Scenario& scenario, double share) {
  const MoeLayer& moe = *scenario.model.moe;
  const double element = bytes_per_element(scenario.model.activation_dtype);
  const double elements = static_cast<double>(moe.expert_hidden) / scenario.parallelism.etp;
  const bool gated = moe.expert_ffn == FfnKind::gated;
  const bool fused = scenario.framework.fused_expert_activation;
  const double passes = gated ? (fused ? 3 : 5) : 2;
  const double backward_passes = gated ? (fused ? 5 : 9) : 3;
  const OpId activation = phase.expert_memory(WorkKind::experts, "experts.activation",
                                              gated ? MemoryKernel::gated_activation : MemoryKernel::activation,
                                              passes * elements * element, backward_passes / passes, share);
  phase.backward_by(activation, gated ? MemoryKernel::gated_activation_backward : MemoryKernel::activation_backward);
  if (fused) return;
  const double weighting = 2 * element + 8;
  phase.expert_memory(WorkKind::experts, "experts.weighting", MemoryKernel::cast, weighting * elements,
                      (3 * element + 28) / weighting, share);
}

/// Experts of one chunk: sort what arrived by expert, both products with the activation between, sort back.
/// @param arrived the operator that brought the rows
/// @param chunk share of the rows
/// @return the last operator
OpId add_experts(ForwardPhase& phase, const Scenario& scenario, const MoeShape& shape, OpId arrived, double chunk) {
  const MoeLayer& moe = *scenario.model.moe;
  const Framework& framework = scenario.framework;
  const double launches = expert_launches(framework, shape.experts_per_rank);
  const bool gated = moe.expert_ffn == FfnKind::gated;
  const DType dtype = scenario.model.activation_dtype;
  const double share = chunk * scenario.parallelism.etp;
  const double gathered = shape.held * chunk * shape.element;  // bytes per element of a row's width
  const bool split = scenario.parallelism.etp > 1;
  if (split) arrived = tensor_exchange(phase, arrived, CollectiveKind::all_gather, gathered * moe.payload_in);
  phase.next_after(arrived);
  // Rows arrive by rank, then by expert; or once for all experts of the rank. Sorted, every row is read as often as it
  // came and written once; sorted back, those of one token are summed.
  const bool sorts = shape.experts_per_rank > 1 && scenario.parallelism.ep > 1;
  const double passes = 1 + shape.copies;
  if (sorts)
    phase.expert_memory(WorkKind::permute, "experts.sort", MemoryKernel::permute,
                        passes * moe.payload_in * shape.element, 1, share);
  phase.expert_gemm("experts.up",
                    {.n = static_cast<double>(gated ? 2 : 1) * moe.expert_hidden / scenario.parallelism.etp,
                     .k = static_cast<double>(moe.payload_in),
                     .dtype = dtype,
                     .execution = framework.expert_execution,
                     .weight_gradient = false,
                     .share = share},
                    launches);
  add_expert_activation(phase, scenario, share);
  phase.expert_gemm("experts.down",
                    {.n = static_cast<double>(moe.payload_out),
                     .k = static_cast<double>(moe.expert_hidden) / scenario.parallelism.etp,
                     .dtype = dtype,
                     .execution = framework.expert_execution,
                     .weight_gradient = false,
                     .share = share},
                    launches);
  if (sorts)
    phase.expert_memory(WorkKind::permute, "experts.sort_back", MemoryKernel::permute,
                        passes * moe.payload_out * shape.element, 1, share);
  const OpId last{phase.ops().size() - 1};
  return split ? tensor_exchange(phase, last, CollectiveKind::reduce_scatter, gathered * moe.payload_out) : last;
}

}  // namespace

double moe_tokens_per_rank(const Scenario& scenario, const BatchShape& batch) {
  return batch.tokens() / scenario.parallelism.tp;
}

ForwardPhase moe_layer_phase(const Scenario& scenario, const BatchShape& batch, const LayerRows& rows) {
  const Model& model = scenario.model;
  const MoeLayer& moe = *model.moe;
  const Framework& framework = scenario.framework;
  const MoeShape shape{.tokens = moe_tokens_per_rank(scenario, batch),
                       .rows = rows.sent,
                       .held = rows.held,
                       .copies = rows.copies,
                       .experts_per_rank = static_cast<double>(moe.experts) / scenario.parallelism.ep,
                       .element = bytes_per_element(model.activation_dtype)};
  const PayloadBytes payload = payload_bytes(model);
  const bool exchanges = scenario.parallelism.ep > 1;

  ForwardPhase phase("moe_layer", low_precision(scenario));
  add_attention(phase, scenario, batch);
  add_norm(phase, scenario, batch, "ffn_norm");
  add_router(phase, scenario, shape);
  if (!framework.shared_expert_overlap) add_shared_experts(phase, scenario, shape);
  if (moe.pre_projection)
    add_projection(phase, scenario, shape, *moe.pre_projection, WorkKind::descend, moe.payload_in, model.hidden);
  // Backward: every token sums its rows, as the unpermute does.
  const MemoryKernel sum = framework.atomic_unpermute ? MemoryKernel::unpermute_atomic : MemoryKernel::unpermute;
  // A kernel that sends a token once to each rank takes it from where it is and sums what comes back (DeepEP).
  const bool in_place = exchanges && framework.all_to_all == AllToAllAlgorithm::node_deduplicated;
  if (!in_place) {
    const OpId permute =
        phase.memory(WorkKind::permute, "permute", MemoryKernel::permute, gathered(shape, moe.payload_in), 1);
    phase.backward_by(permute, sum, summed(shape, moe.payload_in));
  }
  const OpId ready{phase.ops().size() - 1};

  // Without fixed row counts the host sizes the receive buffers: it waits for the counts, then launches the exchange.
  const bool fixed_rows = framework.pad_to_capacity && moe.capacity_factor.has_value();
  const OpId routed = exchanges && framework.host_sync_per_moe_layer && !fixed_rows
                          ? phase.host_wait("row_counts", 2 * framework.kernel_launch)
                          : ready;

  const int chunks = exchanges ? framework.pipelining_degree : 1;
  const double share = 1.0 / chunks;
  std::vector<OpId> dispatches;
  std::vector<OpId> results;
  if (exchanges) {
    for (int chunk = 0; chunk < chunks; ++chunk) {
      phase.next_after(routed);
      dispatches.push_back(phase.exchange(WorkKind::dispatch, "dispatch",
                                          {.bytes_per_row = payload.dispatch, .share = share, .reversed = false},
                                          payload.dispatch_gradient));
    }
  }
  if (framework.shared_expert_overlap) add_shared_experts(phase, scenario, shape);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const OpId arrived = exchanges ? dispatches[static_cast<std::size_t>(chunk)] : ready;
    results.push_back(add_experts(phase, scenario, shape, arrived, share));
    if (!exchanges) continue;
    phase.next_after(results.back());
    results.back() =
        phase.exchange(WorkKind::combine, "combine",
                       {.bytes_per_row = payload.combine, .share = share, .reversed = true}, payload.combine_gradient);
  }
  for (const OpId result : results) phase.next_after(result);

  // Backward: rows written scaled, and read for the gradient of the router's weights; a gather, so never atomic.
  if (!in_place) {
    const OpId unpermute = phase.memory(WorkKind::permute, "unpermute", sum, summed(shape, moe.payload_out), 1);
    MemoryShape gradients = gathered(shape, moe.payload_out);
    gradients.moved += Bytes{shape.rows * moe.payload_out * shape.element};
    phase.backward_by(unpermute, MemoryKernel::unpermute_backward, gradients);
  }
  if (moe.post_projection)
    add_projection(phase, scenario, shape, *moe.post_projection, WorkKind::ascend, model.hidden, moe.payload_out);
  add_residual(phase, scenario, batch, "ffn_residual");
  mark_recomputed_modules(phase, scenario);
  return phase;
}

}  // namespace moesim
