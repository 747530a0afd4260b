#include <numeric>

#include "moesim/base/diagnostic.hpp"
#include "moesim/model/counts.hpp"

#include "tally.hpp"

namespace moesim {
namespace {

/// Weights of the linear maps, in elements. GQA: queries, keys, values, output. Latent: DeepSeek-V2 (arXiv 2405.04434),
/// eq. 9-19.
struct AttentionWeights {
  double hidden;

  double operator()(const GroupedQueryAttention& a) const {
    return 2 * hidden * a.heads * a.head_dim + 2 * hidden * a.kv_heads * a.head_dim;
  }
  double operator()(const LatentAttention& a) const {
    const double query_width = a.heads * (a.nope_head_dim + a.rope_head_dim);
    const double query = a.q_lora_rank == 0 ? hidden * query_width : (hidden + query_width) * a.q_lora_rank;
    const double down = hidden * (a.kv_lora_rank + a.rope_head_dim);
    const double up = 1.0 * a.kv_lora_rank * a.heads * (a.nope_head_dim + a.v_head_dim);
    return query + down + up + 1.0 * a.heads * a.v_head_dim * hidden;
  }
};

/// Biases: of every linear map for GQA; for latent attention of the maps that read the hidden state or write it, except
/// a direct query projection (as in DeepSeek's published code, where attention_bias governs those only).
struct AttentionBiases {
  double hidden;
  bool biases;

  double operator()(const GroupedQueryAttention& a) const {
    const double qkv = 1.0 * (a.heads + 2 * a.kv_heads) * a.head_dim;
    return (biases || a.qkv_bias ? qkv : 0) + (biases ? hidden : 0);
  }
  double operator()(const LatentAttention& a) const {
    return biases ? a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim + hidden : 0;
  }
};

/// Widths of the norms inside the attention block.
struct AttentionNormWidth {
  double operator()(const GroupedQueryAttention& a) const { return a.qk_norm ? 2.0 * a.head_dim : 0; }
  double operator()(const LatentAttention& a) const { return a.q_lora_rank + a.kv_lora_rank; }
};

double norm_parameters(const Model& model, double width) {
  return model.norm == NormKind::layer_norm ? 2 * width : width;  // scale and shift, or scale alone
}

/// Biases of an FFN in -> hidden -> out; the gate has one of its own.
double ffn_biases(const Model& model, FfnKind kind, double hidden, double out) {
  return model.biases ? (ffn_matrices(kind) - 1) * hidden + out : 0;
}

/// @param routed how many of the routed experts count: all, or the top_k that one token uses
Tally layer_tally(const Model& model, LayerKind kind, double routed) {
  Tally tally;
  tally[WorkKind::norms] = norm_parameters(model, 2.0 * model.hidden) +
                           norm_parameters(model, std::visit(AttentionNormWidth{}, model.attention));
  tally[WorkKind::attention] =
      attention_weights(model) + std::visit(AttentionBiases{1.0 * model.hidden, model.biases}, model.attention);
  if (kind == LayerKind::dense) {
    const DenseFfn& ffn = model.dense_ffn;
    tally[WorkKind::dense_ffn] =
        ffn_weights(ffn.kind, model.hidden, ffn.hidden) + ffn_biases(model, ffn.kind, ffn.hidden, model.hidden);
    return tally;
  }
  const MoeLayer& moe = *model.moe;
  const auto copies = [&](const std::optional<ProjectionScope>& scope) {
    if (!scope) return 0.0;
    return *scope == ProjectionScope::shared ? 1.0 : routed;
  };
  tally[WorkKind::router] = (1.0 * model.hidden + (model.router_bias ? 1 : 0)) * moe.experts;
  tally[WorkKind::descend] = copies(moe.pre_projection) * model.hidden * moe.payload_in;
  tally[WorkKind::experts] =
      routed * (expert_weights(moe) + ffn_biases(model, moe.expert_ffn, moe.expert_hidden, moe.payload_out));
  tally[WorkKind::ascend] = copies(moe.post_projection) * model.hidden * moe.payload_out;
  tally[WorkKind::shared_experts] =
      moe.shared_experts * (ffn_weights(moe.expert_ffn, model.hidden, moe.shared_expert_hidden) +
                            ffn_biases(model, moe.expert_ffn, moe.shared_expert_hidden, model.hidden)) +
      (moe.shared_expert_gate ? model.hidden : 0);
  return tally;
}

Tally model_tally(const Model& model, double routed) {
  Tally tally;
  tally[WorkKind::embedding] = (1.0 * model.vocabulary + model.max_positions) * model.hidden;
  tally[WorkKind::norms] = norm_parameters(model, model.hidden);  // the final one
  tally[WorkKind::logits] = model.tied_embedding ? 0 : 1.0 * model.vocabulary * model.hidden;
  if (model.dense_layers() > 0) tally.add(layer_tally(model, LayerKind::dense, 0), model.dense_layers());
  if (model.moe_layers() > 0) tally.add(layer_tally(model, LayerKind::moe, routed), model.moe_layers());
  return tally;
}

std::vector<ParameterCount> listed(const Tally& tally) {
  std::vector<ParameterCount> counts;
  for (std::size_t i = 0; i < kWorkKinds; ++i) {
    if (tally.by_kind[i] > 0) counts.push_back({static_cast<WorkKind>(i), tally.by_kind[i]});
  }
  return counts;
}

double sum(const Tally& tally) { return std::accumulate(tally.by_kind.begin(), tally.by_kind.end(), 0.0); }

double all_experts(const Model& model) { return model.moe ? model.moe->experts : 0; }

}  // namespace

double attention_weights(const Model& model) {
  return std::visit(AttentionWeights{1.0 * model.hidden}, model.attention);
}

std::vector<ParameterCount> count_parameters(const Model& model) {
  return listed(model_tally(model, all_experts(model)));
}

std::vector<ParameterCount> count_layer_parameters(const Model& model, LayerKind kind) {
  MOESIM_EXPECTS(kind == LayerKind::dense || model.moe.has_value());
  return listed(layer_tally(model, kind, all_experts(model)));
}

double total_parameters(const Model& model) { return sum(model_tally(model, all_experts(model))); }

double active_parameters(const Model& model) { return sum(model_tally(model, model.moe ? model.moe->top_k : 0)); }

double parameters_of(const std::vector<ParameterCount>& counts, WorkKind kind) {
  for (const ParameterCount& count : counts) {
    if (count.kind == kind) return count.parameters;
  }
  return 0;
}

}  // namespace moesim
