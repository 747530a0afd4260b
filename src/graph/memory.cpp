// Memory of the fullest GPU. Activations kept for the backward pass follow Korthikanti et al. 2022 (arXiv 2205.05198),
// section 4.1, tensor by tensor: for a plain GPT layer the terms below add up to its s b h (34 + 5 a s / h) bytes.

#include "moesim/graph/memory.hpp"

#include <algorithm>

#include "graph/layers.hpp"
#include "graph/sharding.hpp"

namespace moesim {
namespace {

/// One micro-batch on one rank.
struct Held {
  const Scenario& scenario;
  double tokens;    ///< of the micro-batch, context-parallel share
  double sequence;  ///< keys that a query attends to
  double element;
  Recompute recompute;
  std::vector<RecomputeModule> modules = {};

  [[nodiscard]] bool recomputes(RecomputeModule module) const {
    return std::ranges::find(modules, module) != modules.end();
  }
  [[nodiscard]] double residual_stream() const {
    const Parallelism& p = scenario.parallelism;
    return tokens * scenario.model.hidden * element / (p.sequence_parallel ? p.tp : 1);
  }
  /// Input of a norm, and its result, which the products take.
  [[nodiscard]] double norm_and_input() const {
    return (recomputes(RecomputeModule::layernorm) ? 1 : 2) * residual_stream();
  }
};

/// Output of the first product(s) and of the activation.
double ffn_activations(double tokens, double hidden, FfnKind kind, double element, bool drops_activation = false) {
  return tokens * hidden * element * ((kind == FfnKind::gated ? 3 : 2) - (drops_activation ? 1 : 0));
}

double attention_activations(const Held& held) {
  const Scenario& scenario = held.scenario;
  double q_width = 0;
  double kv_width = 0;
  double heads = 0;
  double values = 0;  // of the output projection's input
  if (const auto* grouped = std::get_if<GroupedQueryAttention>(&scenario.model.attention)) {
    heads = grouped->heads;
    q_width = static_cast<double>(grouped->heads) * grouped->head_dim;
    values = q_width;
    kv_width = 2.0 * grouped->kv_heads * grouped->head_dim;
  } else {
    const auto& latent = std::get<LatentAttention>(scenario.model.attention);
    heads = latent.heads;
    q_width = heads * (latent.nope_head_dim + latent.rope_head_dim);
    kv_width = heads * (latent.nope_head_dim + latent.rope_head_dim + latent.v_head_dim) + latent.kv_lora_rank;
    values = heads * latent.v_head_dim;
    if (held.recomputes(RecomputeModule::mla_up_proj)) {
      q_width = latent.q_lora_rank;
      kv_width = latent.kv_lora_rank + latent.rope_head_dim;
    }
  }
  const int tp = scenario.parallelism.tp;
  // Norm's input, the projections' input, q k v, the output projection's input, the dropout mask (one byte).
  double bytes = held.norm_and_input() + held.tokens * (q_width + values + kv_width) * held.element / tp;
  if (scenario.model.biases) bytes += held.residual_stream() / held.element;
  if (scenario.framework.flash_attention) {
    bytes += held.tokens * heads * 4 / tp;  // log-sum-exp
  } else if (held.recompute == Recompute::none) {
    // Softmax output, dropout output and mask: 5 a s per token in 16 bit.
    bytes += (2 * held.element + 1) * heads * held.sequence * held.tokens / tp;
  }
  return bytes;
}

double dense_layer_activations(const Held& held) {
  const Model& model = held.scenario.model;
  const double mask = model.biases ? held.residual_stream() / held.element : 0;
  const double inside = held.recomputes(RecomputeModule::mlp)
                            ? 0
                            : ffn_activations(held.tokens, model.dense_ffn.hidden, model.dense_ffn.kind, held.element);
  return attention_activations(held) + held.norm_and_input() + mask + inside / held.scenario.parallelism.tp;
}

double moe_layer_activations(const Held& held, double rows_sent, double rows_held) {
  const Model& model = held.scenario.model;
  const MoeLayer& moe = *model.moe;
  const double tokens = held.tokens / held.scenario.parallelism.tp;
  double bytes = attention_activations(held) + held.norm_and_input();
  if (model.biases) bytes += held.residual_stream() / held.element;
  bytes += tokens * moe.experts * 4;                   // router scores, fp32
  bytes += rows_held * moe.payload_in * held.element;  // the experts' input
  bytes += ffn_activations(rows_held, static_cast<double>(moe.expert_hidden) / held.scenario.parallelism.etp,
                           moe.expert_ffn, held.element, held.recomputes(RecomputeModule::moe_act));
  bytes += rows_sent * moe.payload_out * held.element;  // combined rows, for the gradient of the router's weights
  if (moe.post_projection) bytes += tokens * moe.payload_out * held.element;
  if (moe.shared_experts > 0 && !held.recomputes(RecomputeModule::shared_experts)) {
    bytes += ffn_activations(tokens, static_cast<double>(moe.shared_experts) * moe.shared_expert_hidden, moe.expert_ffn,
                             held.element);
  }
  return bytes;
}

double cache_bytes(const Scenario& scenario, const InferenceWorkload& inference, double element) {
  double per_token = 0;
  if (const auto* grouped = std::get_if<GroupedQueryAttention>(&scenario.model.attention)) {
    per_token = 2.0 * std::max(grouped->kv_heads / scenario.parallelism.tp, 1) * grouped->head_dim;
  } else {
    const auto& latent = std::get<LatentAttention>(scenario.model.attention);
    per_token = latent.kv_lora_rank + latent.rope_head_dim;
  }
  const double tokens = static_cast<double>(inference.batch) / scenario.parallelism.dp *
                        (inference.prompt_tokens + inference.generated_tokens) / scenario.parallelism.cp;
  const int layers = (scenario.model.layers + scenario.parallelism.pp - 1) / scenario.parallelism.pp;
  return tokens * per_token * element * layers;
}

class Plan {
 public:
  explicit Plan(const Scenario& scenario) : scenario_(scenario) { plan_.capacity = scenario.kernels->device().memory; }

