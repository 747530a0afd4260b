#include "sim/traffic_plans.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "sim/implied_links.hpp"
#include "sim/mirrored_traffic.hpp"

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

TrafficId TrafficPlans::add(std::vector<CollectivePlan> plans, std::optional<TrafficId> mirror) {
  PlannedTraffic planned;
  planned.mirror = mirror;
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
  find_routes();
  find_routes_alone();
  check_mirrors();
}

void TrafficPlans::find_routes() {
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
        leg.shares = static_cast<std::uint32_t>(shares);
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
  shares_ = known.size();
}

void TrafficPlans::find_routes_alone() {
  for (std::uint32_t shares = 0; shares < shares_; ++shares) {
    std::vector<char> used(routes_.size(), 0);
    for (const PlannedTraffic& planned : planned_) {
      for (const std::vector<Leg>& group : planned.groups) {
        for (const Leg& leg : group) {
          if (leg.shares != shares) continue;
          for (const std::uint32_t route : leg.routes) used[route] = 1;
        }
      }
    }
    const auto links_of = [&](std::size_t route) {
      return used[route] != 0 ? routes_[route] : std::span<const LinkId>{};
    };
    RouteList own;
    for (std::size_t route = 0; route < routes_.size(); ++route) own.add(links_of(route));
    const std::vector<char> implied = implied_links(capacities_, own);
    RouteList& alone = alone_.emplace_back();
    std::vector<LinkId> kept;
    for (std::size_t route = 0; route < routes_.size(); ++route) {
      kept.clear();
      std::ranges::copy_if(own[route], std::back_inserter(kept),
                           [&](LinkId link) { return implied[link.index()] == 0; });
      alone.add(kept);
    }
  }
}

void TrafficPlans::check_mirrors() {
  std::vector<MirroredLinks> links;
  for (const RouteList& alone : alone_) links.emplace_back(capacities_, alone);
  for (TrafficId id = 0; id < planned_.size(); ++id) {
    PlannedTraffic& one = planned_[id];
    if (!one.mirror) continue;
    PlannedTraffic& other = planned_[*one.mirror];
    if (mirrored(one, other, links)) {
      other.mirror = id;
    } else {
      one.mirror.reset();
    }
  }
}

}  // namespace moesim
