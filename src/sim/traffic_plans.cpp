#include "sim/traffic_plans.hpp"

#include <algorithm>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

Leg TrafficPlans::make_leg(const CollectivePlan::Phase& phase) const {
  const PhasePace pace = phase_pace(phase.load, phase.law.coefficients, 0);
  return {.load = phase.load,
          .law = phase.law.coefficients,
          .factors = pace.capacity_factor,
          .inflation = pace.inflation,
          .transfers = {},
          .routes = {}};
}

TrafficId TrafficPlans::keep(PlannedTraffic planned) {
  for (std::vector<Leg>& group : planned.groups) {
    for (Leg& leg : group) {
      tiers_.declare(leg.factors);
      leg.equal = std::ranges::all_of(leg.transfers,
                                      [&](const Transfer& one) { return one.bytes == leg.transfers.front().bytes; });
    }
  }
  planned_.push_back(std::move(planned));
  return static_cast<TrafficId>(planned_.size() - 1);
}

TrafficId TrafficPlans::add(const CollectivePlan& plan, const RankGroups& groups) {
  std::vector<std::uint32_t> group_of(static_cast<std::size_t>(model_.topology().ranks()), 0);
  for (std::size_t group = 0; group < groups.size(); ++group) {
    for (const RankId rank : groups[group]) group_of[rank.index()] = static_cast<std::uint32_t>(group);
  }
  PlannedTraffic planned;
  planned.overlapped = plan.overlapped;
  planned.groups.resize(groups.size());
  planned.unit.assign(groups.size(), 1);
  for (const CollectivePlan::Phase& phase : plan.phases) {
    for (std::vector<Leg>& group : planned.groups) group.push_back(make_leg(phase));
    for (const Transfer& transfer : phase.transfers) {
      planned.groups[group_of[transfer.from.index()]].back().transfers.push_back(transfer);
    }
  }
  return keep(std::move(planned));
}

TrafficId TrafficPlans::add(std::vector<CollectivePlan> plans) {
  PlannedTraffic planned;
  planned.overlapped = plans.front().overlapped;
  for (CollectivePlan& plan : plans) {
    planned.unit.push_back(plan.uneven_bytes);
    planned.groups.emplace_back();
    for (CollectivePlan::Phase& phase : plan.phases) {
      planned.groups.back().push_back(make_leg(phase));
      planned.groups.back().back().transfers = std::move(phase.transfers);
    }
  }
  return keep(std::move(planned));
}

TrafficId TrafficPlans::add_pairs(const CollectivePlan& plan, const std::vector<std::pair<RankId, RankId>>& pairs) {
  MOESIM_EXPECTS(plan.phases.size() == 1);
  PlannedTraffic planned;
  planned.unit.assign(pairs.size(), 1);
  for (const auto& [from, to] : pairs) {
    planned.groups.emplace_back();
    planned.groups.back().push_back(make_leg(plan.phases.front()));
    planned.groups.back().back().transfers.push_back({.from = from, .to = to, .bytes = 1});
  }
  return keep(std::move(planned));
}

void TrafficPlans::finish() {
  capacities_ = tiers_.capacities();
  // Routes depend on the pair and on the shares of the links: many plans have them in common.
  std::vector<CapacityFactors> known;
  std::unordered_map<std::uint64_t, std::uint32_t> route_of;
  std::vector<LinkId> links;
  const auto ranks = static_cast<std::uint64_t>(model_.topology().ranks());
  for (PlannedTraffic& planned : planned_) {
    for (std::vector<Leg>& group : planned.groups) {
      for (Leg& leg : group) {
        const auto shares = static_cast<std::size_t>(std::ranges::find(known, leg.factors) - known.begin());
        if (shares == known.size()) known.push_back(leg.factors);
        leg.routes.reserve(leg.transfers.size());
        for (const Transfer& transfer : leg.transfers) {
          const std::uint64_t key = (shares * ranks + transfer.from.index()) * ranks + transfer.to.index();
          const auto [entry, added] = route_of.try_emplace(key, static_cast<std::uint32_t>(routes_.size()));
          if (added) {
            tiers_.route(model_.paths().path(transfer.from, transfer.to), leg.factors, links);
            routes_.add(links);
          }
          leg.routes.push_back(entry->second);
        }
      }
    }
  }
}

}  // namespace moesim
