#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "moesim/cost/collectives.hpp"
#include "moesim/sim/max_min.hpp"

#include "sim/link_tiers.hpp"

namespace moesim {

using TrafficId = std::uint32_t;

/// One phase of a collective, of one group.
struct Leg {
  PhaseLoad load;
  LinkCoefficients law;
  CapacityFactors factors{};
  double inflation = 1;
  std::vector<Transfer> transfers;    ///< bytes per byte of bytes_per_rank
  std::vector<std::uint32_t> routes;  ///< of the transfers, in TrafficPlans::routes()
  std::uint32_t shares = 0;           ///< legs with the same number have the same factors
  bool equal = true;                  ///< all transfers have one size
};

/// A collective of several groups, group by group.
struct PlannedTraffic {
  std::vector<std::vector<Leg>> groups;  ///< [group][phase]; the same number of phases in each
  bool overlapped = false;
  std::vector<double> unit;  ///< by group: bytes_per_rank for one unit of size (uneven plans: of one byte per row)
  std::optional<TrafficId> mirror = {};  ///< the same transfers the other way round, which take exactly as long
};

/// Every collective that a simulation will run, with the routes of its transfers over the constraints of the links.
class TrafficPlans {
 public:
  explicit TrafficPlans(const CollectiveModel& model) : model_(model), tiers_(model.topology()) {}

  /// @param groups those that the plan was made for, in its order; its transfers are told apart by their ranks
  TrafficId add(const CollectivePlan& plan, const RankGroups& groups);
  /// Groups with plans of their own.
  /// @param mirror plans in which the same bytes go the other way: finish() finds out whether they take as long
  TrafficId add(std::vector<CollectivePlan> plans, std::optional<TrafficId> mirror);
  /// One transfer each, as the links between pipeline stages are: part of a plan.
  TrafficId add_pairs(const CollectivePlan& plan, const std::vector<std::pair<RankId, RankId>>& pairs);
  /// No more plans: finds the routes.
  void finish();

  /// Routes of legs with the same shares, alone on the network: without links that cannot stop them. Same numbers.
  [[nodiscard]] const RouteList& routes_alone(std::uint32_t shares) const { return alone_[shares]; }

  [[nodiscard]] const PlannedTraffic& operator[](TrafficId id) const { return planned_[id]; }
  [[nodiscard]] const RouteList& routes() const { return routes_; }
  [[nodiscard]] const std::vector<BytesPerSecond>& capacities() const { return capacities_; }
  [[nodiscard]] const CollectiveModel& model() const { return model_; }

 private:
  [[nodiscard]] Leg make_leg(const CollectivePlan::Phase& phase) const;
  TrafficId keep(PlannedTraffic planned);
  void find_routes();
  void find_routes_alone();
  void check_mirrors();

  const CollectiveModel& model_;
  LinkTiers tiers_;
  RouteList routes_;
  std::vector<RouteList> alone_;  ///< by shares
  std::size_t shares_ = 0;
  std::vector<BytesPerSecond> capacities_;
  std::vector<PlannedTraffic> planned_;
};

}  // namespace moesim
