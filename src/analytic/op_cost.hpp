#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Closed-form time of one operator on its slowest rank.
struct OpCost {
  Estimate estimate;
  std::string_view
      law;  ///< name of the fitted law behind it (what its error is shared with); a kernel's name without one
  const FittedLaw* fitted = nullptr;
  bool extrapolated = false;
};

/// Times of the operators of one graph, and the load that they put on the links.
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

  [[nodiscard]] OpCost kernel_cost(const KernelWork& work) const;
  [[nodiscard]] OpCost expert_cost(const ExpertGemm& gemm) const;
  [[nodiscard]] OpCost exchange_cost(const ExchangeWork& work, double count);
  [[nodiscard]] OpCost collective_cost(const CollectiveWork& work, double count);
  [[nodiscard]] OpCost communication(const CollectivePlan& plan, Bytes bytes_per_rank) const;
  [[nodiscard]] Planned& planned(CollectiveKind kind, GroupRole role);
  [[nodiscard]] const CollectivePlan& uneven_plan(bool reversed);
  [[nodiscard]] const RankGroups& group(GroupRole role) const;

  const Scenario& scenario_;
  const OpGraph& graph_;
  std::vector<Planned> plans_;
  Planned uneven_forth_;
  Planned uneven_back_;
};

}  // namespace moesim
