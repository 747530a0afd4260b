#include "graph/sharding.hpp"

#include <algorithm>

#include "moesim/graph/op_graph.hpp"
#include "moesim/model/counts.hpp"

namespace moesim {
namespace {

/// Tensor parallelism splits matrices; norms, the router and the shared projections are on every tensor rank.
double tensor_split(WorkKind kind, int tp) {
  switch (kind) {
    case WorkKind::embedding:
    case WorkKind::attention:
    case WorkKind::dense_ffn:
    case WorkKind::logits:
      return tp;
    default:
      return 1;
  }
}

LocalParameters layer_parameters(const Scenario& scenario, LayerKind kind) {
  LocalParameters local;
  for (const ParameterCount& count : count_layer_parameters(scenario.model, kind)) {
    if (count.kind == WorkKind::experts) {
      local.expert += count.parameters / (scenario.parallelism.ep * scenario.parallelism.etp);
    } else {
      local.dense += count.parameters / tensor_split(count.kind, scenario.parallelism.tp);
    }
  }
  return local;
}

}  // namespace

StageLayers stage_layers(const Scenario& scenario, int stage) {
  // Stages at the ends may have a number of their own; the others share what is left as evenly as whole layers go.
  const Parallelism& parallelism = scenario.parallelism;
  const int layers = scenario.model.layers;
  const int first = parallelism.first_stage_layers;
  const int last = parallelism.last_stage_layers;
  const int before = first > 0 ? 1 : 0;
  const int between = std::max(parallelism.pp - before - (last > 0 ? 1 : 0), 1);
  const auto begin = [&](int index) {
    if (index <= 0) return 0;
    if (index >= parallelism.pp) return layers;
    return first + (index - before) * (layers - first - last) / between;
  };
  StageLayers result{.first = begin(stage), .end = begin(stage + 1)};
  for (int layer = result.first; layer < result.end; ++layer) {
    (scenario.model.is_moe_layer(layer) ? result.moe : result.dense) += 1;
  }
  return result;
}

LocalParameters local_parameters(const Scenario& scenario, int stage) {
  const StageLayers layers = stage_layers(scenario, stage);
  LocalParameters local;
  const auto add = [&local](const LocalParameters& layer, double count) {
    local.dense += count * layer.dense;
    local.expert += count * layer.expert;
  };
  if (layers.dense > 0) add(layer_parameters(scenario, LayerKind::dense), layers.dense);
  if (layers.moe > 0) add(layer_parameters(scenario, LayerKind::moe), layers.moe);

  const int tp = scenario.parallelism.tp;
  const bool first = stage == 0;
  const bool last = stage == scenario.parallelism.pp - 1;
  const double table = static_cast<double>(scenario.model.vocabulary) * scenario.model.hidden / tp;
  const double positions = static_cast<double>(scenario.model.max_positions) * scenario.model.hidden;
  if (first) local.dense += table + positions;
  // The output matrix: its own when untied; a second copy when tied but on another stage than the table.
  if (last && (!scenario.model.tied_embedding || !first)) local.dense += table;
  if (last) local.dense += (scenario.model.norm == NormKind::layer_norm ? 2.0 : 1.0) * scenario.model.hidden;
  return local;
}

int fullest_stage(const Scenario& scenario) {
  int fullest = 0;
  double most = 0;
  for (int stage = 0; stage < scenario.parallelism.pp; ++stage) {
    const double held = local_parameters(scenario, stage).total();
    if (held > most) {
      most = held;
      fullest = stage;
    }
  }
  return fullest;
}

ZeroShare zero_share(const Parallelism& parallelism, int from_stage) {
  if (parallelism.zero < from_stage) return {};
  return {.dense = 1.0 / (parallelism.dp * parallelism.cp), .expert = 1.0 / parallelism.expert_dp()};
}

int expert_ranks_per_node(const Scenario& scenario) {
  // Ranks of a group are etp apart; machines hold consecutive ranks.
  const Topology& topology = *scenario.cluster.topology;
  const int ep = scenario.parallelism.ep;
  const int host = topology.host_of(RankId{0});
  int count = 0;
  for (int member = 0; member < ep; ++member) {
    const RankId rank{static_cast<std::size_t>(member) * static_cast<std::size_t>(scenario.parallelism.etp)};
    if (topology.host_of(rank) == host) ++count;
  }
  return std::max(count, 1);
}

RoutingResult route_layer(const Scenario& scenario, double tokens_per_rank, RoutingInstance instance) {
  const MoeLayer& moe = *scenario.model.moe;
  const RoutingProblem problem{.experts = moe.experts,
                               .top_k = moe.top_k,
                               .tokens_per_rank = tokens_per_rank,
                               .ep = scenario.parallelism.ep,
                               .ranks_per_node = expert_ranks_per_node(scenario),
                               .capacity_factor = moe.capacity_factor.value_or(0),
                               .pad_to_capacity = scenario.framework.pad_to_capacity,
                               .pad_to_busiest = false,
                               .max_nodes_per_token = moe.max_nodes_per_token,
                               .placement = scenario.expert_placement};
  return route(problem, scenario.routing, instance);
}

LayerRows layer_rows(const Scenario& scenario, const RoutingResult& routing) {
  const bool once =
      scenario.framework.all_to_all == AllToAllAlgorithm::node_deduplicated && scenario.parallelism.ep > 1;
  return {.sent = routing.rows_sent(0),
          .held = routing.busiest_rank_rows() * scenario.parallelism.etp,
          .copies = once ? routing.rank_copies() : 1};
}

}  // namespace moesim
