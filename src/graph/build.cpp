#include "moesim/graph/build.hpp"

#include <algorithm>
#include <utility>

#include "graph/layers.hpp"
#include "graph/sharding.hpp"

namespace moesim {
namespace {

/// Reduction of gradients over a group: all-reduce, or with ZeRO reduce-scatter now and all-gather of the weights after
/// the optimizer.
void add_gradient_reduction(std::vector<Op>& ops, const Scenario& scenario, GroupRole group, double parameters) {
  if (parameters <= 0) return;
  const Bytes bytes{parameters * bytes_per_element(scenario.framework.gradient_dtype)};
  const CollectiveKind kind =
      scenario.parallelism.zero == 0 ? CollectiveKind::all_reduce : CollectiveKind::reduce_scatter;
  ops.push_back({.kind = WorkKind::gradient_reduction,
                 .name = "gradient_reduction",
                 .stream = Stream::gradient_communication,
                 .work = CollectiveWork{.kind = kind, .group = group, .bytes_per_rank = bytes},
                 .after = {}});
}

void add_reductions(std::vector<Op>& ops, const Scenario& scenario, const LocalParameters& local) {
  if (scenario.parallelism.dp * scenario.parallelism.cp > 1)
    add_gradient_reduction(ops, scenario, GroupRole::data, local.dense);
  if (scenario.parallelism.expert_dp() > 1) add_gradient_reduction(ops, scenario, GroupRole::expert_data, local.expert);
}

/// All-gather of the weights that ZeRO has left on other ranks, each kind over the group that shares it.
void add_weight_gathers(std::vector<Op>& ops, const Scenario& scenario, const LocalParameters& local, WorkKind kind,
                        std::string_view name, const std::vector<OpId>& after) {
  const auto gather = [&](GroupRole group, double parameters) {
    if (parameters <= 0) return;
    const Bytes weights{parameters * bytes_per_element(scenario.model.activation_dtype)};
    ops.push_back(
        {.kind = kind,
         .name = name,
         .stream = Stream::gradient_communication,
         .work = CollectiveWork{.kind = CollectiveKind::all_gather, .group = group, .bytes_per_rank = weights},
         .after = after});
  };
  if (scenario.parallelism.dp * scenario.parallelism.cp > 1) gather(GroupRole::data, local.dense);
  if (scenario.parallelism.expert_dp() > 1) gather(GroupRole::expert_data, local.expert);
}

/// After the last micro-batch: reduction where it does not overlap, norm and step of the optimizer, gathering of the
/// weights.
Phase iteration_end(const Scenario& scenario) {
  const Framework& framework = scenario.framework;
  const LocalParameters local = local_parameters(scenario, fullest_stage(scenario));
  Phase phase{.name = "iteration_end", .ops = {}, .repeat = 1};
  if (!framework.gradient_reduction_overlap) add_reductions(phase.ops, scenario, local);
  std::vector<OpId> reductions;
  for (std::size_t i = 0; i < phase.ops.size(); ++i) reductions.emplace_back(i);

  const ZeroShare share = zero_share(scenario.parallelism, 1);
  const double stepped = share.dense * local.dense + share.expert * local.expert;
  // Per parameter: the gradient is read for the norm and again for the step, states are read and written, the weight
  // written.
  const double bytes = 2 * framework.gradient_bytes.value + 2 * framework.optimizer_bytes.value +
                       bytes_per_element(scenario.model.activation_dtype);
  phase.ops.push_back(
      {.kind = WorkKind::optimizer,
       .name = "optimizer",
       .stream = Stream::compute,
       .work = KernelWork{.shape = MemoryWork{.kernel = MemoryKernel::optimizer, .over = {.moved = {stepped * bytes}}},
                          .launches = 2},
       .after = std::move(reductions)});
  if (scenario.parallelism.zero > 0 && scenario.parallelism.zero < 3) {  // stage 3 gathers where weights are used
    add_weight_gathers(phase.ops, scenario, local, WorkKind::optimizer, "optimizer.all_gather",
                       {OpId{phase.ops.size() - 1}});
  }
  return phase;
}

/// A phase of the last backward pass with the reduction of its layer's gradients behind it.
Phase with_reduction(Phase phase, const Scenario& scenario, const LocalParameters& of_stage, double layers) {
  const OpId last{phase.ops.size() - 1};
  std::vector<Op> reductions;
  add_reductions(reductions, scenario, {.dense = of_stage.dense / layers, .expert = of_stage.expert / layers});
  for (Op& op : reductions) {
    op.after = {last};
    phase.ops.push_back(std::move(op));
  }
  return phase;
}

/// ZeRO stage 3: a layer's weights are gathered while the layer before it works, forward and backward (Rajbhandari et
/// al. 2020, arXiv 1910.02054, section 5.3), so the layer lasts at least as long as the gathering.
Phase with_gathered_weights(Phase phase, const Scenario& scenario, const LocalParameters& of_stage, double layers) {
  add_weight_gathers(phase.ops, scenario, {.dense = of_stage.dense / layers, .expert = of_stage.expert / layers},
                     WorkKind::gradient_reduction, "weights.all_gather", {});
  return phase;
}

/// A piece of a stage's forward pass that runs `repeat` times.
struct Part {
  ForwardPhase phase;
  double repeat;
  bool is_layer;  ///< embedding and head are not: never recomputed, their gradients go with the layers'
};

Stage build_stage(const Scenario& scenario, const BatchShape& batch, const LayerRows& rows, int index) {
  const StageLayers layers = stage_layers(scenario, index);
  std::vector<Part> parts;  // in forward order
  if (index == 0) parts.push_back({embedding_phase(scenario, batch), 1, false});
  // Dense layers lead, or alternate with MoE layers: the order changes no time, only the counts do.
  if (layers.dense > 0) parts.push_back({dense_layer_phase(scenario, batch), static_cast<double>(layers.dense), true});
  if (layers.moe > 0) parts.push_back({moe_layer_phase(scenario, batch, rows), static_cast<double>(layers.moe), true});
  if (index == scenario.parallelism.pp - 1) parts.push_back({head_phase(scenario, batch), 1, false});

  Stage stage;
  const LocalParameters local = local_parameters(scenario, index);
  const auto gathered = [&](Phase phase, const Part& part) {
    return scenario.parallelism.zero == 3 && part.is_layer
               ? with_gathered_weights(std::move(phase), scenario, local, layers.dense + layers.moe)
               : phase;
  };
  for (const Part& part : parts) stage.forward.push_back(gathered(part.phase.forward(part.repeat), part));
  if (scenario.mode() == Mode::inference) return stage;

  const bool full = std::get<TrainingWorkload>(scenario.workload).recompute == Recompute::full;
  // Added to in the product's epilogue: read and written in the gradients' own type (Megatron-LM,
  // --no-gradient-accumulation-fusion off).
  const Bytes gradient{
      scenario.framework.fused_gradient_accumulation ? 2 * bytes_per_element(scenario.framework.gradient_dtype) : 0.0};
  std::reverse(parts.begin(), parts.end());
  for (const Part& part : parts) {
    Phase backward = part.phase.backward("backward", part.repeat, full && part.is_layer, gradient);
    Phase last = scenario.framework.gradient_reduction_overlap && part.is_layer
                     ? with_reduction(backward, scenario, local, layers.dense + layers.moe)
                     : backward;
    stage.last_backward.push_back(gathered(std::move(last), part));
    stage.backward.push_back(gathered(std::move(backward), part));
  }
  return stage;
}

/// Keys that the queries of one rank see on average, as a causal core counts them. Context parallelism gives every rank
/// an early and a late piece of the sequence, so that all have the same number of (query, key) pairs, s^2 / (2 cp)
/// (Megatron Core, context parallelism): those of q = s / cp queries at the end of (s + q) / 2 keys.
double balanced_context(double sequence, int cp) { return (sequence + sequence / cp) / 2; }

OpGraph build(const Scenario& scenario, const BatchShape& batch, int micro_batches) {
  OpGraph graph;
  graph.groups = process_groups(scenario.parallelism);
  graph.exchange_algorithm = scenario.framework.all_to_all;
  for (const GroupRole role : {GroupRole::tensor, GroupRole::context, GroupRole::expert_tensor}) {
    graph.algorithms[static_cast<std::size_t>(role)] = scenario.framework.tensor_collectives;
  }
  for (const GroupRole role : {GroupRole::data, GroupRole::expert_data}) {
    graph.algorithms[static_cast<std::size_t>(role)] = scenario.framework.gradient_collectives;
  }
  graph.micro_batches = micro_batches;
  LayerRows rows;
  if (scenario.model.moe) {
    graph.moe_tokens_per_rank = moe_tokens_per_rank(scenario, batch);
    graph.routing = route_layer(scenario, graph.moe_tokens_per_rank);
    rows = layer_rows(scenario, graph.routing);
  }
  for (int stage = 0; stage < scenario.parallelism.pp; ++stage) {
    graph.stages.push_back(build_stage(scenario, batch, rows, stage));
  }
  const double split = scenario.parallelism.sequence_parallel ? scenario.parallelism.tp : 1;
  graph.stage_boundary = {batch.tokens() * scenario.model.hidden * bytes_per_element(scenario.model.activation_dtype) /
                          split};
  if (scenario.mode() == Mode::training) graph.iteration_end.push_back(iteration_end(scenario));
  return graph;
}

}  // namespace

OpGraph build_graph(const Scenario& scenario) {
  const Parallelism& parallelism = scenario.parallelism;
  if (const auto* training = std::get_if<TrainingWorkload>(&scenario.workload)) {
    const double sequence = training->sequence_length;
    return build(scenario,
                 {.sequences = static_cast<double>(training->micro_batch),
                  .query_tokens = sequence / parallelism.cp,
                  .context_tokens = balanced_context(sequence, parallelism.cp),
                  .logits_of_all_tokens = true},
                 training->global_batch / (parallelism.dp * training->micro_batch));
  }
  const auto& inference = std::get<InferenceWorkload>(scenario.workload);
  const double prompt = inference.prompt_tokens;
  return build(scenario,
               {.sequences = static_cast<double>(inference.batch) / parallelism.dp,
                .query_tokens = prompt / parallelism.cp,
                .context_tokens = balanced_context(prompt, parallelism.cp),
                .logits_of_all_tokens = inference.generated_tokens == 0},
               1);
}

OpGraph build_decode_graph(const Scenario& scenario, double context_tokens) {
  const auto& inference = std::get<InferenceWorkload>(scenario.workload);
  return build(scenario,
               {.sequences = static_cast<double>(inference.batch) / scenario.parallelism.dp,
                .query_tokens = 1,
                .context_tokens = context_tokens / scenario.parallelism.cp,  // the cache is split
                .logits_of_all_tokens = true},
               1);
}

std::size_t distinct_routings(const Scenario& scenario, const OpGraph& graph) {
  if (!scenario.model.moe || graph.routing.balanced()) return 1;
  const auto layers = static_cast<std::size_t>(scenario.model.layers);
  if (scenario.routing.sampling_noise) return layers * static_cast<std::size_t>(graph.micro_batches);
  const auto* zipf = std::get_if<ZipfRouting>(&scenario.routing.distribution);
  return zipf != nullptr && zipf->shuffle ? layers : 1;
}

std::vector<RoutingResult> route_instances(const Scenario& scenario, const OpGraph& graph, std::size_t most) {
  const auto layers = static_cast<std::size_t>(scenario.model.layers);
  const std::size_t count = std::min(distinct_routings(scenario, graph), std::max<std::size_t>(most, 1));
  std::vector<RoutingResult> routings = {graph.routing};
  for (std::size_t i = 1; i < count; ++i) {
    routings.push_back(
        route_layer(scenario, graph.moe_tokens_per_rank,
                    {.layer = static_cast<int>(i % layers), .micro_batch = static_cast<int>(i / layers)}));
  }
  return routings;
}

}  // namespace moesim
