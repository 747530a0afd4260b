#include "moesim/cost/collectives.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "cost/phase_builder.hpp"
#include "cost/plan_memory.hpp"

namespace moesim {
namespace {

constexpr double kRounding = 1e-9;  // sums of loads differ by rounding, relative

void expect_groups(const Topology& topology, const RankGroups& groups) {
  MOESIM_EXPECTS(!groups.empty() && !groups.front().empty());
  std::vector<bool> seen(static_cast<std::size_t>(topology.ranks()), false);
  for (const auto& group : groups) {
    MOESIM_EXPECTS(group.size() == groups.front().size());
    for (const RankId rank : group) {
      MOESIM_EXPECTS(rank.index() < seen.size() && !seen[rank.index()]);
      seen[rank.index()] = true;
    }
  }
}

/// @param family whose coefficients the phases have
CollectivePlan finish_plan(const Topology& topology, const LinkLaw& law, LinkFamily family, CollectiveKind kind,
                           std::size_t group_size, PlannedPhases&& planned) {
  CollectivePlan plan;
  plan.kind = kind;
  plan.group_size = static_cast<int>(group_size);
  plan.overlapped = planned.overlapped;
  plan.load_per_byte.assign(topology.links().size(), 0);
  for (std::size_t phase = 0; phase < planned.phases.size(); ++phase) {
    plan.phases.push_back({.load = planned.phases[phase],
                           .law = law.family(family, planned.phases[phase].network),
                           .transfers = std::move(planned.transfers[phase])});
    for (std::size_t link = 0; link < plan.load_per_byte.size(); ++link) {
      plan.load_per_byte[link] += planned.loads[phase][link];
    }
  }
  for (std::size_t link = 0; link < plan.load_per_byte.size(); ++link) {
    const double seconds = plan.load_per_byte[link] / topology.links()[link].capacity.value;
    if (seconds <= plan.bound_per_byte) continue;
    plan.bound_per_byte = seconds;
    plan.bottleneck = LinkId(link);
  }
  return plan;
}

PlannedPhases plan_exchanges(const Topology& topology, const PathTable& paths, AllToAllAlgorithm algorithm,
                             const std::vector<Exchange>& exchanges, PlanDetail detail) {
  bool one_machine = true;
  for (const Exchange& exchange : exchanges) {
    one_machine = one_machine && ranks_by_machine(topology, *exchange.group).size() == 1;
  }
  if (one_machine) return plan_flat(topology, paths, exchanges, detail);  // what all algorithms do there
  switch (algorithm) {
    case AllToAllAlgorithm::flat:
      return plan_flat(topology, paths, exchanges, detail);
    case AllToAllAlgorithm::hierarchical_2d:
      return plan_hierarchical(topology, paths, exchanges, detail);
    case AllToAllAlgorithm::node_deduplicated:
      return plan_deduplicated(topology, paths, exchanges, detail);
  }
  return {};
}

/// All-to-alls of equal sizes: 1 / R of a byte from each rank to each, as far as `copies` travel.
std::vector<Exchange> even_exchanges(const Topology& topology, const RankGroups& groups, TokenCopies copies) {
  std::vector<Exchange> exchanges;
  for (const auto& group : groups) {
    const std::size_t size = group.size();
    const auto machines = static_cast<double>(ranks_by_machine(topology, group).size());
    const std::vector<double> bytes(size * size, copies.ranks / static_cast<double>(size));
    const std::vector<double> node_bytes(size * static_cast<std::size_t>(machines), copies.machines / machines);
    exchanges.push_back({.group = &group, .bytes = bytes, .node_bytes = node_bytes});
  }
  return exchanges;
}

/// all_gather, reduce_scatter, or both one after the other.
PlannedPhases plan_collective(const Topology& topology, const PathTable& paths, CollectiveAlgorithm algorithm,
                              const RankGroups& groups, int passes, PlanDetail detail) {
  switch (algorithm) {
    case CollectiveAlgorithm::ring:
      return plan_ring(topology, paths, groups, passes, detail);
    case CollectiveAlgorithm::tree:
      return plan_tree(topology, paths, groups, detail);
    case CollectiveAlgorithm::direct: {
      const PlannedPhases once = plan_flat(topology, paths, even_exchanges(topology, groups, {}), detail);
      PlannedPhases planned;
      for (int pass = 0; pass < passes; ++pass) planned.append(once);
      return planned;
    }
  }
  return {};
}

}  // namespace

bool has_algorithm(CollectiveKind kind, CollectiveAlgorithm algorithm) {
  switch (kind) {
    case CollectiveKind::all_to_all:
    case CollectiveKind::send_recv:
      return false;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
      return algorithm != CollectiveAlgorithm::tree;
    case CollectiveKind::all_reduce:
      return true;
  }
  return false;
}

LinkFamily link_family(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::all_to_all:
    case CollectiveKind::send_recv:
      return LinkFamily::all_to_all;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
      return LinkFamily::ring;
    case CollectiveKind::all_reduce:
      return LinkFamily::all_reduce;
  }
  return LinkFamily::all_to_all;
}

