#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "moesim/cost/overlap_law.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Time of one operator when nothing disturbs it. Shared by the engines: they differ in what they do with it.
struct OpCost {
  Estimate estimate;
  std::string_view
      law;  ///< name of the fitted law behind it (what its error is shared with); a kernel's name without one
  const FittedLaw* fitted = nullptr;
  bool extrapolated = false;
  KernelAmount amount = {};     ///< of all its launches; nothing for collectives
  Bound bound = Bound::launch;  ///< of a kernel
};

/// Time of a kernel on one rank of the expert-parallel group, whose experts have the rows that `routing` sends them.
[[nodiscard]] OpCost kernel_cost(const KernelModel& kernels, const KernelWork& work, const RoutingResult& routing,
                                 int ep_rank);
/// Time of a collective of these plans, alone on the cluster.
[[nodiscard]] OpCost collective_cost(const CollectiveModel& model, const CollectivePlan& plan, Bytes bytes_per_rank);

/// How many times as long an operator takes beside a collective of its rank: by the law, 1 for what was not measured.
/// @param time of all its launches, undisturbed
[[nodiscard]] double slowdown_beside_collective(const KernelOverlap& overlap, const KernelWork& work, Seconds time);

/// Distinct machines of a token per (token, expert) choice, what a deduplicated exchange sends of the plain rows.
[[nodiscard]] TokenCopies token_copies(const RoutingResult& routing);

/// How the graph's collectives of a kind move their data in a group.
[[nodiscard]] Algorithms algorithms_of(const OpGraph& graph, CollectiveKind kind, GroupRole role);

/// Who sends what to whom in an exchange of uneven sizes, in rows: as CollectiveModel::plan_uneven takes it.
struct ExchangeRows {
  std::vector<double> between;   ///< [from * ranks + to]
  std::vector<double> to_nodes;  ///< [from * nodes + node]; empty unless deduplicated
};
/// @param reversed the rows go back to where they came from
[[nodiscard]] ExchangeRows exchange_rows(const RoutingResult& routing, AllToAllAlgorithm algorithm, bool reversed);

/// Routings that are drawn at most to find the mean of a step whose layers or micro-batches are routed differently;
/// both engines take the same ones.
inline constexpr std::size_t kMostRoutings = 32;

/// Closed-form times of the operators of one graph on their slowest ranks, and the load that they put on the links.
/// Where layers are routed differently, the mean over the layers of each one's slowest rank.
class OpCosts {
 public:
  OpCosts(const Scenario& scenario, const OpGraph& graph);

  /// @param count how often the operator runs in the step: its bytes are added to the load of the links
  [[nodiscard]] OpCost cost(const Op& op, double count);
  /// Time of one send from a pipeline stage to the next.
  [[nodiscard]] OpCost stage_send(Bytes bytes, double count);
  /// Bytes by LinkId of all operators counted.
  [[nodiscard]] std::vector<double> link_bytes() const;

 private:
  /// A plan and the bytes_per_rank that went through it in the step.
  struct Planned {
    CollectiveKind kind = CollectiveKind::all_to_all;
    GroupRole role = GroupRole::expert;
    std::shared_ptr<const CollectivePlan> plan;
    double bytes = 0;
  };

  [[nodiscard]] OpCost slowest_kernel(const KernelWork& work) const;
  [[nodiscard]] OpCost slowest_kernel(const KernelWork& work, const RoutingResult& routing) const;
  [[nodiscard]] OpCost exchange_cost(const ExchangeWork& work, double count);
  [[nodiscard]] OpCost planned_cost(const CollectiveWork& work, double count);
  [[nodiscard]] Planned& planned(CollectiveKind kind, GroupRole role);
  [[nodiscard]] std::vector<Planned>& uneven_plans(bool reversed);
  [[nodiscard]] const RankGroups& group(GroupRole role) const;

  const Scenario& scenario_;
  const OpGraph& graph_;
  std::vector<Planned> plans_;
  std::vector<RoutingResult> routings_;
  std::vector<Planned> uneven_forth_;  ///< by routing
  std::vector<Planned> uneven_back_;
};

}  // namespace moesim
