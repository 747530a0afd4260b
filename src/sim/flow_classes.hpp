#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "progressive_filling.hpp"
#include "water_levels.hpp"

namespace moesim {

/// Flows under way, in classes of equal rate: the fast way through a long series of completions.
///
/// Each constraint has a clock that counts the bytes that a flow which it stops has moved. A class follows the clock of
/// its constraint; its flows stand in the order of their remaining bytes, so a completion costs a look at one heap,
/// whatever the number of flows.
///
/// Links far from full are left out ("dormant"), which merges the flows that differ by such links only. It stays exact:
/// no flow may become faster than it was by more than the fullest dormant link has room for, else the classes are
/// unfit.
class FlowClasses {
 public:
  /// Flows at the moment when classes are made. Views: read by the constructor only.
  struct Snapshot {
    const ProgressiveFilling::Flows& flows;
    std::span<const std::uint32_t> present;
    std::span<const double> remaining;   ///< by flow [B]
    std::span<const double> rates;       ///< by flow, max-min [B/s]
    std::span<const double> levels;      ///< by link, infinite where not full
    std::span<const double> capacities;  ///< by link
  };

  /// @param margin > 1: a flow may be stopped by links whose level is up to `margin` times its rate; links used less
  /// than 1 / margin are dormant. More margin: more classes, which stay fit for longer.
  FlowClasses(const Snapshot& snapshot, double margin);

  /// Seconds to the next completion, infinite when no flow is left.
  [[nodiscard]] double until_next() const;
  void advance(double seconds);
  /// Appends the flows that are done, and brings the rates up to date.
  /// @return false when the classes are unfit for what remains
  [[nodiscard]] bool complete(std::vector<std::uint32_t>& done);
  /// Links that have come to stop nobody cost more than new classes would.
  [[nodiscard]] bool wasteful() const { return wasted_ > 1000 + 100 * left_; }
  [[nodiscard]] std::size_t left() const { return left_; }
  [[nodiscard]] std::size_t constraints() const { return clock_.size(); }

  /// Writes remaining bytes and rates of the flows that are left, and the links' levels. Rates and levels are valid
  /// unless complete() has returned false. @param present gets these flows, ascending
  void dissolve(std::vector<std::uint32_t>& present, std::span<double> remaining, std::span<double> rates,
                std::span<double> levels) const;

 private:
  using Index = WaterLevels::Index;
  static constexpr Index kNone = ~Index{0};

  struct Class {
    Index home = 0;          ///< constraint whose clock it follows
    std::uint32_t head = 0;  ///< members [head, end) are left
    std::uint32_t end = 0;
    std::uint32_t stamp = 0;  ///< generation of its valid heap entry
    double behind = 0;        ///< clock of home - bytes moved per flow since the classes were made
  };
  struct Due {
    double at = 0;  ///< clock of the constraint
    Index flow_class = 0;
    std::uint32_t stamp = 0;
  };
  struct Builder;

  void schedule(Index flow_class);
  void refresh(Index constraint);
  void follow_moves();
  void count_waste();

  WaterLevels levels_;
  std::vector<Class> classes_;
  std::vector<std::uint32_t> member_;     ///< flows by class, ascending by remaining bytes
  std::vector<double> member_remaining_;  ///< when the classes were made
  std::vector<double> clock_;             ///< by constraint
  std::vector<double> due_;               ///< by constraint: clock at its next completion, infinite: none
  std::vector<std::vector<Due>> heap_;
  std::vector<Index> constraint_of_link_;       ///< kNone: dormant or unused
  std::vector<Index> link_of_constraint_;       ///< kNone: a cap
  std::vector<std::pair<double, Index>> caps_;  ///< rate and constraint, ascending
  std::vector<char> counted_idle_;
  ProgressiveFilling::Flows flows_;
  std::vector<Index> moved_;
  std::vector<Index> idle_;
  std::size_t left_ = 0;
  std::size_t idle_passages_ = 0;
  std::size_t wasted_ = 0;
};

}  // namespace moesim
