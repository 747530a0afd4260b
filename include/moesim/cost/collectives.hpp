#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "moesim/base/estimate.hpp"
#include "moesim/base/ids.hpp"
#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topology.hpp"
#include "moesim/cost/calibration.hpp"
#include "moesim/cost/link_law.hpp"

namespace moesim {

enum class CollectiveKind { all_to_all, all_reduce, all_gather, reduce_scatter, send_recv };

struct NamedCollective {
  std::string_view name;
  CollectiveKind kind;
};
inline constexpr std::array kCollectives = {NamedCollective{"all_to_all", CollectiveKind::all_to_all},
                                            NamedCollective{"all_reduce", CollectiveKind::all_reduce},
                                            NamedCollective{"all_gather", CollectiveKind::all_gather},
                                            NamedCollective{"reduce_scatter", CollectiveKind::reduce_scatter},
                                            NamedCollective{"send_recv", CollectiveKind::send_recv}};

enum class AllToAllAlgorithm {
  flat,              ///< every pair at once (NCCL's grouped send/recv)
  hierarchical_2d,   ///< inside the machine by destination's local rank, then one large message per machine (Tutel's
                     ///< 2DH)
  node_deduplicated  ///< one copy of a token to each machine, forwarded inside, one to each rank (DeepEP)
};
struct NamedAllToAll {
  std::string_view name;
  AllToAllAlgorithm algorithm;
};
inline constexpr std::array kAllToAllAlgorithms = {
    NamedAllToAll{"flat", AllToAllAlgorithm::flat},
    NamedAllToAll{"hierarchical_2d", AllToAllAlgorithm::hierarchical_2d},
    NamedAllToAll{"node_deduplicated", AllToAllAlgorithm::node_deduplicated}};

/// How all_reduce, all_gather and reduce_scatter move their data. all_gather and reduce_scatter have no tree: asked for
/// one they stay rings, as NCCL does with NCCL_ALGO=Tree.
enum class CollectiveAlgorithm {
  ring,   ///< round the ranks, on one channel per NIC
  tree,   ///< all_reduce: up and down the double binary tree of NCCL, a chain inside each machine
  direct  ///< every rank to every other: its shard, or the other's; all_reduce: reduce_scatter, then all_gather
};
struct NamedCollectiveAlgorithm {
  std::string_view name;
  CollectiveAlgorithm algorithm;
};
inline constexpr std::array kCollectiveAlgorithms = {NamedCollectiveAlgorithm{"ring", CollectiveAlgorithm::ring},
                                                     NamedCollectiveAlgorithm{"tree", CollectiveAlgorithm::tree},
                                                     NamedCollectiveAlgorithm{"direct", CollectiveAlgorithm::direct}};
/// Whether there is such an algorithm for the kind.
[[nodiscard]] bool has_algorithm(CollectiveKind kind, CollectiveAlgorithm algorithm);

/// The choice for each kind; either alone stands for both.
struct Algorithms {
  AllToAllAlgorithm all_to_all = AllToAllAlgorithm::flat;
  CollectiveAlgorithm others = CollectiveAlgorithm::ring;

  Algorithms() = default;
  Algorithms(AllToAllAlgorithm exchange) : all_to_all(exchange) {}
  Algorithms(CollectiveAlgorithm algorithm) : others(algorithm) {}
  friend bool operator==(const Algorithms&, const Algorithms&) = default;
};

struct LinkLoad {
  LinkId link;
  Bytes bytes;
  double utilization = 0;  ///< bytes / (capacity x time of the whole collective), at most 1
};

struct CollectiveEstimate {
  Estimate estimate;
  Seconds bound;              ///< max over links of bytes / capacity: no prediction is below it
  LinkId bottleneck;          ///< link that attains the bound; meaningless when nothing leaves a rank
  bool extrapolated = false;  ///< size, ranks or kind of collective outside what the law was fitted on
};

/// node_deduplicated: how many copies of a token travel, as shares of its experts (top_k).
struct TokenCopies {
  double machines = 1;  ///< distinct machines of its experts : experts
  double ranks = 1;     ///< distinct ranks : experts
  friend bool operator==(const TokenCopies&, const TokenCopies&) = default;
};

/// Ranks that communicate, in order. Equal groups that run at the same time (the other expert-parallel groups) contend
/// with each other and are given together.
using RankGroups = std::vector<std::vector<RankId>>;
/// The first `count` ranks of a cluster, in its order.
[[nodiscard]] std::vector<RankId> first_ranks(int count);

/// One message of a phase, or the part of a ring between two neighbours.
struct Transfer {
  RankId from;
  RankId to;
  double bytes = 0;  ///< per byte of bytes_per_rank
};

/// What a plan keeps of its transfers: their sum on each link is all that the closed form needs.
enum class PlanDetail { loads, transfers };

/// Link loads of a collective per byte of `bytes_per_rank`, found once for (kind, algorithm, groups); the closed form
/// then needs no routes. Values only; made by CollectiveModel::plan.
struct CollectivePlan {
  struct Phase {
    PhaseLoad load;
    LinkLaw::Family law;
    std::vector<Transfer> transfers = {};  ///< all groups'; empty when the plan was made for loads only
  };
  CollectiveKind kind = CollectiveKind::all_to_all;
  int group_size = 1;
  std::vector<Phase> phases;          ///< one after the other; of none when nothing leaves a rank
  bool overlapped = false;            ///< phases run as a pipeline: start-ups add up, of the rest the slowest counts
  std::vector<double> load_per_byte;  ///< by LinkId: bytes over the link per byte of bytes_per_rank, all phases
  double bound_per_byte = 0;          ///< max over links of load_per_byte / capacity [s/B]
  LinkId bottleneck;
  double uneven_bytes = 0;  ///< of plan_uneven: the S that its matrix stands for, the largest send buffer of a rank [B]
};

/// Collectives on one cluster. `bytes_per_rank` S follows nccl-tests' "size": all_to_all: the whole send buffer of a
/// rank, its own block included (S/R to each rank); all_reduce: the buffer; all_gather: the gathered output (each rank
/// gives S/R); reduce_scatter: the input (each rank keeps S/R); send_recv: the message that each rank sends to the next
/// one of its group (a ring shift, as nccl-tests' sendrecv).
///
/// Rings go through a machine in cluster order and then to the next machine, on one channel per NIC of a machine, each
/// leaving by another GPU. Laws were fitted on rings: trees borrow the law of all_reduce, direct transfers that of
/// all_to_all, and count as extrapolated. Laws (checked): time >= bound; utilization <= 1.
class CollectiveModel {
 public:
  /// @param calibration its law "links", if any, tells how far from the ideal the links are
  /// @param ideal capacities and latencies of the links only: no fitted efficiencies
  /// @throws InputError when the law has coefficients that are unknown or out of range
  CollectiveModel(std::shared_ptr<const Topology> topology, const TransportRules& rules, Calibration calibration,
                  bool ideal = false);