  void add(std::string_view name, double bytes) {
    if (bytes <= 0) return;
    plan_.terms.push_back({name, {bytes}});
    plan_.total += Bytes{bytes};
    if (plan_.fits && plan_.total > plan_.capacity) {
      plan_.fits = false;
      plan_.first_overflow = name;
    }
  }

  void add_states() {
    const Parallelism& parallelism = scenario_.parallelism;
    const LocalParameters local = local_parameters(scenario_, fullest_stage(scenario_));
    const auto sharded = [&](int from_stage) {
      const ZeroShare share = zero_share(parallelism, from_stage);
      return share.dense * local.dense + share.expert * local.expert;
    };
    add("framework and communication buffers", scenario_.framework.reserved_memory.value);
    const double copies = parallelism.schedule == PipelineSchedule::dual_pipe && parallelism.pp > 1 ? 2 : 1;
    add("weights", copies * sharded(3) * bytes_per_element(scenario_.model.activation_dtype));
    if (scenario_.mode() == Mode::inference) return;
    add("gradients", sharded(2) * scenario_.framework.gradient_bytes.value);
    add("optimizer states", sharded(1) * scenario_.framework.optimizer_bytes.value);
  }

  void add_exchange_buffers(const LayerRows& rows, double element) {
    if (!scenario_.model.moe || scenario_.parallelism.ep == 1) return;
    const MoeLayer& moe = *scenario_.model.moe;
    add("all-to-all buffers", (rows.sent + rows.held) * std::max(moe.payload_in, moe.payload_out) * element);
  }

  [[nodiscard]] MemoryPlan take() { return std::move(plan_); }

