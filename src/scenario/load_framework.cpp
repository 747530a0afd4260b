#include "scenario/choices.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

constexpr Limits<Bytes> kPerParameter = {{0}, {64}};
constexpr Limits<Seconds> kLaunch = {{0}, {1e-2}};
constexpr Limits<Bytes> kReserved = {{0}, {1e12}};

}  // namespace

FrameworkSection read_framework(Reader in) {
  FrameworkSection section;
  Framework& framework = section.framework;
  framework.name = in.text({"name", "as reports print it"});
  framework.source = in.text({"source", "where the fields are from"});
  framework.expert_execution = in.choice({"expert_execution", "how the experts' matrix products run"},
                                         kExecutionChoices, framework.expert_execution);
  framework.pad_to_capacity = in.flag({"pad_to_capacity", "with a capacity factor: send and compute empty rows too"},
                                      framework.pad_to_capacity);
  framework.atomic_unpermute = in.flag(
      {"atomic_unpermute", "rows are added back by atomic scatter instead of a gather"}, framework.atomic_unpermute);
  framework.flash_attention =
      in.flag({"flash_attention", "else attention scores are written to memory"}, framework.flash_attention);
  framework.fused_elementwise =
      in.flag({"fused_elementwise", "bias and activation, bias, dropout and add in one kernel each"},
              framework.fused_elementwise);
  framework.residual_dropout =
      in.flag({"residual_dropout",
               "training: the add to the residual drops elements, its backward pass reads and writes once more"},
              framework.residual_dropout);
  framework.packed_qkv_gradient =
      in.flag({"packed_qkv_gradient",
               "attention's backward pass writes the gradient of the common projection; else two copies gather it"},
              framework.packed_qkv_gradient);
  framework.branch_gradient_add =
      in.flag({"branch_gradient_add", "the gradients of router and experts are added by a kernel of its own"},
              framework.branch_gradient_add);
  framework.fused_expert_activation = in.flag(
      {"fused_expert_activation", "else activation, product with the router's weight in fp32, cast: a kernel each"},
      framework.fused_expert_activation);
  framework.fused_cross_entropy =
      in.flag({"fused_cross_entropy", "else softmax and loss make a dozen passes over the logits in fp32"},
              framework.fused_cross_entropy);
  framework.all_to_all =
      in.choice({"all_to_all", "algorithm of dispatch and combine"}, kAllToAllChoices, framework.all_to_all);
  framework.tensor_collectives =
      in.choice({"tensor_collectives",
                 "algorithm of all-reduce, all-gather and reduce-scatter of tensor and context "
                 "parallel groups; tree: all-reduce, the others stay rings"},
                kCollectiveAlgorithmChoices, framework.tensor_collectives);
  framework.gradient_collectives =
      in.choice({"gradient_collectives", "the same of data parallel groups: gradients, and weights under ZeRO"},
                kCollectiveAlgorithmChoices, framework.gradient_collectives);
  framework.pipelining_degree =
      in.integer({"pipelining_degree", "dispatch, experts and combine in so many overlapped chunks"}, {1, 64},
                 framework.pipelining_degree);
  framework.shared_expert_overlap =
      in.flag({"shared_expert_overlap", "shared experts run beside the all-to-all"}, framework.shared_expert_overlap);
  framework.expert_parallel_overlap =
      in.flag({"expert_parallel_overlap", "training: all-to-alls of one micro-batch run beside the work on another"},
              framework.expert_parallel_overlap);
  framework.gradient_reduction_overlap =
      in.flag({"gradient_reduction_overlap", "gradients are reduced beside the backward pass"},
              framework.gradient_reduction_overlap);
  framework.fused_gradient_accumulation =
      in.flag({"fused_gradient_accumulation", "weight gradients are added to in the product's own kernel"},
              framework.fused_gradient_accumulation);
  framework.tensor_overlap =
      in.flag({"tensor_overlap", "tensor-parallel collectives run beside the products that they feed or follow"},
              framework.tensor_overlap);
  framework.host_sync_per_moe_layer =
      in.flag({"host_sync_per_moe_layer", "dropless: the host reads row counts back before the dispatch"},
              framework.host_sync_per_moe_layer);
  framework.product_dtype = in.optional_choice(
      {"product_dtype", "of the layers' products with weights (not router, logits); absent: the model's dtype"},
      kDTypeChoices);
  framework.quantization_bytes = in.quantity<Bytes>(
      {"quantization_bytes",
       "moved per element to convert an operand of such a product; 6 B: read for the largest value, read, "
       "written in fp8 twice, as it is and transposed"},
      kPerParameter, framework.quantization_bytes);
  framework.kernel_launch =
      in.quantity<Seconds>({"kernel_launch", "host time per kernel; the device waits when it is faster"}, kLaunch);
  framework.gradient_dtype =
      in.choice({"gradient_dtype", "in which gradients are reduced"}, kDTypeChoices, framework.gradient_dtype);
  framework.optimizer_bytes =
      in.quantity<Bytes>({"optimizer_bytes", "per parameter: master weight and moments"}, kPerParameter);
  framework.gradient_bytes =
      in.quantity<Bytes>({"gradient_bytes", "per parameter, kept until the optimizer step"}, kPerParameter);
  framework.reserved_memory =
      in.quantity<Bytes>({"reserved_memory", "CUDA context, NCCL buffers, workspace, per GPU"}, kReserved);
  framework.fragmentation =
      in.number({"fragmentation", "share of the activations lost in the allocator"}, {0, 1}, framework.fragmentation);
  section.assumptions = in.texts({"assumptions", "what the file takes for granted"}, kMostAssumptions);
  in.reject_unknown_keys();
  return section;
}

}  // namespace moesim
