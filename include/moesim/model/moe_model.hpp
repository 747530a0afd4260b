#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "moesim/base/dtype.hpp"
#include "moesim/base/units.hpp"

namespace moesim {

/// Multi-head attention (kv_heads == heads) or grouped-query attention (kv_heads < heads).
struct GroupedQueryAttention {
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;       ///< width of one head; heads * head_dim need not equal the hidden size
  bool qk_norm = false;   ///< a norm of width head_dim on queries and on keys, its weights shared by the heads
  bool qkv_bias = false;  ///< biases of queries, keys and values even where the model's other linear layers have none
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): keys and values are kept as one latent
/// vector of kv_lora_rank and one shared rotary key of rope_head_dim per token.
struct LatentAttention {
  int heads = 0;
  int q_lora_rank = 0;  ///< 0: queries are projected directly
  int kv_lora_rank = 0;
  int nope_head_dim = 0;
  int rope_head_dim = 0;
  int v_head_dim = 0;
};

using Attention = std::variant<GroupedQueryAttention, LatentAttention>;

/// Two matrices (in -> hidden -> out) with an activation between, or three when gated (SwiGLU, GeGLU).
enum class FfnKind { plain, gated };
/// Matrices of one FFN; also the factor in its FLOPs.
[[nodiscard]] constexpr int ffn_matrices(FfnKind kind) { return kind == FfnKind::gated ? 3 : 2; }

/// A projection around the all-to-all, of the whole layer (shared by all experts, replicated on every rank) or of each
/// expert.
enum class ProjectionScope { shared, per_expert };

/// The structure of an MoE layer as a value. Widths are elements of one token:
///
///     token (hidden) -> [pre: hidden -> payload_in] -> dispatch -> expert (payload_in -> expert_hidden -> payload_out)
///                    -> combine -> weighted sum -> [post: payload_out -> hidden]
///
/// Vanilla MoE: payload = hidden, expert hidden -> 4 hidden -> hidden. Fine-grained (CDAC): payload = hidden, expert
/// hidden -> r hidden -> hidden. BigMac (DCCA, arXiv 2502.16927): payload = r hidden, expert r hidden -> hidden -> r
/// hidden, with one shared pre- and post-projection. The engines read these fields and never ask for a name. The
/// projections have no biases (the paper's Table 3 counts none) and multiply before the dispatch and after the weighted
/// sum; with scope per_expert every (token, expert) pair is projected by its expert's own matrix.
struct MoeLayer {
  int experts = 0;
  int top_k = 0;
  int payload_in = 0;   ///< elements per (token, expert) sent by the dispatch
  int payload_out = 0;  ///< elements per (token, expert) sent back by the combine
  int expert_hidden = 0;
  FfnKind expert_ffn = FfnKind::plain;
  std::optional<ProjectionScope> pre_projection = std::nullopt;  ///< hidden -> payload_in; absent: payload_in == hidden
  std::optional<ProjectionScope> post_projection =
      std::nullopt;                                    ///< payload_out -> hidden; absent: payload_out == hidden
  int shared_experts = 0;                              ///< dense experts of full width beside the routed ones
  int shared_expert_hidden = 0;                        ///< width of ONE shared expert
  bool shared_expert_gate = false;                     ///< a hidden -> 1 gate on the shared experts' sum (Qwen2-MoE)
  std::optional<DType> dispatch_dtype = std::nullopt;  ///< absent: the model's activation type
  std::optional<DType> combine_dtype = std::nullopt;
  std::optional<double> capacity_factor = std::nullopt;  ///< absent: dropless
  int max_nodes_per_token = 0;                           ///< routing restricted to so many machines; 0: no limit
};

struct DenseFfn {
  int hidden = 0;
  FfnKind kind = FfnKind::plain;
};

enum class NormKind { layer_norm, rms_norm };

/// A decoder-only transformer. Layers are of two kinds: the first `leading_dense_layers` are dense, and of the
/// remaining ones every `moe_every`-th is an MoE layer (1: all of them; 2: the second, the fourth ...). Without `moe`,
/// all layers are dense.
struct Model {
  std::string name;
  int layers = 0;
  int hidden = 0;
  int vocabulary = 0;
  int max_positions = 0;  ///< learned position embeddings; 0: none (rotary)
  bool tied_embedding = false;
  bool biases = false;  ///< linear layers (not router, not embeddings) have biases
  NormKind norm = NormKind::rms_norm;
  Attention attention = GroupedQueryAttention{};
  DenseFfn dense_ffn = {};                     ///< of the dense layers; hidden 0 when there are none
  std::optional<MoeLayer> moe = std::nullopt;  ///< of the MoE layers
  int leading_dense_layers = 0;
  int moe_every = 1;
  bool router_bias = false;  ///< one bias per expert (auxiliary-loss-free balancing)
  DType activation_dtype = DType::bf16;

  /// @param index from 0
  [[nodiscard]] bool is_moe_layer(int index) const;
  [[nodiscard]] int moe_layers() const;
  [[nodiscard]] int dense_layers() const { return layers - moe_layers(); }
};

/// How the shape of the experts follows from `low_rank_ratio`.
enum class MoeStructure { vanilla, fine_grained, bigmac };
struct NamedMoeStructure {
  std::string_view name;
  MoeStructure structure;
};
inline constexpr std::array kMoeStructures = {NamedMoeStructure{"vanilla", MoeStructure::vanilla},
                                              NamedMoeStructure{"fine_grained", MoeStructure::fine_grained},
                                              NamedMoeStructure{"bigmac", MoeStructure::bigmac}};

/// Widths of a named structure, rounded to whole elements; those that `layer` already has (not 0) stand.
/// vanilla: payload h, expert_hidden 4 h. fine_grained: payload h, expert_hidden r h. bigmac: payload r h, shared pre-
/// and post-projection, expert_hidden F' such that an expert has as many weights as the fine-grained one, i.e. F' = h
/// when r h is whole (r h F' = h r h; a gate multiplies both sides by 3/2). The projections come on top (the paper's
/// Table 3: + 2 r l h^2).
/// @pre hidden > 0, 0 < low_rank_ratio <= 1 (vanilla does not read it)
[[nodiscard]] MoeLayer with_structure(MoeLayer layer, MoeStructure structure, int hidden, double low_rank_ratio);

/// The BigMac twin of a fine-grained or vanilla layer: payload r h both ways, shared projections, and experts of
/// equally many weights (biases apart): 2 r h F' (gated 3 r h F') = weights of the given expert, so F' = expert_hidden
/// / r; rounded to a whole element, i.e. equal to a relative 1 / (2 F').
/// @pre hidden > 0, 0 < low_rank_ratio <= 1; layer.expert_hidden > 0
[[nodiscard]] MoeLayer bigmac_twin(const MoeLayer& layer, int hidden, double low_rank_ratio);

/// Weights of one routed expert, biases and per-expert projections apart.
[[nodiscard]] double expert_weights(const MoeLayer& layer);

/// Bytes of one (token, expert) row in the four all-to-alls of a training iteration. The gradient of a combine travels
/// like a dispatch (to the experts, payload_out wide, in dispatch_dtype), that of a dispatch like a combine: as
/// DeepSeek-V3 trains (arXiv 2412.19437, section 3.3.3: FP8 towards the experts, BF16 back, in both passes).
struct PayloadBytes {
  Bytes dispatch;
  Bytes combine;
  Bytes combine_gradient;   ///< to the experts
  Bytes dispatch_gradient;  ///< back to the tokens' ranks
};
/// @pre model.moe
[[nodiscard]] PayloadBytes payload_bytes(const Model& model);

}  // namespace moesim
