#pragma once

#include <string>
#include <utility>

#include "moesim/model/moe_model.hpp"

namespace moesim::testing {

/// A GPT model as GPT-2, GPT-3 and the BigMac paper have it: biases, layer norms, tied embedding, dense 4 h FFN.
inline Model gpt(int layers, int hidden, int heads, int positions) {
  Model model;
  model.layers = layers;
  model.hidden = hidden;
  model.vocabulary = 50257;
  model.max_positions = positions;
  model.tied_embedding = true;
  model.biases = true;
  model.norm = NormKind::layer_norm;
  model.attention = GroupedQueryAttention{.heads = heads, .kv_heads = heads, .head_dim = hidden / heads};
  model.dense_ffn = {.hidden = 4 * hidden, .kind = FfnKind::plain};
  return model;
}

/// A model without biases, with RMS norms, an untied output and gated FFNs, as the open MoE models have it.
inline Model open_moe(int layers, int hidden, int vocabulary, Attention attention, MoeLayer moe) {
  Model model;
  model.layers = layers;
  model.hidden = hidden;
  model.vocabulary = vocabulary;
  model.attention = std::move(attention);
  moe.payload_in = moe.payload_out = hidden;
  moe.expert_ffn = FfnKind::gated;
  model.moe = moe;
  return model;
}

inline Model mixtral_8x7b() {
  return open_moe(32, 4096, 32000, GroupedQueryAttention{.heads = 32, .kv_heads = 8, .head_dim = 128},
                  {.experts = 8, .top_k = 2, .expert_hidden = 14336});
}

inline Model qwen3_30b_a3b() {
  return open_moe(48, 2048, 151936, GroupedQueryAttention{.heads = 32, .kv_heads = 4, .head_dim = 128, .qk_norm = true},
                  {.experts = 128, .top_k = 8, .expert_hidden = 768});
}

inline Model qwen15_moe_a2p7b() {
  return open_moe(24, 2048, 151936,
                  GroupedQueryAttention{.heads = 16, .kv_heads = 16, .head_dim = 128, .qkv_bias = true},
                  {.experts = 60,
                   .top_k = 4,
                   .expert_hidden = 1408,
                   .shared_experts = 1,
                   .shared_expert_hidden = 5632,
                   .shared_expert_gate = true});
}

inline MoeLayer deepseek_experts() {
  return {.experts = 64, .top_k = 6, .expert_hidden = 1408, .shared_experts = 2, .shared_expert_hidden = 1408};
}

inline Model with_dense_first_layer(Model model) {
  model.leading_dense_layers = 1;
  model.dense_ffn = {.hidden = 10944, .kind = FfnKind::gated};
  return model;
}

inline Model deepseek_moe_16b() {
  return with_dense_first_layer(open_moe(
      28, 2048, 102400, GroupedQueryAttention{.heads = 16, .kv_heads = 16, .head_dim = 128}, deepseek_experts()));
}

inline Model deepseek_v2_lite() {
  return with_dense_first_layer(open_moe(27, 2048, 102400,
                                         LatentAttention{.heads = 16,
                                                         .q_lora_rank = 0,
                                                         .kv_lora_rank = 512,
                                                         .nope_head_dim = 128,
                                                         .rope_head_dim = 64,
                                                         .v_head_dim = 128},
                                         deepseek_experts()));
}

}  // namespace moesim::testing
