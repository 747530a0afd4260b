#pragma once

#include <array>
#include <span>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topology.hpp"
#include "moesim/cost/link_law.hpp"

namespace moesim {

/// Shares of their capacity that the links of each kind attain, as PhasePace has them.
using CapacityFactors = std::array<double, kLinkKinds.size()>;

/// Links that carry several kinds of traffic with different efficiency.
///
/// A phase of a collective attains a share of each link (PhasePace). Where phases with shares e1 < e2 < ... use one
/// link of capacity C, the link becomes nested constraints of C e1, C e2 ...: traffic of share ei passes those of ei
/// and above. So traffic of one share divides C ei as if it were alone; together they never carry more than the most
/// efficient of them could. A phase alone thus takes exactly its law's time, and what a less efficient phase leaves
/// free, another may use.
class LinkTiers {
 public:
  explicit LinkTiers(const Topology& topology);

  /// Every phase that will ask for routes. @pre before the first route
  void declare(const CapacityFactors& factors);
  /// Capacities of the constraints, by the LinkIds of routes(). Fixes them.
  [[nodiscard]] const std::vector<BytesPerSecond>& capacities();
  /// Constraints on the path of a phase that was declared. `into` is overwritten.
  void route(const Path& path, const CapacityFactors& factors, std::vector<LinkId>& into) const;

 private:
  const Topology& topology_;
  std::array<std::vector<double>, kLinkKinds.size()> shares_;  ///< by LinkKind, ascending
  std::vector<std::uint32_t> first_;                           ///< by LinkId: its narrowest constraint
  std::vector<BytesPerSecond> capacities_;
};

}  // namespace moesim