 private:
  const Scenario& scenario_;
  MemoryPlan plan_;
};

/// Micro-batches whose activations the first stage holds at once. Sources: see PipelineSchedule; interleaved 1F1B by
/// Korthikanti et al. 2022, arXiv 2205.05198, section 4.2.3.
double micro_batches_in_flight(const Parallelism& parallelism, double micro_batches) {
  const double pp = parallelism.pp;
  double held = pp;
  switch (parallelism.schedule) {
    case PipelineSchedule::gpipe:
      return micro_batches;
    case PipelineSchedule::one_f_one_b:
      if (parallelism.virtual_stages > 1) held = pp + (pp - 1) / parallelism.virtual_stages;
      break;
    case PipelineSchedule::zero_bubble_h1:
      break;
    case PipelineSchedule::zero_bubble_h2:
      held = 2 * pp - 1;
      break;
    case PipelineSchedule::dual_pipe:
      held = pp + 1;
      break;
  }
  return std::min(held, micro_batches);
}

LayerRows rows_of(const Scenario& scenario, double tokens) {
  if (!scenario.model.moe) return {};
  return layer_rows(scenario, route_layer(scenario, tokens / scenario.parallelism.tp));
}

}  // namespace

MemoryPlan plan_memory(const Scenario& scenario) {
  Plan plan(scenario);
  const double element = bytes_per_element(scenario.model.activation_dtype);
  const Parallelism& parallelism = scenario.parallelism;
  plan.add_states();

  if (const auto* inference = std::get_if<InferenceWorkload>(&scenario.workload)) {
    const double tokens =
        static_cast<double>(inference->batch) / parallelism.dp * inference->prompt_tokens / parallelism.cp;
    const LayerRows rows = rows_of(scenario, tokens);
    const Held held{.scenario = scenario,
                    .tokens = tokens,
                    .sequence = static_cast<double>(inference->prompt_tokens),
                    .element = element,
                    .recompute = Recompute::none};
    if (inference->generated_tokens > 0) plan.add("key-value cache", cache_bytes(scenario, *inference, element));
    // One layer at a time; logits of all tokens when scoring.
    const double layer =
        scenario.model.moe ? moe_layer_activations(held, rows.sent, rows.held) : dense_layer_activations(held);
    plan.add("activations", layer * (1 + scenario.framework.fragmentation));
    const double scored =
        inference->generated_tokens == 0 ? tokens : static_cast<double>(inference->batch) / parallelism.dp;
    plan.add("logits", scored * scenario.model.vocabulary / parallelism.tp * (element + 4));
    plan.add_exchange_buffers(rows, element);
    return plan.take();
  }

  const auto& training = std::get<TrainingWorkload>(scenario.workload);
  const double tokens = static_cast<double>(training.micro_batch) * training.sequence_length / parallelism.cp;
  const LayerRows rows = rows_of(scenario, tokens);
  const Held held{.scenario = scenario,
                  .tokens = tokens,
                  .sequence = static_cast<double>(training.sequence_length),
                  .element = element,
                  .recompute = training.recompute,
                  .modules = training.recompute_modules};
  const StageLayers layers = stage_layers(scenario, 0);
  const double dense = layers.dense > 0 ? dense_layer_activations(held) : 0;
  const double moe = layers.moe > 0 ? moe_layer_activations(held, rows.sent, rows.held) : 0;
  double activations = layers.dense * dense + layers.moe * moe;
  double working = 0;
  if (training.recompute == Recompute::full) {
    activations = (layers.dense + layers.moe) * held.residual_stream();  // each layer's input
    working = std::max(dense, moe);                                      // the layer that is being run again
  }
  const int micro_batches = training.global_batch / (parallelism.dp * training.micro_batch);
  const double in_flight = micro_batches_in_flight(parallelism, micro_batches);
  plan.add("activations", (activations * in_flight + working) * (1 + scenario.framework.fragmentation));
  if (parallelism.pp == 1) {
    // Logits, their fp32 copy and their gradient.
    plan.add("logits", tokens * scenario.model.vocabulary / parallelism.tp *
                           (2 * element + (scenario.framework.fused_cross_entropy ? 0 : 4)));
  }
  plan.add_exchange_buffers(rows, element);
  return plan.take();
}

}  // namespace moesim
