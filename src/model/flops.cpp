#include <algorithm>
#include <array>
#include <numeric>

#include "moesim/base/diagnostic.hpp"
#include "moesim/model/counts.hpp"

#include "tally.hpp"

namespace moesim {
namespace {

struct WorkKindName {
  WorkKind kind;
  std::string_view name;
};
constexpr std::array kWorkKindNames = {
    WorkKindName{WorkKind::embedding, "embedding"},
    WorkKindName{WorkKind::norms, "norms"},
    WorkKindName{WorkKind::attention, "attention"},
    WorkKindName{WorkKind::dense_ffn, "dense_ffn"},
    WorkKindName{WorkKind::router, "router"},
    WorkKindName{WorkKind::descend, "descend"},
    WorkKindName{WorkKind::permute, "permute"},
    WorkKindName{WorkKind::dispatch, "dispatch"},
    WorkKindName{WorkKind::experts, "experts"},
    WorkKindName{WorkKind::combine, "combine"},
    WorkKindName{WorkKind::ascend, "ascend"},
    WorkKindName{WorkKind::shared_experts, "shared_experts"},
    WorkKindName{WorkKind::logits, "logits"},
    WorkKindName{WorkKind::tensor_parallel, "tensor_parallel"},
    WorkKindName{WorkKind::context_parallel, "context_parallel"},
    WorkKindName{WorkKind::pipeline, "pipeline"},
    WorkKindName{WorkKind::gradient_reduction, "gradient_reduction"},
    WorkKindName{WorkKind::optimizer, "optimizer"},
    WorkKindName{WorkKind::launch, "launch"},
};
constexpr bool names_are_in_order() {
  for (std::size_t i = 0; i < kWorkKindNames.size(); ++i) {
    if (static_cast<std::size_t>(kWorkKindNames[i].kind) != i) return false;
  }
  return kWorkKindNames.size() == kWorkKinds;
}
static_assert(names_are_in_order(), "one name for each kind of work, in the order of the enumeration");

/// Widths of queries times keys and of scores times values, all heads.
struct ScoreWidth {
  double operator()(const GroupedQueryAttention& a) const { return 2.0 * a.heads * a.head_dim; }
  double operator()(const LatentAttention& a) const {
    return 1.0 * a.heads * (a.nope_head_dim + a.rope_head_dim + a.v_head_dim);
  }
};

/// Multiply-adds of one token in one layer.
Tally layer_products(const Model& model, LayerKind kind, double context) {
  Tally tally;
  tally[WorkKind::attention] = attention_weights(model) + context * std::visit(ScoreWidth{}, model.attention);
  if (kind == LayerKind::dense) {
    tally[WorkKind::dense_ffn] = ffn_weights(model.dense_ffn.kind, model.hidden, model.dense_ffn.hidden);
    return tally;
  }
  const MoeLayer& moe = *model.moe;
  const auto times = [&](const std::optional<ProjectionScope>& scope) {
    if (!scope) return 0;
    return *scope == ProjectionScope::shared ? 1 : moe.top_k;
  };
  tally[WorkKind::router] = 1.0 * model.hidden * moe.experts;
  tally[WorkKind::descend] = 1.0 * times(moe.pre_projection) * model.hidden * moe.payload_in;
  tally[WorkKind::experts] = moe.top_k * expert_weights(moe);
  tally[WorkKind::ascend] = 1.0 * times(moe.post_projection) * model.hidden * moe.payload_out;
  tally[WorkKind::shared_experts] =
      moe.shared_experts * ffn_weights(moe.expert_ffn, model.hidden, moe.shared_expert_hidden) +
      (moe.shared_expert_gate ? model.hidden : 0);
  return tally;
}

Tally model_products(const Model& model, double context) {
  Tally tally;
  tally[WorkKind::logits] = 1.0 * model.hidden * model.vocabulary;
  if (model.dense_layers() > 0) tally.add(layer_products(model, LayerKind::dense, context), model.dense_layers());
  if (model.moe_layers() > 0) tally.add(layer_products(model, LayerKind::moe, context), model.moe_layers());
  return tally;
}

std::vector<FlopCount> listed(const Tally& products, double tokens) {
  std::vector<FlopCount> counts;
  for (std::size_t i = 0; i < kWorkKinds; ++i) {
    if (products.by_kind[i] > 0) counts.push_back({static_cast<WorkKind>(i), {2 * tokens * products.by_kind[i]}});
  }
  return counts;
}

}  // namespace

std::string_view work_kind_name(WorkKind kind) { return kWorkKindNames[static_cast<std::size_t>(kind)].name; }

std::string work_kind_words(WorkKind kind) {
  std::string words(work_kind_name(kind));
  std::ranges::replace(words, '_', ' ');
  return words;
}

std::vector<FlopCount> count_forward_flops(const Model& model, double sequences, double sequence_length) {
  MOESIM_EXPECTS(sequences >= 0 && sequence_length >= 0);
  return listed(model_products(model, sequence_length), sequences * sequence_length);
}

std::vector<FlopCount> count_layer_forward_flops(const Model& model, LayerKind kind, double sequences,
                                                 double sequence_length) {
  MOESIM_EXPECTS(kind == LayerKind::dense || model.moe.has_value());
  MOESIM_EXPECTS(sequences >= 0 && sequence_length >= 0);
  return listed(layer_products(model, kind, sequence_length), sequences * sequence_length);
}

Flops flops_of(const std::vector<FlopCount>& counts, WorkKind kind) {
  const auto found =
      std::find_if(counts.begin(), counts.end(), [kind](const FlopCount& count) { return count.kind == kind; });
  return found == counts.end() ? Flops{} : found->forward;
}

Flops training_flops(const Model& model, double sequences, double sequence_length) {
  const Tally products = model_products(model, sequence_length);
  const double per_token = std::accumulate(products.by_kind.begin(), products.by_kind.end(), 0.0);
  return {3 * 2 * sequences * sequence_length * per_token};
}

Bytes all_to_all_bytes(const Model& model, double tokens, int ep) {
  MOESIM_EXPECTS(ep >= 1 && tokens >= 0);
  if (!model.moe) return {};
  const PayloadBytes row = payload_bytes(model);
  const double rows_leaving = tokens * model.moe->top_k * (ep - 1) / ep;
  return model.moe_layers() * rows_leaving *
         (row.dispatch + row.combine + row.combine_gradient + row.dispatch_gradient);
}

}  // namespace moesim
