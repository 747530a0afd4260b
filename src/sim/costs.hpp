#pragma once

#include <map>
#include <utility>
#include <vector>

#include "moesim/analytic/op_cost.hpp"
#include "moesim/sim/simulate.hpp"

#include "sim/overlap.hpp"
#include "sim/program.hpp"
#include "sim/traffic.hpp"

namespace moesim {

/// Routings that a simulation uses: one, or one per layer and micro-batch where the scenario draws them.
class Routings {
 public:
  Routings(const Scenario& scenario, const OpGraph& graph, const SimulationOptions& options);

  /// @param layer of the whole model
  [[nodiscard]] std::uint32_t index(int layer, int micro_batch) const;
  [[nodiscard]] const RoutingResult& operator[](std::uint32_t index) const { return draws_[index]; }
  [[nodiscard]] std::size_t size() const { return draws_.size(); }
  /// How many would be different if all were drawn.
  [[nodiscard]] std::size_t wanted() const { return wanted_; }

 private:
  std::vector<RoutingResult> draws_;
  std::size_t wanted_ = 1;
  std::size_t layers_ = 1;  ///< with different routings
};

/// Times of the kernels and sizes of the collectives of a program, on every rank and for every routing.
class ProgramCosts {
 public:
  ProgramCosts(const Scenario& scenario, const OpGraph& graph, const Program& program, const Routings& routings,
               const SimulationOptions& options);

  /// Undisturbed time of a compute task on one rank.
  [[nodiscard]] Seconds task_time(std::uint32_t phase, std::uint32_t task, std::uint32_t routing,
                                  std::uint32_t ep_rank) const;
  /// How much longer the task takes beside a collective.
  [[nodiscard]] double task_slowdown(std::uint32_t phase, std::uint32_t task, std::uint32_t routing,
                                     std::uint32_t ep_rank) const;
  /// Time of the kernel that a task is at, alone; 0 while the device waits for the host. @param done undisturbed time
  /// of the task that has passed
  [[nodiscard]] Seconds kernel_under_way(std::uint32_t phase, std::uint32_t task, std::uint32_t routing,
                                         std::uint32_t ep_rank, Seconds done) const;
  [[nodiscard]] const OverlapLaw& overlap() const { return overlap_; }
  [[nodiscard]] Seconds op_time(std::uint32_t phase, std::uint32_t op, std::uint32_t routing,
                                std::uint32_t ep_rank) const;
  /// The collective of a communication task; the groups are the caller's.
  [[nodiscard]] TrafficRequest request(std::uint32_t phase, std::uint32_t task, std::uint32_t routing) const;
  [[nodiscard]] GroupRole role(std::uint32_t phase, std::uint32_t task) const;
  /// Between pipeline ranks, to the next one or to the one before.
  [[nodiscard]] TrafficRequest send_request(bool to_next_rank) const;
  /// Closed-form cost of an operator: law, spread and whether they are extrapolated. Time of the first rank.
  [[nodiscard]] const OpCost& cost(std::uint32_t phase, std::uint32_t op) const { return costs_[phase][op]; }
  [[nodiscard]] const OpCost& send_cost() const { return send_cost_; }
  [[nodiscard]] const TrafficPlans& plans() const { return plans_; }

 private:
  struct Sized {
    TrafficId traffic = 0;
    double size = 0;
  };

  void add_kernels(std::uint32_t phase);
  void add_collectives(std::uint32_t phase);
  void add_sends();
  [[nodiscard]] TrafficId planned(CollectiveKind kind, GroupRole role);
  [[nodiscard]] TrafficId uneven(std::uint32_t routing, bool reversed);
  [[nodiscard]] const RankGroups& groups(GroupRole role) const;

  const Scenario& scenario_;
  const OpGraph& graph_;
  const Program& program_;
  const Routings& routings_;
  OverlapLaw overlap_;
  TrafficPlans plans_;
  std::vector<std::vector<OpCost>> costs_;  ///< [phase][op]
  /// [phase][op]: one time, or one per routing and rank of the expert-parallel group.
  std::vector<std::vector<std::vector<Seconds>>> times_;
  std::vector<std::vector<std::vector<Sized>>> sizes_;  ///< [phase][op]: one, or one per routing
  std::map<std::pair<CollectiveKind, GroupRole>, TrafficId> known_;
  std::map<TrafficId, CollectivePlan> closed_;  ///< plans without transfers, for the closed form
  std::map<std::pair<std::uint32_t, bool>, TrafficId> uneven_;
  std::size_t ep_ranks_ = 1;
  Sized send_forward_;
  Sized send_backward_;
  OpCost send_cost_;
};

}  // namespace moesim
