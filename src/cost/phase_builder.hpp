#pragma once

#include <vector>

#include "moesim/cost/collectives.hpp"

namespace moesim {

/// Adds up what a phase's transfers put on the links, then reduces it to the few numbers that the link law needs.
class PhaseBuilder {
 public:
  PhaseBuilder(const Topology& topology, const PathTable& paths, PlanDetail detail);

  /// `bytes` over the path of the pair; nothing for a rank to itself or 0 bytes.
  void transfer(RankId from, RankId to, double bytes);
  /// @param message bytes of one message; rounds as PhaseLoad's; steps that follow each other, each with the latency of
  /// the longest path
  [[nodiscard]] PhaseLoad finish(double message, double rounds, double steps = 1) const;
  [[nodiscard]] const std::vector<double>& loads() const { return loads_; }
  /// In the order in which they were named; empty unless asked for.
  [[nodiscard]] const std::vector<Transfer>& transfers() const { return transfers_; }
  [[nodiscard]] bool idle() const { return idle_; }
  [[nodiscard]] bool network() const { return network_; }

 private:
  const Topology& topology_;
  const PathTable& paths_;
  PlanDetail detail_;
  std::vector<double> loads_;  ///< by LinkId
  std::vector<Transfer> transfers_;
  std::vector<bool> active_;      ///< by rank: sends or receives over PCIe
  std::vector<bool> on_network_;  ///< by rank: sends or receives over a NIC
  double longest_latency_ = 0;
  double local_bytes_ = 0;
  double remote_bytes_ = 0;
  bool idle_ = true;
  bool network_ = false;
};

/// A group's ranks by machine: nodes[n] lists positions in the group, machines and positions in order.
[[nodiscard]] std::vector<std::vector<int>> ranks_by_machine(const Topology& topology,
                                                             const std::vector<RankId>& group);

/// Channels on which a ring or tree of the group runs, one per NIC of a machine: links into the network by which the
/// ranks of its first machine reach their counterparts on the second. 1 inside a machine.
[[nodiscard]] int channels(const Topology& topology, const PathTable& paths, const std::vector<RankId>& group,
                           const std::vector<std::vector<int>>& machines);

/// Plans of the kinds of collectives; `groups` not empty, equal sizes. The laws of the phases are filled in by the
/// caller.
struct PlannedPhases {
  std::vector<PhaseLoad> phases;
  std::vector<std::vector<double>> loads;  ///< of each phase, by LinkId
  std::vector<std::vector<Transfer>> transfers;
  bool overlapped = false;

  void add(const PhaseBuilder& builder, const PhaseLoad& load) {
    if (builder.idle()) return;
    phases.push_back(load);
    loads.push_back(builder.loads());
    transfers.push_back(builder.transfers());
  }
  void append(const PlannedPhases& other) {
    phases.insert(phases.end(), other.phases.begin(), other.phases.end());
    loads.insert(loads.end(), other.loads.begin(), other.loads.end());
    transfers.insert(transfers.end(), other.transfers.begin(), other.transfers.end());
  }
};

/// Who sends how much to whom, of one group: bytes[i * R + j], and what goes once to each machine: [i * N + n].
struct Exchange {
  const std::vector<RankId>* group = nullptr;
  std::vector<double> bytes;
  std::vector<double> node_bytes;  ///< node_deduplicated only
};

[[nodiscard]] PlannedPhases plan_flat(const Topology& topology, const PathTable& paths,
                                      const std::vector<Exchange>& exchanges, PlanDetail detail);
[[nodiscard]] PlannedPhases plan_hierarchical(const Topology& topology, const PathTable& paths,
                                              const std::vector<Exchange>& exchanges, PlanDetail detail);
[[nodiscard]] PlannedPhases plan_deduplicated(const Topology& topology, const PathTable& paths,
                                              const std::vector<Exchange>& exchanges, PlanDetail detail);
/// @param passes how often the whole data goes round: 1 all_gather and reduce_scatter, 2 all_reduce
[[nodiscard]] PlannedPhases plan_ring(const Topology& topology, const PathTable& paths, const RankGroups& groups,
                                      int passes, PlanDetail detail);
/// all_reduce by trees.
[[nodiscard]] PlannedPhases plan_tree(const Topology& topology, const PathTable& paths, const RankGroups& groups,
                                      PlanDetail detail);
/// Every rank sends one byte to the next of its group.
[[nodiscard]] PlannedPhases plan_shift(const Topology& topology, const PathTable& paths, const RankGroups& groups,
                                       PlanDetail detail);

}  // namespace moesim
