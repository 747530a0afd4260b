// Blocks that dense and MoE layers share: norms, residual, tensor parallelism, dense feed-forward.
//
// Bytes of memory kernels count each operand once. Backward / forward bytes: a norm reads dy and x and writes dx (3
// against 2 passes); a plain activation likewise; a gated one reads dy and both halves and writes both gradients (5
// against 3); bias + dropout + add reads dy and writes dx, and the residual's gradient is added in one more pass of 3
// (5 against 3; without dropout the gradient passes as it is: 3 against 3).

#include "moesim/base/diagnostic.hpp"

#include "graph/layers.hpp"

namespace moesim {
namespace {

/// Tokens of the residual stream that a rank holds: sequence parallelism splits them over the tensor group.
double residual_tokens(const Scenario& scenario, const BatchShape& batch) {
  return scenario.parallelism.sequence_parallel ? batch.tokens() / scenario.parallelism.tp : batch.tokens();
}

}  // namespace

std::optional<LowPrecision> low_precision(const Scenario& scenario) {
  const Framework& framework = scenario.framework;
  if (!framework.product_dtype) return std::nullopt;
  return LowPrecision{.dtype = *framework.product_dtype, .bytes_per_element = framework.quantization_bytes.value};
}

void mark_recomputed_modules(ForwardPhase& phase, const Scenario& scenario) {
  const auto* training = std::get_if<TrainingWorkload>(&scenario.workload);
  if (training == nullptr || training->recompute == Recompute::full) return;
  for (const RecomputeModule module : training->recompute_modules) {
    phase.mark_recomputed([module](const Op& op) {
      switch (module) {
        case RecomputeModule::layernorm:
          return op.name == "attention_norm" || op.name == "ffn_norm";
        case RecomputeModule::moe_act:
          return op.name == "experts.activation" || op.name == "experts.weighting";
        case RecomputeModule::mla_up_proj:
          return op.name == "attention.q_up" || op.name == "attention.kv_up";
        case RecomputeModule::mlp:
          return op.kind == WorkKind::dense_ffn;
        case RecomputeModule::shared_experts:
          return op.kind == WorkKind::shared_experts;
      }
      return false;
    });
  }
}

void add_norm(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch, std::string_view name) {
  const double bytes = residual_tokens(scenario, batch) * scenario.model.hidden * element_bytes(scenario);
  const OpId norm = phase.memory(WorkKind::norms, name, MemoryKernel::norm,
                                 {.moved = {2 * bytes}, .rows = residual_tokens(scenario, batch)}, 3.0 / 2.0);
  phase.backward_by(norm, MemoryKernel::norm_backward);
}

void add_residual(ForwardPhase& phase, const Scenario& scenario, const BatchShape& batch, std::string_view name) {
  const double bytes = residual_tokens(scenario, batch) * scenario.model.hidden * element_bytes(scenario);
  if (scenario.framework.fused_elementwise) {
    phase.memory(WorkKind::norms, name, MemoryKernel::residual_add, {.moved = {3 * bytes}},
                 scenario.framework.residual_dropout ? 5.0 / 3.0 : 1);
  } else {  // bias, dropout and add one by one: 2 + 2 + 3 passes, 3 launches
    phase.memory(WorkKind::norms, name, MemoryKernel::residual_add, {.moved = {7 * bytes}}, 7.0 / 7.0, 3);
  }
}

void enter_tensor_parallel(ForwardPhase& phase, const Scenario& scenario, double tokens) {
  if (scenario.parallelism.tp == 1 || !scenario.parallelism.sequence_parallel) return;
  const Bytes gathered{tokens * scenario.model.hidden * element_bytes(scenario)};
  const OpId before{phase.ops().size() - 1};
  phase.next_after(before);
  const OpId gather =
      phase.collective(WorkKind::tensor_parallel, "tensor.all_gather", Stream::tensor_communication,
                       {.kind = CollectiveKind::all_gather, .group = GroupRole::tensor, .bytes_per_rank = gathered});
  // Overlapped, the product works on the pieces as they arrive: what follows it waits for both.
  if (scenario.framework.tensor_overlap) {
    phase.next_but_one_after(gather);
  } else {
    phase.next_after(gather);
  }
}

void leave_tensor_parallel(ForwardPhase& phase, const Scenario& scenario, double tokens) {
  if (scenario.parallelism.tp == 1) return;
  const Bytes partial{tokens * scenario.model.hidden * element_bytes(scenario)};
  const CollectiveKind kind =
      scenario.parallelism.sequence_parallel ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce;
  // Overlapped, finished pieces of the product go while it works on the next: both begin together.
  MOESIM_EXPECTS(phase.ops().size() >= 2);
  phase.next_after(OpId{phase.ops().size() - (scenario.framework.tensor_overlap ? 2 : 1)});
  const OpId reduce = phase.collective(WorkKind::tensor_parallel, "tensor.reduce", Stream::tensor_communication,
                                       {.kind = kind, .group = GroupRole::tensor, .bytes_per_rank = partial});
  phase.next_after(reduce);
}

void add_ffn(ForwardPhase& phase, const Scenario& scenario, WorkKind kind, double tokens, double hidden, FfnKind ffn,
             int tp) {
  const Model& model = scenario.model;
  const double width = hidden / tp;
  const double bytes = tokens * width * element_bytes(scenario);
  const bool gated = ffn == FfnKind::gated;
  phase.gemm(kind, "ffn.up",
             {.m = tokens,
              .n = (gated ? 2 : 1) * width,
              .k = static_cast<double>(model.hidden),
              .dtype = model.activation_dtype});
  if (gated) {
    const OpId activation = phase.memory(kind, "ffn.activation", MemoryKernel::gated_activation,
                                         {.moved = {3 * bytes}, .rows = tokens}, 5.0 / 3.0);
    phase.backward_by(activation, MemoryKernel::gated_activation_backward);
  } else {
    const double unfused_bias = model.biases && !scenario.framework.fused_elementwise ? 2 : 1;
    const OpId activation = phase.memory(kind, "ffn.activation", MemoryKernel::activation,
                                         {.moved = {2 * bytes * unfused_bias}}, 3.0 / 2.0, unfused_bias);
    phase.backward_by(activation, MemoryKernel::activation_backward);
  }
  phase.gemm(kind, "ffn.down",
             {.m = tokens, .n = static_cast<double>(model.hidden), .k = width, .dtype = model.activation_dtype});
}

ForwardPhase embedding_phase(const Scenario& scenario, const BatchShape& batch) {
  ForwardPhase phase("embedding");
  // Read one row per token, write one; positions add a read-modify-write pass. Backward: read dy, add into the table.
  const double row = batch.tokens() * scenario.model.hidden * element_bytes(scenario);
  const double passes = scenario.model.max_positions > 0 ? 5 : 2;
  phase.memory(WorkKind::embedding, "embedding", MemoryKernel::embedding,
               {.moved = {passes * row}, .rows = batch.tokens()}, 3.0 / passes);
  return phase;
}

ForwardPhase head_phase(const Scenario& scenario, const BatchShape& batch) {
  const Model& model = scenario.model;
  ForwardPhase phase("head");
  add_norm(phase, scenario, batch, "final_norm");
  const double tokens = batch.logits_of_all_tokens ? batch.tokens() : batch.sequences;
  enter_tensor_parallel(phase, scenario, tokens);
  const double vocabulary = static_cast<double>(model.vocabulary) / scenario.parallelism.tp;
  phase.gemm(WorkKind::logits, "logits",
             {.m = tokens, .n = vocabulary, .k = static_cast<double>(model.hidden), .dtype = model.activation_dtype});
  const double logits = tokens * vocabulary;
  if (scenario.mode() == Mode::inference) {
    phase.memory(WorkKind::logits, "softmax", MemoryKernel::softmax,
                 {.moved = {logits * (element_bytes(scenario) + 4)}, .rows = tokens}, 1);
    return phase;
  }
  // Per logit, unfused (cast to fp32, maximum, subtract, exponential, sum, divide, each a pass over fp32): 38 B forward
  // and, for the gradient and its cast back, 14 B backward. Fused: read twice forward; read and write once backward.
  if (scenario.framework.fused_cross_entropy) {
    phase.memory(WorkKind::logits, "cross_entropy", MemoryKernel::cross_entropy,
                 {.moved = {logits * 2 * element_bytes(scenario)}, .rows = tokens}, 1);
  } else {
    phase.memory(WorkKind::logits, "cross_entropy", MemoryKernel::cross_entropy,
                 {.moved = {logits * 38}, .rows = 6 * tokens}, 14.0 / 38.0, 6);
  }
  return phase;
}

ForwardPhase dense_layer_phase(const Scenario& scenario, const BatchShape& batch) {
  ForwardPhase phase("dense_layer", low_precision(scenario));
  add_attention(phase, scenario, batch);
  add_norm(phase, scenario, batch, "ffn_norm");
  enter_tensor_parallel(phase, scenario, batch.tokens());
  add_ffn(phase, scenario, WorkKind::dense_ffn, batch.tokens(), scenario.model.dense_ffn.hidden,
          scenario.model.dense_ffn.kind, scenario.parallelism.tp);
  leave_tensor_parallel(phase, scenario, batch.tokens());
  add_residual(phase, scenario, batch, "ffn_residual");
  mark_recomputed_modules(phase, scenario);
  return phase;
}

}  // namespace moesim
