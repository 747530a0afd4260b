#include "moesim/analytic/op_cost.hpp"

#include <algorithm>
#include <utility>

#include "moesim/graph/build.hpp"

namespace moesim {
namespace {

/// `launches` kernels that share the work equally, each behind another kind of kernel.
OpCost repeated(const KernelModel& kernels, const KernelEstimate& once, const KernelAmount& amount, double launches,
                std::string_view fallback_name) {
  OpCost cost;
  cost.amount = {.flops = launches * amount.flops, .bytes = launches * amount.bytes};
  cost.bound = once.bound;
  cost.estimate = {.time = (once.estimate.time + kernels.unlike()) * launches, .spread = once.estimate.spread};
  cost.law = once.law != nullptr ? std::string_view(once.law->name) : fallback_name;
  cost.fitted = once.law;
  cost.extrapolated = once.extrapolated;
  return cost;
}

std::string_view memory_kernel_name(MemoryKernel kernel) {
  return kMemoryKernels[static_cast<std::size_t>(kernel)].name;
}

/// @param over of all launches together
OpCost moving_cost(const KernelModel& kernels, MemoryKernel kernel, const MemoryShape& over, double launches) {
  const double share = 1 / launches;
  const MemoryShape once{.moved = share * over.moved,
                         .rows = share * over.rows,
                         .again = share * over.again,
                         .source = share * over.source};
  return repeated(kernels, kernels.memory_kernel(kernel, once), {.flops = {}, .bytes = once.moved}, launches,
                  memory_kernel_name(kernel));
}

OpCost expert_gemm_cost(const KernelModel& kernels, const ExpertGemm& gemm, const RoutingResult& routing, int ep_rank) {
  const auto of_rank = routing.expert_rows(ep_rank);
  std::vector<double> rows(of_rank.begin(), of_rank.end());
  for (double& count : rows) count *= gemm.share;
  GroupedGemmShape shape{
      .rows = rows, .n = gemm.n, .k = gemm.k, .dtype = gemm.dtype, .execution = gemm.execution, .result = gemm.result};
  if (gemm.weight_gradient) {
    // [k, r] x [r, n] for each expert: as many rows as the weight has, reduced over the expert's tokens. The law takes
    // one reduction length, so uneven experts enter with their mean: the FLOPs are exact.
    double total = 0;
    for (const double count : rows) total += count;
    shape.k = total / static_cast<double>(rows.size());
    std::fill(rows.begin(), rows.end(), gemm.k);
    shape.rows = rows;
    shape.weight_gradient = true;
  }
  return repeated(kernels, kernels.grouped_gemm(shape), kernel_amount(shape), 1, "grouped_gemm");
}

/// Mean of `count` costs of the same law.
template <class CostOf>
OpCost mean(std::size_t count, const CostOf& cost_of) {
  OpCost sum = cost_of(0);
  double deviation = sum.estimate.time.value * sum.estimate.spread;
  for (std::size_t i = 1; i < count; ++i) {
    const OpCost one = cost_of(i);
    sum.estimate.time += one.estimate.time;
    sum.amount.flops += one.amount.flops;
    sum.amount.bytes += one.amount.bytes;
    deviation += one.estimate.time.value * one.estimate.spread;
    sum.extrapolated = sum.extrapolated || one.extrapolated;
  }
  if (sum.estimate.time.value > 0) sum.estimate.spread = deviation / sum.estimate.time.value;
  const double share = 1.0 / static_cast<double>(count);
  sum.estimate.time = sum.estimate.time * share;
  sum.amount = {.flops = share * sum.amount.flops, .bytes = share * sum.amount.bytes};
  return sum;
}

}  // namespace

OpCost kernel_cost(const KernelModel& kernels, const KernelWork& work, const RoutingResult& routing, int ep_rank) {
  if (const auto* gemm = std::get_if<GemmShape>(&work.shape))
    return repeated(kernels, kernels.gemm(*gemm), kernel_amount(*gemm), work.launches, "gemm");
  if (const auto* wait = std::get_if<HostWait>(&work.shape)) {
    return {.estimate = {.time = wait->time, .spread = 0}, .law = "launch"};
  }
  if (const auto* attention = std::get_if<AttentionShape>(&work.shape)) {
    return repeated(kernels, kernels.attention(*attention), kernel_amount(*attention), work.launches, "attention");
  }
  if (const auto* memory = std::get_if<MemoryWork>(&work.shape)) {
    return moving_cost(kernels, memory->kernel, memory->over, work.launches);
  }
  if (const auto* router = std::get_if<RouterShape>(&work.shape)) {
    return repeated(kernels, kernels.router(*router), kernel_amount(*router), work.launches,
                    memory_kernel_name(MemoryKernel::router));
  }
  if (const auto* gemm = std::get_if<ExpertGemm>(&work.shape)) {
    return expert_gemm_cost(kernels, *gemm, routing, ep_rank);
  }
  const auto& memory = std::get<ExpertMemoryWork>(work.shape);
  const double rows = routing.rows_received(ep_rank) * memory.share;
  return moving_cost(kernels, memory.kernel, {.moved = rows * memory.moved_per_row, .rows = rows}, 1);
}

OpCost collective_cost(const CollectiveModel& model, const CollectivePlan& plan, Bytes bytes_per_rank) {
  const CollectiveEstimate estimate = model.estimate(plan, bytes_per_rank);
  return {.estimate = estimate.estimate,
          .law = model.law_name(),
          .fitted = model.law(),
          .extrapolated = estimate.extrapolated};
}

double slowdown_beside_collective(const KernelOverlap& overlap, const KernelWork& work, Seconds time) {
  if (std::holds_alternative<HostWait>(work.shape) || time.value <= 0) return 1;
  const auto* gemm = std::get_if<GemmShape>(&work.shape);
  const auto* experts = std::get_if<ExpertGemm>(&work.shape);
  if (gemm != nullptr || experts != nullptr) {
    const DType dtype = gemm != nullptr ? gemm->dtype : experts->dtype;
    const bool measured = dtype == DType::bf16 || dtype == DType::fp16;
    return measured ? overlap.product_slowdown(time * (1 / work.launches)) : 1;
  }
  return std::holds_alternative<AttentionShape>(work.shape) ? overlap.attention : overlap.memory;
}

TokenCopies token_copies(const RoutingResult& routing) {
  double pairs = 0;
  for (int node = 0; node < routing.nodes(); ++node) pairs += routing.rows_to_node(0, node);
  const double rows = routing.rows_sent(0);
  return {.machines = rows > 0 ? std::min(pairs / rows, 1.0) : 1.0, .ranks = routing.rank_copies()};
}

Algorithms algorithms_of(const OpGraph& graph, CollectiveKind kind, GroupRole role) {
  if (kind == CollectiveKind::all_to_all) return graph.exchange_algorithm;
  return graph.algorithms[static_cast<std::size_t>(role)];
}

ExchangeRows exchange_rows(const RoutingResult& routing, AllToAllAlgorithm algorithm, bool reversed) {
  const auto ranks = static_cast<std::size_t>(routing.ranks());
  ExchangeRows rows{.between = routing.row_matrix(), .to_nodes = {}};
  if (reversed) {
    for (std::size_t i = 0; i < ranks; ++i) {
      for (std::size_t j = i + 1; j < ranks; ++j) std::swap(rows.between[i * ranks + j], rows.between[j * ranks + i]);
    }
  }
  if (algorithm == AllToAllAlgorithm::node_deduplicated) {
    for (int i = 0; i < routing.ranks(); ++i) {
      for (int j = 0; j < routing.ranks(); ++j) {
        const double copies = reversed ? routing.copies_between(j, i) : routing.copies_between(i, j);
        rows.between[static_cast<std::size_t>(i) * ranks + static_cast<std::size_t>(j)] = copies;
      }
    }
    for (int rank = 0; rank < routing.ranks(); ++rank) {
      for (int node = 0; node < routing.nodes(); ++node) rows.to_nodes.push_back(routing.rows_to_node(rank, node));
    }
  }
  return rows;
}

OpCosts::OpCosts(const Scenario& scenario, const OpGraph& graph)
    : scenario_(scenario), graph_(graph), routings_(route_instances(scenario, graph, kMostRoutings)) {}

OpCost OpCosts::cost(const Op& op, double count) {
  if (const auto* kernel = std::get_if<KernelWork>(&op.work)) return slowest_kernel(*kernel);
  if (const auto* exchange = std::get_if<ExchangeWork>(&op.work)) return exchange_cost(*exchange, count);
  return planned_cost(std::get<CollectiveWork>(op.work), count);
}

OpCost OpCosts::slowest_kernel(const KernelWork& work) const {
  if (!works_on_routed_rows(work)) return slowest_kernel(work, graph_.routing);
  return mean(routings_.size(), [&](std::size_t i) { return slowest_kernel(work, routings_[i]); });
}

OpCost OpCosts::slowest_kernel(const KernelWork& work, const RoutingResult& routing) const {
  const KernelModel& kernels = *scenario_.kernels;
  if (std::holds_alternative<ExpertMemoryWork>(work.shape)) {
    return moesim::kernel_cost(kernels, work, routing, routing.busiest_rank());
  }
  OpCost slowest = moesim::kernel_cost(kernels, work, routing, 0);
  const int ranks = std::holds_alternative<ExpertGemm>(work.shape) && !routing.balanced() ? routing.ranks() : 1;
  for (int rank = 1; rank < ranks; ++rank) {
    const OpCost cost = moesim::kernel_cost(kernels, work, routing, rank);
    if (cost.estimate.time > slowest.estimate.time) slowest = cost;
  }
  return slowest;
}

OpCosts::Planned& OpCosts::planned(CollectiveKind kind, GroupRole role) {
  for (Planned& known : plans_) {
    if (known.kind == kind && known.role == role) return known;
  }
  const bool exchange = kind == CollectiveKind::all_to_all;
  plans_.push_back(
      {.kind = kind,
       .role = role,
       .plan = scenario_.cluster.collectives->shared_plan(kind, algorithms_of(graph_, kind, role), group(role),
                                                          exchange ? token_copies(graph_.routing) : TokenCopies{}),
       .bytes = 0});
  return plans_.back();
}

const RankGroups& OpCosts::group(GroupRole role) const { return graph_.groups[static_cast<std::size_t>(role)]; }

OpCost OpCosts::planned_cost(const CollectiveWork& work, double count) {
  Planned& known = planned(work.kind, work.group);
  known.bytes += count * work.bytes_per_rank.value;
  return collective_cost(*scenario_.cluster.collectives, *known.plan, work.bytes_per_rank);
}

OpCost OpCosts::exchange_cost(const ExchangeWork& work, double count) {
  const double bytes_per_row = work.bytes_per_row.value * work.share;
  if (graph_.routing.balanced()) {
    Planned& known = planned(CollectiveKind::all_to_all, GroupRole::expert);
    const double bytes = graph_.routing.rows_sent(0) * bytes_per_row;
    known.bytes += count * bytes;
    return collective_cost(*scenario_.cluster.collectives, *known.plan, {bytes});
  }
  // The other expert-parallel groups route other tokens alike and run at the same time; the first stands for all.
  std::vector<Planned>& plans = uneven_plans(work.reversed);
  const double share = 1.0 / static_cast<double>(plans.size());
  return mean(plans.size(), [&](std::size_t i) {
    const double bytes = plans[i].plan->uneven_bytes * bytes_per_row;
    plans[i].bytes += share * count * bytes;
    return collective_cost(*scenario_.cluster.collectives, *plans[i].plan, {bytes});
  });
}

/// Plans of the routings' matrices, one byte per row; sizes scale them.
std::vector<OpCosts::Planned>& OpCosts::uneven_plans(bool reversed) {
  std::vector<Planned>& known = reversed ? uneven_back_ : uneven_forth_;
  if (!known.empty()) return known;
  for (const RoutingResult& routing : routings_) {
    const ExchangeRows rows = exchange_rows(routing, graph_.exchange_algorithm, reversed);
    known.push_back({.plan = std::make_shared<const CollectivePlan>(scenario_.cluster.collectives->plan_uneven(
                         group(GroupRole::expert).front(), rows.between, graph_.exchange_algorithm, rows.to_nodes))});
  }
  return known;
}

OpCost OpCosts::stage_send(Bytes bytes, double count) {
  Planned& known = planned(CollectiveKind::send_recv, GroupRole::pipeline);
  known.bytes += count * bytes.value;
  return collective_cost(*scenario_.cluster.collectives, *known.plan, bytes);
}

std::vector<double> OpCosts::link_bytes() const {
  std::vector<double> bytes(scenario_.cluster.topology->links().size(), 0.0);
  const auto count = [&bytes](const Planned& known) {
    if (known.plan == nullptr || known.bytes == 0) return;
    for (std::size_t link = 0; link < known.plan->load_per_byte.size(); ++link)
      bytes[link] += known.bytes * known.plan->load_per_byte[link];
  };
  for (const Planned& known : plans_) count(known);
  for (const Planned& known : uneven_forth_) count(known);
  for (const Planned& known : uneven_back_) count(known);
  return bytes;
}

}  // namespace moesim
