#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "moesim/base/dtype.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cluster/device.hpp"
#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topology.hpp"
#include "moesim/cost/collectives.hpp"
#include "moesim/cost/kernels.hpp"
#include "moesim/model/moe_model.hpp"
#include "moesim/model/parallelism.hpp"
#include "moesim/model/routing.hpp"

namespace moesim {

/// What is kept for the backward pass.
enum class Recompute {
  none,
  selective,  ///< attention scores (and with them softmax and dropout) are made again (Korthikanti et al. 2022, arXiv
              ///< 2205.05198)
  full  ///< only the input of each layer is kept; the backward pass runs the forward pass again, its all-to-alls too
};

/// Parts of a layer whose results are thrown away and made again, by the names of Megatron Core's --recompute-modules.
enum class RecomputeModule {
  layernorm,      ///< both norms of a layer
  moe_act,        ///< activation inside the experts
  mla_up_proj,    ///< latent attention: queries, keys and values from the latent vectors
  mlp,            ///< dense feed-forward block
  shared_experts  ///< all of them
};
struct NamedRecomputeModule {
  std::string_view name;
  RecomputeModule module;
};
inline constexpr std::array kRecomputeModules = {
    NamedRecomputeModule{"layernorm", RecomputeModule::layernorm},
    NamedRecomputeModule{"moe_act", RecomputeModule::moe_act},
    NamedRecomputeModule{"mla_up_proj", RecomputeModule::mla_up_proj},
    NamedRecomputeModule{"mlp", RecomputeModule::mlp},
    NamedRecomputeModule{"shared_experts", RecomputeModule::shared_experts}};

/// How a training or inference framework executes a layer. Data: configs/frameworks/*.yaml.
struct Framework {
  std::string name;
  std::string source;  ///< where the fields are from
  ExpertExecution expert_execution = ExpertExecution::grouped;
  bool pad_to_capacity = false;  ///< with a capacity factor: send and compute empty rows too
  bool atomic_unpermute = false;
  bool flash_attention = true;          ///< else scores are written to memory
  bool fused_elementwise = true;        ///< bias+activation, bias+dropout+add in one kernel each
  bool residual_dropout = true;         ///< else the gradients of a residual's branch pass as they are
  bool packed_qkv_gradient = true;      ///< attention writes it for the common projection; else copies gather it
  bool branch_gradient_add = false;     ///< gradients of router and experts are added by a kernel of its own
  bool fused_expert_activation = true;  ///< else the product with the router's weight, in fp32, is a kernel of its own
  bool fused_cross_entropy = true;      ///< else softmax and loss make a dozen passes over the logits in fp32
  AllToAllAlgorithm all_to_all = AllToAllAlgorithm::flat;
  CollectiveAlgorithm tensor_collectives = CollectiveAlgorithm::ring;    ///< of tensor- and context-parallel groups
  CollectiveAlgorithm gradient_collectives = CollectiveAlgorithm::ring;  ///< of data-parallel groups
  int pipelining_degree = 1;  ///< Tutel: dispatch, experts and combine in so many chunks, overlapped
  bool shared_expert_overlap = false;
  bool expert_parallel_overlap = false;  ///< all-to-alls of one micro-batch beside the work on another (1F1B)
  bool gradient_reduction_overlap = false;
  bool fused_gradient_accumulation = false;  ///< weight gradients are added to in the product's own kernel
  bool tensor_overlap = false;               ///< tensor-parallel collectives run beside the products they feed
  bool host_sync_per_moe_layer = false;      ///< dropless: row counts are read back by the host before the dispatch
  std::optional<DType> product_dtype;        ///< of the layers' products with weights; absent: the model's type
  Bytes quantization_bytes{6};               ///< moved per element to convert an operand of such a product
  Seconds kernel_launch;                     ///< host time per kernel; the device waits when it is faster
  DType gradient_dtype = DType::fp32;        ///< in which gradients are reduced
  Bytes optimizer_bytes;                     ///< per parameter: master weight and moments (Adam in fp32: 12)
  Bytes gradient_bytes;                      ///< per parameter, kept until the optimizer step
  Bytes reserved_memory;                     ///< CUDA context, NCCL buffers, workspace, per GPU
  double fragmentation = 0;                  ///< share of activations lost in the allocator
};

enum class Mode { training, inference };

/// One iteration: `global_batch` sequences, `micro_batch` of them at a time on each data-parallel rank.
struct TrainingWorkload {
  int sequence_length = 0;
  int global_batch = 0;
  int micro_batch = 1;
  Recompute recompute = Recompute::none;
  std::vector<RecomputeModule> recompute_modules = {};  ///< each once; with Recompute::full they change nothing
};

/// `batch` sequences over all data-parallel ranks, a prompt and then `generated_tokens`, the first of which the prefill
/// yields. 0: scoring only (a forward pass over the prompts).
struct InferenceWorkload {
  int batch = 0;
  int prompt_tokens = 0;
  int generated_tokens = 0;
};

/// The cluster as the loader completed it; shared between the variants and sweep points that do not change it.
struct Cluster {
  std::string name;
  std::shared_ptr<const Topology> topology;
  TransportRules transport;
  std::string device_name;  ///< empty: reference clusters have none
  std::shared_ptr<const CollectiveModel> collectives;
  std::vector<std::string> assumptions;
};

/// A file that went into the scenario, for provenance.
struct InputFile {
  std::string path;
  std::string hash;  ///< FNV-1a of its bytes, 16 hex digits
};

/// Everything a prediction depends on: complete, validated, immutable.
struct Scenario {
  std::string name;     ///< of the file's `name:`
  std::string variant;  ///< empty when the scenario has none
  Model model;
  Cluster cluster;
  std::shared_ptr<const KernelModel> kernels;
  Framework framework;
  Parallelism parallelism;
  RoutingConfig routing;
  std::vector<int> expert_placement;  ///< empty: contiguous blocks
  std::variant<TrainingWorkload, InferenceWorkload> workload;
  std::vector<std::string> assumptions;  ///< of the scenario and of all files that it names
  std::vector<InputFile> inputs;

  [[nodiscard]] Mode mode() const { return workload.index() == 0 ? Mode::training : Mode::inference; }
};

}  // namespace moesim
