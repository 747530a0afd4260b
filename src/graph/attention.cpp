// Attention blocks: norm, projections, scores, output projection, residual.

#include "graph/layers.hpp"

namespace moesim {
namespace {

GemmShape projection(const Scenario& scenario, double tokens, double outputs, double inputs) {
  return {.m = tokens, .n = outputs, .k = inputs, .dtype = scenario.model.activation_dtype};
}

/// softmax(Q K^T) V, in one kernel (flash attention) or with the scores written to memory: two products whose rows are
/// all heads' queries, and the softmax with its mask (and dropout in training) over the full square.
void add_core(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch, const AttentionShape& core) {
  const double v_dim = core.v_head_dim > 0 ? core.v_head_dim : core.head_dim;
  if (scenario.framework.flash_attention || batch.query_tokens == 1) {
    // Keeps no scores: its own backward kernel makes them again.
    const OpId fused = phase.attention("attention.core", core);
    if (!scenario.framework.packed_qkv_gradient) {  // side by side, then by tokens: each element read and written twice
      const double width = (core.heads + core.kv_heads) * core.head_dim + core.kv_heads * v_dim;
      phase.backward_then(fused, "attention.qkv_gradient", MemoryKernel::qkv_gradient,
                          4 * core.sequences * core.query_tokens * width * element_bytes(scenario));
    }
    return;
  }
  const double rows = core.sequences * core.heads * core.query_tokens;
  const double scores = rows * core.context_tokens * element_bytes(scenario);
  const OpId qk = phase.activation_gemm(
      WorkKind::attention, "attention.scores",
      {.m = rows, .n = core.context_tokens, .k = static_cast<double>(core.head_dim), .dtype = core.dtype});
  const double passes =
      scenario.mode() == Mode::training ? 5 : 2;  // softmax 2; dropout reads, writes and keeps a byte mask
  const OpId softmax =
      phase.memory(WorkKind::attention, "attention.softmax", MemoryKernel::softmax,
                   {.moved = {passes * scores}, .rows = rows}, 6.0 / passes, scenario.mode() == Mode::training ? 2 : 1);
  const OpId pv = phase.activation_gemm(WorkKind::attention, "attention.values",
                                        {.m = rows, .n = v_dim, .k = core.context_tokens, .dtype = core.dtype});
  if (scenario.mode() == Mode::training &&
      std::get<TrainingWorkload>(scenario.workload).recompute == Recompute::selective) {
    for (const OpId op : {qk, softmax, pv}) phase.mark_recomputed(op);
  }
}

/// Context parallelism: every rank needs the keys and values of its whole group. They go round the ring while the core
/// works on those already there (Liu et al. 2023, arXiv 2310.01889), so what follows waits for the slower of both.
/// @param inputs the operator that made queries, keys and values
/// @param elements of keys and values of one rank
void add_ring(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch, OpId inputs, double elements) {
  const int cp = scenario.parallelism.cp;
  if (cp == 1 || batch.query_tokens == 1) return;  // decode: partial results are merged, a token's worth of bytes
  phase.next_after(inputs);
  const OpId gather = phase.collective(WorkKind::context_parallel, "attention.ring", Stream::tensor_communication,
                                       {.kind = CollectiveKind::all_gather,
                                        .group = GroupRole::context,
                                        .bytes_per_rank = {cp * elements * element_bytes(scenario)}},
                                       2);  // backward: keys and values again, and their gradients
  phase.next_after(gather);
}

/// Kept keys and values are written to (and read from, inside the attention kernel) the cache.
void add_cache_write(ForwardPhase& phase, const Scenario& scenario, double elements) {
  if (scenario.mode() == Mode::inference) {
    phase.memory(WorkKind::attention, "attention.cache", MemoryKernel::copy,
                 {.moved = {2 * elements * element_bytes(scenario)}}, 1);
  }
}

void add_rotary(ForwardPhase& phase, const Scenario& scenario, double elements) {
  if (scenario.model.max_positions == 0) {
    phase.memory(WorkKind::attention, "attention.rotary", MemoryKernel::rotary,
                 {.moved = {2 * elements * element_bytes(scenario)}}, 1);
  }
}

void add_grouped_query(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch,
                       const GroupedQueryAttention& attention) {
  const int tp = scenario.parallelism.tp;
  const double tokens = batch.tokens();
  const double h = scenario.model.hidden;
  const double q_width = static_cast<double>(attention.heads) * attention.head_dim / tp;
  // With fewer key-value heads than tensor ranks, each rank keeps one.
  const double kv_heads = attention.kv_heads >= tp ? static_cast<double>(attention.kv_heads) / tp : 1;
  const double kv_width = kv_heads * attention.head_dim;
  phase.gemm(WorkKind::attention, "attention.qkv", projection(scenario, tokens, q_width + 2 * kv_width, h));
  if (attention.qk_norm) {
    phase.memory(WorkKind::norms, "attention.qk_norm", MemoryKernel::norm,
                 {.moved = {2 * tokens * (q_width + kv_width) * element_bytes(scenario)},
                  .rows = tokens * (q_width + kv_width) / attention.head_dim},
                 3.0 / 2.0, 2);
  }
  add_rotary(phase, scenario, tokens * (q_width + kv_width));
  add_cache_write(phase, scenario, tokens * 2 * kv_width);
  const OpId inputs{phase.ops().size() - 1};
  add_core(phase, scenario, batch,
           {.sequences = batch.sequences,
            .query_tokens = batch.query_tokens,
            .context_tokens = batch.context_tokens,
            .heads = attention.heads / tp,
            .kv_heads = static_cast<int>(kv_heads),
            .head_dim = attention.head_dim,
            .v_head_dim = 0,
            .causal = true,
            .backward = false,
            .dtype = scenario.model.activation_dtype});
  add_ring(phase, scenario, batch, inputs, tokens * 2 * kv_width);
  phase.gemm(WorkKind::attention, "attention.output", projection(scenario, tokens, h, q_width));
}

/// DeepSeek-V2 (arXiv 2405.04434), section 2.1. Prefill and training expand the latent vector to keys and values;
/// decode absorbs the expansion into queries and outputs and attends to the latent vectors themselves, one key-value
/// head.
void add_latent(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch,
                const LatentAttention& attention) {
  const int tp = scenario.parallelism.tp;
  const double tokens = batch.tokens();
  const double h = scenario.model.hidden;
  const double heads = static_cast<double>(attention.heads) / tp;
  const double q_head = attention.nope_head_dim + attention.rope_head_dim;
  const double latent = attention.kv_lora_rank;
  if (attention.q_lora_rank > 0) {
    phase.gemm(WorkKind::attention, "attention.q_down", projection(scenario, tokens, attention.q_lora_rank, h));
    phase.memory(WorkKind::norms, "attention.q_norm", MemoryKernel::norm,
                 {.moved = {2 * tokens * attention.q_lora_rank * element_bytes(scenario)}, .rows = tokens}, 3.0 / 2.0);
    phase.gemm(WorkKind::attention, "attention.q_up",
               projection(scenario, tokens, heads * q_head, attention.q_lora_rank));
  } else {
    phase.gemm(WorkKind::attention, "attention.q", projection(scenario, tokens, heads * q_head, h));
  }
  phase.gemm(WorkKind::attention, "attention.kv_down",
             projection(scenario, tokens, latent + attention.rope_head_dim, h));
  phase.memory(WorkKind::norms, "attention.kv_norm", MemoryKernel::norm,
               {.moved = {2 * tokens * latent * element_bytes(scenario)}, .rows = tokens}, 3.0 / 2.0);
  add_rotary(phase, scenario, tokens * (heads + 1) * attention.rope_head_dim);
  add_cache_write(phase, scenario, tokens * (latent + attention.rope_head_dim));
  AttentionShape core{.sequences = batch.sequences,
                      .query_tokens = batch.query_tokens,
                      .context_tokens = batch.context_tokens,
                      .heads = attention.heads / tp,
                      .kv_heads = attention.heads / tp,
                      .head_dim = attention.nope_head_dim + attention.rope_head_dim,
                      .v_head_dim = attention.v_head_dim,
                      .causal = true,
                      .backward = false,
                      .dtype = scenario.model.activation_dtype};
  if (batch.query_tokens == 1) {
    phase.gemm(WorkKind::attention, "attention.absorb_k", projection(scenario, tokens, latent, attention.nope_head_dim),
               heads);
    core.kv_heads = 1;
    core.head_dim = attention.kv_lora_rank + attention.rope_head_dim;
    core.v_head_dim = attention.kv_lora_rank;
    add_core(phase, scenario, batch, core);
    phase.gemm(WorkKind::attention, "attention.absorb_v", projection(scenario, tokens, attention.v_head_dim, latent),
               heads);
  } else {
    phase.gemm(WorkKind::attention, "attention.kv_up",
               projection(scenario, tokens, heads * (attention.nope_head_dim + attention.v_head_dim), latent));
    const OpId inputs{phase.ops().size() - 1};
    add_core(phase, scenario, batch, core);
    add_ring(phase, scenario, batch, inputs, tokens * heads * (q_head + attention.v_head_dim));
  }
  phase.gemm(WorkKind::attention, "attention.output", projection(scenario, tokens, h, heads * attention.v_head_dim));
}

}  // namespace

void add_attention(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch) {
  add_norm(phase, scenario, batch, "attention_norm");
  enter_tensor_parallel(phase, scenario, batch.tokens());
  if (const auto* grouped = std::get_if<GroupedQueryAttention>(&scenario.model.attention)) {
    add_grouped_query(phase, scenario, batch, *grouped);
  } else {
    add_latent(phase, scenario, batch, std::get<LatentAttention>(scenario.model.attention));
  }
  leave_tensor_parallel(phase, scenario, batch.tokens());
  add_residual(phase, scenario, batch, "attention_residual");
}

}  // namespace moesim