  /// @param copies node_deduplicated only; shares in (0, 1]
  /// @throws InputError when an algorithm in two steps meets machines with different numbers of ranks of a group
  [[nodiscard]] CollectivePlan plan(CollectiveKind kind, Algorithms algorithms, const RankGroups& groups,
                                    TokenCopies copies = {}, PlanDetail detail = PlanDetail::loads) const;
  /// The same, remembered: predictions of one cluster ask for the same few plans again and again. Thread-safe; the
  /// memory is a matter of speed only.
  [[nodiscard]] std::shared_ptr<const CollectivePlan> shared_plan(CollectiveKind kind, Algorithms algorithms,
                                                                  const RankGroups& groups,
                                                                  TokenCopies copies = {}) const;
  [[nodiscard]] CollectiveEstimate estimate(const CollectivePlan& plan, Bytes bytes_per_rank) const;
  /// All-to-all of unequal sizes: bytes[i * R + j] from the i-th to the j-th rank of the group (own blocks stay at
  /// home); node_deduplicated: each token once.
  /// @param node_bytes node_deduplicated only: [i * N + n] from the i-th rank to the n-th machine of the group, each
  /// token once; empty: no token has two experts on one machine
  [[nodiscard]] CollectiveEstimate all_to_all(const std::vector<RankId>& group, const std::vector<double>& bytes,
                                              AllToAllAlgorithm algorithm,
                                              const std::vector<double>& node_bytes = {}) const;
  /// The plan behind it: estimate(plan, plan.uneven_bytes) is the time, other sizes scale the whole matrix.
  [[nodiscard]] CollectivePlan plan_uneven(const std::vector<RankId>& group, const std::vector<double>& bytes,
                                           AllToAllAlgorithm algorithm, const std::vector<double>& node_bytes = {},
                                           PlanDetail detail = PlanDetail::loads) const;
  /// Loads for reports: every link that carries something, busiest first.
  /// @param time of the collective: the closed form's, or another engine's
  [[nodiscard]] std::vector<LinkLoad> link_loads(const CollectivePlan& plan, Bytes bytes_per_rank, Seconds time) const;
  [[nodiscard]] std::vector<LinkLoad> link_loads(const CollectivePlan& plan, Bytes bytes_per_rank) const {
    return link_loads(plan, bytes_per_rank, estimate(plan, bytes_per_rank).estimate.time);
  }

  [[nodiscard]] const Topology& topology() const { return *topology_; }
  [[nodiscard]] const PathTable& paths() const { return *paths_; }
  /// Capacities and latencies only.
  [[nodiscard]] bool ideal() const { return ideal_; }
  /// The fitted law in use; null: ideal, or the cluster has none.
  [[nodiscard]] const FittedLaw* law() const { return ideal_ ? nullptr : calibration_.find("links"); }
  /// What errors of these estimates share: name of the calibration, or "links".
  [[nodiscard]] std::string_view law_name() const {
    return calibration_.name.empty() ? std::string_view("links") : std::string_view(calibration_.name);
  }

 private:
  std::shared_ptr<const Topology> topology_;
  std::shared_ptr<const PathTable> paths_;
  Calibration calibration_;
  LinkLaw link_law_;
  bool ideal_ = false;
  std::shared_ptr<class PlanMemory> memory_;
};

/// Whose coefficients a kind of collective uses.
[[nodiscard]] LinkFamily link_family(CollectiveKind kind);

/// Factor from algbw = S / t to busbw (nccl-tests, doc/PERFORMANCE.md): (R-1)/R; all_reduce 2 (R-1)/R; send_recv 1.
[[nodiscard]] double bus_bandwidth_factor(CollectiveKind kind, int ranks);

}  // namespace moesim
