#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/model/moe_model.hpp"

namespace moesim {

/// Kinds of work, in the order in which reports print them.
enum class WorkKind {
  embedding,
  norms,
  attention,
  dense_ffn,
  router,
  descend,  ///< pre-projection hidden -> payload
  permute,  ///< gather rows by expert before the dispatch, scatter back after the combine
  dispatch,
  experts,
  combine,
  ascend,  ///< post-projection payload -> hidden
  shared_experts,
  logits,            ///< final norm excluded; projection to the vocabulary and loss
  tensor_parallel,   ///< all-reduce or all-gather / reduce-scatter of tensor and sequence parallelism
  context_parallel,  ///< keys and values that go round the ranks of a sequence
  pipeline,          ///< sends between stages and the bubble
  gradient_reduction,
  optimizer,
  launch  ///< host overhead that the device waits for
};
[[nodiscard]] std::string_view work_kind_name(WorkKind kind);
/// The same for people: spaces for underscores.
[[nodiscard]] std::string work_kind_words(WorkKind kind);

enum class LayerKind { dense, moe };

/// Parameters of one kind of work.
struct ParameterCount {
  WorkKind kind;
  double parameters;
};
/// Exact number of parameters of the whole model, kind by kind (those with none left out); the sum is what a model card
/// prints. Position embeddings are under `embedding`, an untied output matrix under `logits`, all norms (of layers, of
/// queries and keys, of latent vectors, the final one) under `norms`.
[[nodiscard]] std::vector<ParameterCount> count_parameters(const Model& model);
/// Of one layer. @pre kind == dense or model.moe
[[nodiscard]] std::vector<ParameterCount> count_layer_parameters(const Model& model, LayerKind kind);
[[nodiscard]] double total_parameters(const Model& model);
/// Parameters that one token uses: top_k of the routed experts, everything else whole. The embedding table counts (as
/// in the active counts of DeepSeekMoE, Mixtral and Qwen3; DeepSeek-V2's leave it out), see `parameters_of`.
[[nodiscard]] double active_parameters(const Model& model);
/// The entry of one kind, 0 when there is none.
[[nodiscard]] double parameters_of(const std::vector<ParameterCount>& counts, WorkKind kind);

/// Floating-point operations of one kind of work, forward pass.
struct FlopCount {
  WorkKind kind;
  Flops forward;
};
/// `sequences` sequences of `sequence_length` tokens. Matrix multiplications only, two per multiply-add, attention
/// scores of the full square (as Megatron and the BigMac paper count; a causal kernel does half of those). Dropless (no
/// padding): these are the model's FLOPs, those MFU counts. The router's product is counted; the paper's formulas leave
/// it out.
[[nodiscard]] std::vector<FlopCount> count_forward_flops(const Model& model, double sequences, double sequence_length);
/// Of one layer. @pre kind == dense or model.moe
[[nodiscard]] std::vector<FlopCount> count_layer_forward_flops(const Model& model, LayerKind kind, double sequences,
                                                               double sequence_length);
[[nodiscard]] Flops flops_of(const std::vector<FlopCount>& counts, WorkKind kind);
/// Three times the forward pass: each product has two of its size in the backward pass, to its input and to its
/// weights.
[[nodiscard]] Flops training_flops(const Model& model, double sequences, double sequence_length);

/// Bytes that all ranks together hand to the all-to-alls of a training iteration (forward and backward, four per MoE
/// layer) that leave their rank, balanced routing: tokens * top_k * (ep - 1)/ep * the four of `payload_bytes`. BigMac
/// paper, Table 3. 0 without MoE layers. @param tokens of the iteration, all ranks
[[nodiscard]] Bytes all_to_all_bytes(const Model& model, double tokens, int ep);

/// Shape of one of the BigMac paper's GPT models, in the paper's letters.
struct Table3Shape {
  double h;   ///< hidden
  double l;   ///< layers, all of them MoE
  double v;   ///< vocabulary
  double e;   ///< experts
  double k;   ///< top-k
  double r;   ///< down-scaling factor
  double s;   ///< sequence length
  double b;   ///< sequences
  double ep;  ///< expert-parallel degree
};
struct Table3 {
  double parameters;
  Flops flops;       ///< of a training iteration
  Bytes all_to_all;  ///< of a training iteration, bf16, all ranks
};
/// Formulas of the BigMac paper's Table 3 (arXiv 2502.16927), independent of the counts above, which are tested against
/// them. Where they depart from a real model, exactly:
///  - parameters: 2rh biases per expert (a real one has rh + h: + (1 - r) h e l); one router of e h in the whole model
///  (a real one
///    per layer: + (l - 1) e h); no position embeddings (+ s h where learned). 8 h per layer are 4 h biases of the
///    attention and two layer norms of 2 h, the last 2 h are the final norm; the embedding is tied.
///  - FLOPs: no router (+ 6 B s l h e).
/// Table 4's printed FLOPs come out with v = 50304, Megatron's padding of GPT's 50257 words to a multiple of 128, its
/// parameters with either; its "GB" are GiB.
[[nodiscard]] Table3 table3_fine_grained(const Table3Shape& m);
[[nodiscard]] Table3 table3_bigmac(const Table3Shape& m);

}  // namespace moesim
