#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "moesim/sim/max_min.hpp"

#include "infinity.hpp"

namespace moesim {

/// Progressive filling over some of the flows of a network, with memory that is kept from one solve to the next.
/// Rates in bytes per second.
class ProgressiveFilling {
 public:
  /// What the flows are. Views: valid during a solve.
  struct Flows {
    const RouteList& routes;
    std::span<const std::uint32_t> route_of;  ///< by flow
    std::span<const double> caps;             ///< by flow, infinite: none; empty: none has one
  };

  explicit ProgressiveFilling(std::vector<double> capacities) : capacities_(std::move(capacities)) {}

  /// @param present the flows that are there, each once
  /// @param rates by flow; written for `present` only
  void solve(const Flows& flows, std::span<const std::uint32_t> present, std::span<double> rates);

  /// By link, of the last solve: rate at which it was full, infinite where it was not.
  [[nodiscard]] const std::vector<double>& levels() const { return levels_; }
  /// By link, of the last solve: capacity that the flows leave, 0 on full links up to rounding.
  [[nodiscard]] const std::vector<double>& residuals() const { return residual_; }
  [[nodiscard]] const std::vector<double>& capacities() const { return capacities_; }

 private:
  bool fill_by_scanning(const Flows& flows, std::span<double> rates);
  void fill_by_links(const Flows& flows, std::span<double> rates);
  void fix(std::span<const LinkId> route, double rate);

  std::vector<double> capacities_;
  std::vector<double> levels_;
  std::vector<double> residual_;        ///< by link: capacity that stopped flows leave
  std::vector<double> open_;            ///< by link: passages of flows that still grow
  std::vector<std::uint32_t> growing_;  ///< flows that still grow
  std::vector<char> full_;              ///< by link, in this round
};

}  // namespace moesim
