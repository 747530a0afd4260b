#include <cstdint>
#include <utility>

#include "scenario/choices.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

constexpr Limits<int> kWidth = {1, 1 << 20};  // elements of a vector of one token
constexpr Limits<int> kHeads = {1, 1'024};
constexpr Limits<int> kHeadDim = {1, 16'384};

enum class AttentionKind { grouped, latent };
constexpr std::array kAttentionKinds = {Choice<AttentionKind>{"grouped", AttentionKind::grouped},
                                        Choice<AttentionKind>{"latent", AttentionKind::latent}};

GroupedQueryAttention read_grouped(Reader& in, int hidden) {
  GroupedQueryAttention attention;
  attention.heads = in.integer({"heads", "query heads"}, kHeads);
  const auto kv_heads =
      in.optional_integer({"kv_heads", "key and value heads; absent: as many as heads (multi-head)"}, kHeads);
  const auto head_dim = in.optional_integer({"head_dim", "width of a head; absent: hidden / heads"}, kHeadDim);
  attention.kv_heads = kv_heads.value_or(attention.heads);
  in.require(attention.heads % attention.kv_heads == 0, {"kv_heads", "heads"},
             "must divide heads ({}) (each key head serves equally many query heads)", attention.heads);
  in.require(head_dim || hidden % attention.heads == 0, {"heads"},
             "does not divide hidden ({}) (a head's width would be no whole number) give head_dim", hidden);
  attention.head_dim = head_dim.value_or(std::max(hidden / attention.heads, 1));
  attention.qk_norm = in.flag({"qk_norm", "a norm on every query and key head"}, attention.qk_norm);
  attention.qkv_bias =
      in.flag({"qkv_bias", "biases of queries, keys and values even where `biases` is false"}, attention.qkv_bias);
  return attention;
}

LatentAttention read_latent(Reader& in) {
  LatentAttention attention;
  attention.heads = in.integer({"heads", "heads"}, kHeads);
  attention.q_lora_rank =
      in.integer({"q_lora_rank", "width of the compressed query; 0: queries are projected directly"}, {0, kWidth.hi},
                 attention.q_lora_rank);
  attention.kv_lora_rank = in.integer({"kv_lora_rank", "width of the cached latent vector"}, kWidth);
  attention.nope_head_dim = in.integer({"nope_head_dim", "part of a head without position"}, kHeadDim);
  attention.rope_head_dim = in.integer({"rope_head_dim", "part of a head with rotary position"}, kHeadDim);
  attention.v_head_dim = in.integer({"v_head_dim", "width of a value head"}, kHeadDim);
  return attention;
}

Attention read_attention(Reader in, int hidden) {
  const AttentionKind kind = in.choice({"kind", "grouped: multi-head or grouped-query; latent: DeepSeek's MLA"},
                                       kAttentionKinds, AttentionKind::grouped);
  Attention attention;
  if (kind == AttentionKind::grouped || in.describing()) attention = read_grouped(in, hidden);
  if (kind == AttentionKind::latent || in.describing()) attention = read_latent(in);
  in.reject_unknown_keys();
  return attention;
}

DenseFfn read_dense_ffn(Reader in) {
  DenseFfn ffn;
  ffn.hidden = in.integer({"hidden", "width between the two matrices"}, kWidth);
  ffn.kind = in.choice({"kind", "plain: two matrices; gated: three (SwiGLU, GeGLU)"}, kFfnChoices, ffn.kind);
  in.reject_unknown_keys();
  return ffn;
}

/// Widths that follow from `structure`: see with_structure and bigmac_twin in model/moe_model.hpp.
struct Widths {
  MoeLayer moe;
  int full_width_hidden = 0;  ///< width inside of an expert of full-width payload
};
Widths with_widths(Reader& in, MoeLayer moe, int hidden) {
  const MoeStructure structure =
      in.choice({"structure", "what the experts and the all-to-all are like; the widths below follow from it"},
                kStructureChoices, MoeStructure::fine_grained);
  const auto ratio = in.optional_number(
      {"low_rank_ratio", "r: a fine-grained expert is r x hidden wide inside, BigMac sends r x hidden elements"},
      {1e-6, 1});
  const auto ffn_hidden = in.optional_integer(
      {"ffn_hidden",
       "width inside of an expert of full-width payload; bigmac: of the expert whose twin (as many weights) "
       "is built; absent: vanilla 4 x hidden, else r x hidden"},
      kWidth);
  const auto expert_hidden = in.optional_integer(
      {"expert_hidden", "width inside of an expert as it is built, when it shall not follow from ffn_hidden"}, kWidth);
  const auto payload_in = in.optional_integer(
      {"payload_in", "elements that the dispatch sends per (token, expert); absent: by structure"}, kWidth);
  const auto payload_out =
      in.optional_integer({"payload_out", "elements that the combine sends back; absent: by structure"}, kWidth);
  moe.pre_projection = in.optional_choice(
      {"pre_projection", "hidden -> payload_in before the dispatch; absent: by structure"}, kProjectionChoices);
  moe.post_projection = in.optional_choice(
      {"post_projection", "payload_out -> hidden after the combine; absent: by structure"}, kProjectionChoices);

  const bool bigmac = structure == MoeStructure::bigmac;
  const bool needs_ratio = bigmac || (structure == MoeStructure::fine_grained && !ffn_hidden && !expert_hidden);
  if (needs_ratio && !ratio && !in.has("low_rank_ratio")) {
    in.problem("structure",
               "needs low_rank_ratio (the width r x hidden follows from it) give e.g. low_rank_ratio: 0.25");
  }
  const double r = ratio.value_or(1);
  const MoeStructure conventional = bigmac ? MoeStructure::fine_grained : structure;
  const MoeLayer wide =
      with_structure({.expert_hidden = ffn_hidden.value_or(0), .expert_ffn = moe.expert_ffn}, conventional, hidden, r);
  moe.expert_hidden = bigmac ? bigmac_twin(wide, hidden, r).expert_hidden : wide.expert_hidden;
  moe.expert_hidden = expert_hidden.value_or(moe.expert_hidden);
  moe.payload_in = payload_in.value_or(0);
  moe.payload_out = payload_out.value_or(0);
  moe = with_structure(moe, structure, hidden, r);
  in.require(moe.pre_projection || moe.payload_in == hidden, {"payload_in"},
             "differs from hidden ({}) without a pre_projection (nothing makes the token that wide)", hidden);
  in.require(moe.post_projection || moe.payload_out == hidden, {"payload_out"},
             "differs from hidden ({}) without a post_projection (nothing makes the token whole again)", hidden);
  return {moe, wide.expert_hidden};
}

MoeLayer read_moe(Reader in, int hidden) {
  MoeLayer moe;
  moe.experts = in.integer({"experts", "routed experts of a layer"}, {1, kMostExperts});
  moe.top_k = in.integer({"top_k", "experts that each token is sent to"}, {1, kMostExperts});
  in.require(moe.top_k <= moe.experts, {"top_k", "experts"},
             "must not exceed experts ({}) (a token goes to different experts)", moe.experts);
  moe.expert_ffn = in.choice({"expert_kind", "plain: two matrices; gated: three"}, kFfnChoices, moe.expert_ffn);
  const Widths widths = with_widths(in, moe, hidden);
  moe = widths.moe;
  moe.shared_experts = in.integer({"shared_experts", "dense experts beside the routed ones, without all-to-all"},
                                  {0, 256}, moe.shared_experts);
  const auto shared_hidden = in.optional_integer(
      {"shared_ffn_hidden", "width inside of ONE shared expert; absent: that of a routed expert of full-width payload"},
      kWidth);
  in.require(moe.shared_experts > 0 || !shared_hidden, {"shared_ffn_hidden", "shared_experts"},
             "has no effect without shared_experts");
  if (moe.shared_experts > 0) moe.shared_expert_hidden = shared_hidden.value_or(widths.full_width_hidden);
  moe.shared_expert_gate =
      in.flag({"shared_expert_gate", "a gate (hidden -> 1) on the shared experts' sum"}, moe.shared_expert_gate);
  moe.dispatch_dtype = in.optional_choice(
      {"dispatch_dtype", "element type of what is sent to the experts; absent: dtype"}, kDTypeChoices);
  moe.combine_dtype =
      in.optional_choice({"combine_dtype", "element type of what comes back; absent: dtype"}, kDTypeChoices);
  moe.capacity_factor = in.optional_number(
      {"capacity_factor", "an expert takes this many times its even share at most; absent: dropless"}, {0.01, 1000});
  moe.max_nodes_per_token =
      in.integer({"max_nodes_per_token", "machines that a token's experts may be on; 0: no limit"}, {0, kMostRanks},
                 moe.max_nodes_per_token);
  in.reject_unknown_keys();
  return moe;
}

}  // namespace

Model read_model(Reader in) {
  Model model;
  model.name = in.text({"name", "as reports print it"});
  model.layers = in.integer({"layers", "transformer layers, dense and MoE"}, {1, 10'000});
  model.hidden = in.integer({"hidden", "width of the residual stream"}, kWidth);
  model.vocabulary = in.integer({"vocabulary", "rows of the embedding"}, {1, 1 << 24});
  model.max_positions =
      in.integer({"max_positions", "learned position embeddings; 0: none (rotary)"}, {0, 1 << 24}, model.max_positions);
  model.tied_embedding = in.flag({"tied_embedding", "input and output embedding are one matrix"}, model.tied_embedding);
  model.biases = in.flag({"biases", "linear layers have biases"}, model.biases);
  model.norm = in.choice({"norm", "kind of the norms"}, kNormChoices, model.norm);
  model.activation_dtype =
      in.choice({"dtype", "element type of weights and activations"}, kDTypeChoices, model.activation_dtype);
  model.attention = read_attention(in.child({"attention", "see model.attention"}), model.hidden);
  if (auto ffn = in.optional_child({"dense_ffn", "FFN of the dense layers; see model.dense_ffn"})) {
    model.dense_ffn = read_dense_ffn(std::move(*ffn));
  }
  if (auto moe = in.optional_child({"moe", "the MoE layers; absent: all layers are dense; see model.moe"})) {
    model.moe = read_moe(std::move(*moe), model.hidden);
  }
  model.router_bias =
      in.flag({"router_bias", "one bias per expert (balancing without auxiliary loss)"}, model.router_bias);
  model.leading_dense_layers = in.integer({"leading_dense_layers", "dense layers before the first MoE layer"},
                                          {0, 10'000}, model.leading_dense_layers);
  model.moe_every = in.integer({"moe_every", "of the layers after the leading dense ones every n-th is an MoE layer"},
                               {1, 10'000}, model.moe_every);
  in.require(model.leading_dense_layers <= model.layers, {"leading_dense_layers", "layers"},
             "must not exceed layers ({})", model.layers);
  in.require(model.dense_layers() == 0 || model.dense_ffn.hidden > 0, {"layers", "dense_ffn", "moe", "moe_every"},
             "leaves {} dense layers without a dense_ffn (their width is not known) give dense_ffn: {{hidden: ...}}",
             model.dense_layers());
  in.reject_unknown_keys();
  return model;
}

}  // namespace moesim
