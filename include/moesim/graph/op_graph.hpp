#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <variant>
#include <vector>

#include "moesim/base/dtype.hpp"
#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cost/collectives.hpp"
#include "moesim/cost/kernels.hpp"
#include "moesim/model/counts.hpp"
#include "moesim/model/parallelism.hpp"
#include "moesim/model/routing.hpp"

namespace moesim {

/// Queues of one rank: operators of one stream run in the order in which they are listed.
enum class Stream { compute, expert_communication, tensor_communication, gradient_communication };
inline constexpr std::size_t kStreams = 4;

/// A kernel that moves bytes and computes little.
struct MemoryWork {
  MemoryKernel kernel = MemoryKernel::copy;
  MemoryShape over;
};

/// The experts' matrix product of one rank: rows [r_i, k] x [k, n] for each of its experts, r_i from the routing.
struct ExpertGemm {
  double n = 0;
  double k = 0;
  DType dtype = DType::bf16;
  ExpertExecution execution = ExpertExecution::grouped;
  bool weight_gradient = false;  ///< [k, r_i] x [r_i, n] instead
  Bytes result = {};             ///< moved per element of the result, as of GemmShape
  double share = 1;              ///< of the rows that the routing sends here: etp / pipelining degree
};

/// A kernel over all rows that the experts of a rank hold, e.g. their activation.
struct ExpertMemoryWork {
  MemoryKernel kernel = MemoryKernel::activation;
  Bytes moved_per_row;
  double share = 1;  ///< as of ExpertGemm
};

/// The device stands still until the host has read something back and launched what follows.
struct HostWait {
  Seconds time;
};

/// `launches` kernels on the compute stream; the shape is that of all of them together, except for GEMMs: `shape` once.
struct KernelWork {
  std::variant<GemmShape, AttentionShape, MemoryWork, ExpertGemm, ExpertMemoryWork, RouterShape, HostWait> shape;
  double launches = 1;
};

/// Does the kernel work on the rows that the routing sends to the experts of a rank?
[[nodiscard]] inline bool works_on_routed_rows(const KernelWork& work) {
  return std::holds_alternative<ExpertGemm>(work.shape) || std::holds_alternative<ExpertMemoryWork>(work.shape);
}

/// Which of a rank's process groups communicates.
enum class GroupRole { tensor, context, expert, expert_tensor, data, expert_data, pipeline };
inline constexpr std::size_t kGroupRoles = 7;

/// A collective of equal sizes: S as nccl-tests counts it.
struct CollectiveWork {
  CollectiveKind kind = CollectiveKind::all_reduce;
  GroupRole group = GroupRole::data;
  Bytes bytes_per_rank;
};

/// The all-to-all of one MoE layer: `bytes_per_row` for each (token, expert) row of the routing. Backward passes go the
/// other way.
struct ExchangeWork {
  Bytes bytes_per_row;
  double share = 1;       ///< of the rows: 1 / pipelining degree
  bool reversed = false;  ///< rank j to rank i what the routing sends from i to j (combine; backward of dispatch)
};

struct Op {
  WorkKind kind = WorkKind::attention;
  std::string_view name;  ///< of a static string: "attention.qkv", "experts.down.dgrad" ...
  Stream stream = Stream::compute;
  std::variant<KernelWork, CollectiveWork, ExchangeWork> work;
  std::vector<OpId>
      after;  ///< operators of the same phase that must have ended, besides the one before it on its stream
  bool weight_gradient = false;  ///< nothing in its micro-batch waits for it (zero-bubble schedules put it off)
};

/// A sequence of operators that every rank of a stage runs, `repeat` times (once per layer of the same shape).
struct Phase {
  std::string_view name;  ///< "moe_layer.forward", "embedding.forward" ...
  std::vector<Op> ops;
  double repeat = 1;
};

/// One pipeline stage: its work for one micro-batch. Gradient reductions that overlap stand in `last_backward`, the
/// backward pass of the last micro-batch.
struct Stage {
  std::vector<Phase> forward;
  std::vector<Phase> backward;
  std::vector<Phase> last_backward;
};

/// What one iteration executes, for any engine. Built once from a Scenario; values only.
struct OpGraph {
  std::vector<Stage> stages;  ///< by pipeline rank
  int micro_batches = 1;
  Bytes stage_boundary;  ///< activations sent from stage to stage per micro-batch
  std::vector<Phase>
      iteration_end;               ///< after the last micro-batch: gradient reduction that does not overlap, optimizer
  RoutingResult routing;           ///< of one MoE layer and micro-batch
  double moe_tokens_per_rank = 0;  ///< that enter the router of a layer, per micro-batch; 0 without MoE layers
  std::array<RankGroups, kGroupRoles> groups;  ///< by GroupRole
  AllToAllAlgorithm exchange_algorithm = AllToAllAlgorithm::flat;
  std::array<CollectiveAlgorithm, kGroupRoles> algorithms{};  ///< of the other collectives, by GroupRole
};

/// Process groups of all ranks in Megatron's default order tp-cp-ep-dp-pp (Megatron-LM, core/parallel_state.py): tensor
/// ranks are neighbours, then context, then expert, then data; pipeline stages are farthest apart.
[[nodiscard]] std::array<RankGroups, kGroupRoles> process_groups(const Parallelism& parallelism);

}  // namespace moesim