double bus_bandwidth_factor(CollectiveKind kind, int ranks) {
  MOESIM_EXPECTS(ranks >= 1);
  const double share = static_cast<double>(ranks - 1) / ranks;
  switch (kind) {
    case CollectiveKind::all_to_all:
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
      return share;
    case CollectiveKind::all_reduce:
      return 2 * share;
    case CollectiveKind::send_recv:
      return 1;
  }
  return 1;
}

std::vector<RankId> first_ranks(int count) {
  std::vector<RankId> ranks;
  for (int rank = 0; rank < count; ++rank) ranks.emplace_back(static_cast<std::size_t>(rank));
  return ranks;
}

CollectiveModel::CollectiveModel(std::shared_ptr<const Topology> topology, const TransportRules& rules,
                                 Calibration calibration, bool ideal)
    : topology_(std::move(topology)),
      paths_(std::make_shared<PathTable>(*topology_, rules)),
      calibration_(std::move(calibration)),
      ideal_(ideal),
      memory_(std::make_shared<PlanMemory>()) {
  if (ideal_) return;
  const FittedLaw* fitted = law();
  link_law_ = fitted != nullptr ? LinkLaw(*fitted) : LinkLaw::unmeasured();
}

std::shared_ptr<const CollectivePlan> CollectiveModel::shared_plan(CollectiveKind kind, Algorithms algorithms,
                                                                   const RankGroups& groups, TokenCopies copies) const {
  const PlanMemory::Key key{.kind = kind, .algorithms = algorithms, .copies = copies, .groups = groups};
  if (auto known = memory_->find(key)) return known;
  auto made = std::make_shared<const CollectivePlan>(plan(kind, algorithms, groups, copies));
  memory_->insert(key, made);
  return made;
}

CollectivePlan CollectiveModel::plan(CollectiveKind kind, Algorithms algorithms, const RankGroups& groups,
                                     TokenCopies copies, PlanDetail detail) const {
  expect_groups(*topology_, groups);
  MOESIM_EXPECTS(copies.machines > 0 && copies.machines <= 1 && copies.ranks > 0 && copies.ranks <= 1);
  PlannedPhases planned;
  const CollectiveAlgorithm algorithm =
      has_algorithm(kind, algorithms.others) ? algorithms.others : CollectiveAlgorithm::ring;
  switch (kind) {
    case CollectiveKind::all_to_all:
      planned = plan_exchanges(
          *topology_, *paths_, algorithms.all_to_all,
          even_exchanges(*topology_, groups,
                         algorithms.all_to_all == AllToAllAlgorithm::node_deduplicated ? copies : TokenCopies{}),
          detail);
      break;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
      planned = plan_collective(*topology_, *paths_, algorithm, groups, 1, detail);
      break;
    case CollectiveKind::all_reduce:
      planned = plan_collective(*topology_, *paths_, algorithm, groups, 2, detail);
      break;
    case CollectiveKind::send_recv:
      planned = plan_shift(*topology_, *paths_, groups, detail);
      break;
  }
  const LinkFamily family = algorithm == CollectiveAlgorithm::direct ? LinkFamily::all_to_all : link_family(kind);
  CollectivePlan result = finish_plan(*topology_, link_law_, family, kind, groups.front().size(), std::move(planned));
  const bool borrowed = algorithm != CollectiveAlgorithm::ring && !ideal_;
  for (CollectivePlan::Phase& phase : result.phases) phase.law.fitted = phase.law.fitted && !borrowed;
  return result;
}

