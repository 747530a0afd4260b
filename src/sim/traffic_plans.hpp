#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "moesim/cost/collectives.hpp"
#include "moesim/sim/max_min.hpp"

#include "sim/link_tiers.hpp"

namespace moesim {

/// One phase of a collective, of one group.
struct Leg {
  PhaseLoad load;
  LinkCoefficients law;
  CapacityFactors factors{};
  double inflation = 1;
  std::vector<Transfer> transfers;    ///< bytes per byte of bytes_per_rank
  std::vector<std::uint32_t> routes;  ///< of the transfers, in TrafficPlans::routes()
  bool equal = true;                  ///< all transfers have one size
};

/// A collective of several groups, group by group.
struct PlannedTraffic {
  std::vector<std::vector<Leg>> groups;  ///< [group][phase]; the same number of phases in each
  bool overlapped = false;
  std::vector<double> unit;  ///< by group: bytes_per_rank for one unit of size (uneven plans: of one byte per row)
};

using TrafficId = std::uint32_t;

/// Every collective that a simulation will run, with the routes of its transfers over the constraints of the links.
class TrafficPlans {
 public:
  explicit TrafficPlans(const CollectiveModel& model) : model_(model), tiers_(model.topology()) {}

  /// @param groups those that the plan was made for, in its order; its transfers are told apart by their ranks
  TrafficId add(const CollectivePlan& plan, const RankGroups& groups);
  /// Groups with plans of their own.
  TrafficId add(std::vector<CollectivePlan> plans);
  /// One transfer each, as the links between pipeline stages are: part of a plan.
  TrafficId add_pairs(const CollectivePlan& plan, const std::vector<std::pair<RankId, RankId>>& pairs);
  /// No more plans: finds the routes.
  void finish();

  [[nodiscard]] const PlannedTraffic& operator[](TrafficId id) const { return planned_[id]; }
  [[nodiscard]] const RouteList& routes() const { return routes_; }
  [[nodiscard]] const std::vector<BytesPerSecond>& capacities() const { return capacities_; }
  [[nodiscard]] const CollectiveModel& model() const { return model_; }

 private:
  [[nodiscard]] Leg make_leg(const CollectivePlan::Phase& phase) const;
  TrafficId keep(PlannedTraffic planned);

  const CollectiveModel& model_;
  LinkTiers tiers_;
  RouteList routes_;
  std::vector<BytesPerSecond> capacities_;
  std::vector<PlannedTraffic> planned_;
};

}  // namespace moesim
