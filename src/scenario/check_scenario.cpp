#include <algorithm>
#include <cstdint>
#include <variant>

#include "scenario/loader.hpp"

namespace moesim {
namespace {

void check_attention(const GroupedQueryAttention& attention, int tp, Reader& at) {
  at.require(attention.heads % tp == 0, {"tp"}, "does not divide the model's {} attention heads", attention.heads);
  at.require(attention.kv_heads % tp == 0 || tp % attention.kv_heads == 0, {"tp"},
             "neither divides nor is divided by the model's {} key and value heads", attention.kv_heads);
}

void check_attention(const LatentAttention& attention, int tp, Reader& at) {
  at.require(attention.heads % tp == 0, {"tp"}, "does not divide the model's {} attention heads", attention.heads);
}

/// Machines of the first expert-parallel group, and the fewest experts that `limit` of them may hold.
void check_node_limit(const Scenario& scenario, Reader& at) {
  const MoeLayer& moe = *scenario.model.moe;
  if (moe.max_nodes_per_token == 0) return;
  const Topology& topology = *scenario.cluster.topology;
  std::vector<int> experts_on(static_cast<std::size_t>(topology.hosts()), 0);
  const int per_rank = moe.experts / scenario.parallelism.ep;
  for (int member = 0; member < scenario.parallelism.ep; ++member) {
    const RankId rank{static_cast<std::size_t>(member) * static_cast<std::size_t>(scenario.parallelism.etp)};
    experts_on[static_cast<std::size_t>(topology.host_of(rank))] += per_rank;
  }
  experts_on.erase(std::remove(experts_on.begin(), experts_on.end(), 0), experts_on.end());
  std::sort(experts_on.begin(), experts_on.end());
  int reachable = 0;
  for (int i = 0; i < moe.max_nodes_per_token && i < static_cast<int>(experts_on.size()); ++i) {
    reachable += experts_on[static_cast<std::size_t>(i)];
  }
  at.require(reachable >= moe.top_k, {"max_nodes_per_token"}, "leaves a token {} experts, fewer than top_k ({})",
             reachable, moe.top_k);
}

void check_layout(const Scenario& scenario, Reader& at, Reader& at_model) {
  const Model& model = scenario.model;
  const Parallelism& degrees = scenario.parallelism;
  std::visit([&](const auto& attention) { check_attention(attention, degrees.tp, at); }, model.attention);
  at.require(degrees.pp <= model.layers, {"pp"}, "must not exceed the model's {} layers (a stage holds one at least)",
             model.layers);
  at.require(model.dense_layers() == 0 || model.dense_ffn.hidden % degrees.tp == 0, {"tp"},
             "does not divide the dense FFN's width ({})", model.dense_ffn.hidden);
  if (!model.moe || model.moe_layers() == 0) {
    at.require(degrees.ep == 1, {"ep"}, "must be 1 (the model has no MoE layers)");
    return;
  }
  const MoeLayer& moe = *model.moe;
  at.require(moe.experts % degrees.ep == 0, {"ep"},
             "does not divide the model's {} experts (every rank holds equally many)", moe.experts);
  at.require(moe.expert_hidden % degrees.etp == 0, {"etp"}, "does not divide an expert's width ({})",
             moe.expert_hidden);
  at.require(moe.shared_experts == 0 || moe.shared_expert_hidden % degrees.tp == 0, {"tp"},
             "does not divide a shared expert's width ({})", moe.shared_expert_hidden);
  Reader at_moe = at_model.child({"moe", ""});
  if (moe.experts % degrees.ep == 0) check_node_limit(scenario, at_moe);
}

void check_positions(const Model& model, std::int64_t tokens, std::string_view key, Reader& at) {
  at.require(model.max_positions == 0 || tokens <= model.max_positions, {key},
             "makes sequences of {} tokens, but the model has {} learned positions (model.max_positions)", tokens,
             model.max_positions);
}

void check_schedule(const Parallelism& degrees, const Model& model, std::int64_t micro_batches, Reader& at) {
  if (degrees.virtual_stages > 1) {
    at.require(degrees.pp > 1, {"virtual_stages", "pp"}, "needs a pipeline (pp above 1) to interleave");
    at.require(degrees.schedule == PipelineSchedule::one_f_one_b, {"virtual_stages", "schedule"},
               "goes with the schedule 1f1b only (interleaved 1F1B)");
    const std::int64_t chunks = std::int64_t{degrees.pp} * degrees.virtual_stages;
    at.require(chunks <= model.layers + 2, {"virtual_stages", "pp"},
               "makes pp x virtual_stages = {} chunks of {} layers (every chunk needs one, the embedding or the head)",
               chunks, model.layers);
    at.require(micro_batches % degrees.pp == 0, {"virtual_stages", "pp"},
               "needs the {} micro-batches of a rank to be a multiple of pp = {} (Megatron's interleaved schedule)",
               micro_batches, degrees.pp);
  }
  const int ends = degrees.first_stage_layers + degrees.last_stage_layers;
  const int between = degrees.pp - (degrees.first_stage_layers > 0 ? 1 : 0) - (degrees.last_stage_layers > 0 ? 1 : 0);
  at.require(ends == 0 || degrees.pp > 1, {"first_stage_layers", "last_stage_layers", "pp"},
             "needs a pipeline (pp above 1)");
  at.require(ends == 0 || (between > 0 ? ends + between <= model.layers : ends == model.layers),
             {"first_stage_layers", "last_stage_layers"}, "leaves {} of the model's {} layers for the other {} stages",
             model.layers - ends, model.layers, between);
  at.require(degrees.schedule != PipelineSchedule::dual_pipe || degrees.pp % 2 == 0, {"schedule", "pp"},
             "needs an even pp for dual_pipe (micro-batches enter from both ends)");
}

void check_workload(const TrainingWorkload& workload, const Scenario& scenario, Reader& at, Reader& at_parallelism) {
  const Parallelism& degrees = scenario.parallelism;
  const std::int64_t step = std::int64_t{degrees.dp} * workload.micro_batch;
  at.require(workload.global_batch % step == 0, {"global_batch", "micro_batch"},
             "is no multiple of dp x micro_batch = {} x {} (every data-parallel rank works on equally many whole "
             "micro-batches)",
             degrees.dp, workload.micro_batch);
  check_schedule(degrees, scenario.model, workload.global_batch / step, at_parallelism);
  check_positions(scenario.model, workload.sequence_length, "sequence_length", at);
  at_parallelism.require(workload.sequence_length % degrees.cp == 0, {"cp"}, "does not divide the sequence length ({})",
                         workload.sequence_length);
  at_parallelism.require(!degrees.sequence_parallel || (workload.sequence_length / degrees.cp) % degrees.tp == 0,
                         {"sequence_parallel", "tp", "cp"}, "needs tp ({}) to divide a rank's {} tokens", degrees.tp,
                         workload.sequence_length / degrees.cp);
}

void check_workload(const InferenceWorkload& workload, const Scenario& scenario, Reader& at, Reader& at_parallelism) {
  const Parallelism& degrees = scenario.parallelism;
  at.require(workload.batch % degrees.dp == 0, {"batch"},
             "is no multiple of dp = {} (every data-parallel rank works on equally many sequences)", degrees.dp);
  check_positions(scenario.model, std::int64_t{workload.prompt_tokens} + workload.generated_tokens, "prompt_tokens",
                  at);
  at_parallelism.require(workload.prompt_tokens % degrees.cp == 0, {"cp"}, "does not divide the prompt's {} tokens",
                         workload.prompt_tokens);
  at_parallelism.require(degrees.zero == 0, {"zero"}, "must be 0 in inference (there is no optimizer state to shard)");
}

}  // namespace

void check_scenario(const Scenario& scenario, SectionReaders at) {
  check_layout(scenario, at.parallelism, at.model);
  std::visit([&](const auto& workload) { check_workload(workload, scenario, at.workload, at.parallelism); },
             scenario.workload);
  if (const auto product = scenario.framework.product_dtype) {
    at.workload.require(scenario.kernels->device().matrix_peak(*product).value > 0, {},
                        "framework.product_dtype is no type that {} multiplies in its matrix units",
                        scenario.cluster.device_name);
  }
  const DType dtype = scenario.model.activation_dtype;
  at.model.require(scenario.kernels->device().matrix_peak(dtype).value > 0, {"dtype"},
                   "is no type that {} multiplies in its matrix units (cluster.device.matrix_peaks)",
                   scenario.cluster.device_name);
}

}  // namespace moesim