CollectivePlan CollectiveModel::plan_uneven(const std::vector<RankId>& group, const std::vector<double>& bytes,
                                            AllToAllAlgorithm algorithm, const std::vector<double>& node_bytes,
                                            PlanDetail detail) const {
  expect_groups(*topology_, {group});
  const std::size_t size = group.size();
  MOESIM_EXPECTS(bytes.size() == size * size);
  const auto machines = ranks_by_machine(*topology_, group);
  MOESIM_EXPECTS(node_bytes.empty() || node_bytes.size() == size * machines.size());
  double largest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    double row = 0;
    for (std::size_t j = 0; j < size; ++j) {
      MOESIM_EXPECTS(bytes[i * size + j] >= 0);
      row += bytes[i * size + j];
    }
    largest = std::max(largest, row);
  }
  Exchange exchange{.group = &group, .bytes = bytes, .node_bytes = node_bytes};
  if (exchange.node_bytes.empty() && algorithm == AllToAllAlgorithm::node_deduplicated) {
    exchange.node_bytes.assign(size * machines.size(), 0);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t n = 0; n < machines.size(); ++n) {
        for (const int j : machines[n])
          exchange.node_bytes[i * machines.size() + n] += bytes[i * size + static_cast<std::size_t>(j)];
      }
    }
  }
  if (largest > 0) {
    for (double& one : exchange.bytes) one /= largest;
    for (double& one : exchange.node_bytes) one /= largest;
  }
  CollectivePlan plan = finish_plan(*topology_, link_law_, LinkFamily::all_to_all, CollectiveKind::all_to_all, size,
                                    plan_exchanges(*topology_, *paths_, algorithm, {exchange}, detail));
  plan.uneven_bytes = largest;
  return plan;
}

CollectiveEstimate CollectiveModel::estimate(const CollectivePlan& plan, Bytes bytes_per_rank) const {
  const double bytes = bytes_per_rank.value;
  MOESIM_EXPECTS(bytes >= 0);
  CollectiveEstimate result;
  result.bound = {bytes * plan.bound_per_byte};
  result.bottleneck = plan.bottleneck;
  double total = 0;
  double slowest_drain = 0;
  for (const CollectivePlan::Phase& phase : plan.phases) {
    const LinkLaw::Family& law = phase.law;
    const double time = phase_time(phase.load, law.coefficients, bytes);
    const double drain = plan.overlapped ? bytes * drain_per_byte(phase.load, law.coefficients) : 0;
    total += time - drain;
    slowest_drain = std::max(slowest_drain, drain);
    result.estimate.spread =
        std::max(result.estimate.spread, bytes < kLargeBytesPerRank ? law.spread_small : law.spread_large);
    result.extrapolated = result.extrapolated || !law.fitted || bytes < law.bytes.lo || bytes > law.bytes.hi ||
                          plan.group_size < law.ranks.lo || plan.group_size > law.ranks.hi;
  }
  result.estimate.time = {total + slowest_drain};
  // A pipeline of phases may share a link: then no overlap beats the sum of its loads.
  result.estimate.time = std::max(result.estimate.time, result.bound * (plan.overlapped ? 1.0 : 0.0));
  MOESIM_ENSURES(result.estimate.time.value >= result.bound.value * (1 - kRounding));
  return result;
}

CollectiveEstimate CollectiveModel::all_to_all(const std::vector<RankId>& group, const std::vector<double>& bytes,
                                               AllToAllAlgorithm algorithm,
                                               const std::vector<double>& node_bytes) const {
  const CollectivePlan plan = plan_uneven(group, bytes, algorithm, node_bytes);
  return estimate(plan, {plan.uneven_bytes});
}

std::vector<LinkLoad> CollectiveModel::link_loads(const CollectivePlan& plan, Bytes bytes_per_rank,
                                                  Seconds time) const {
  std::vector<LinkLoad> loads;
  for (std::size_t link = 0; link < plan.load_per_byte.size(); ++link) {
    if (plan.load_per_byte[link] == 0) continue;
    const Bytes bytes{plan.load_per_byte[link] * bytes_per_rank.value};
    const double utilization = time.value > 0 ? bytes / topology_->links()[link].capacity / time : 0;
    MOESIM_ENSURES(utilization <= 1 + kRounding);
    loads.push_back({.link = LinkId(link), .bytes = bytes, .utilization = std::min(utilization, 1.0)});
  }
  std::ranges::stable_sort(loads, [](const LinkLoad& a, const LinkLoad& b) { return a.utilization > b.utilization; });
  return loads;
}

}  // namespace moesim
