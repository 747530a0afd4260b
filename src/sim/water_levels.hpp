#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "infinity.hpp"

namespace moesim {

/// Max-min rates of classes of flows, kept exact while flows leave.
///
/// In a max-min allocation every constraint k (a link, or a rate cap) has a level: the rate of the flows that it stops.
/// A flow's rate is the lowest level on its way. With N[k][m] the passages over link k of flows that m stops,
///     level_k = (capacity_k - sum over m != k of N[k][m] level_m) / N[k][k],
/// which is triangular in the order of rising levels: only lower levels appear on the right. When a flow leaves, a
/// sweep in that order passes on the changes of the levels. Constraints that then stand in the wrong order change
/// places, and the classes that the higher one stopped, and that pass both, are from then on stopped by the lower one.
/// The sweep ends with levels in order and every class stopped by the lowest one on its way: the definition of max-min
/// fairness.
///
/// A class is a set of flows that may be stopped by the same constraints, hence have the same rate. It may also pass
/// links that are known not to stop it (their level is far above its rate); should one come near, settle() says so and
/// the caller makes new classes. Rates in bytes per second.
class WaterLevels {
 public:
  using Index = std::uint32_t;

  /// @param level by progressive filling; infinite for a link that is not full
  Index add_link(double capacity, double level);
  Index add_cap(double rate);
  /// @param flows of the class
  /// @param rate_limit settle() gives up when the class might become faster
  Index add_class(std::uint32_t flows, double rate_limit);
  /// To the class added last.
  /// @param passages times that its flows pass the constraint, all together
  /// @param stops whether the constraint may stop the class
  void add_passages(Index constraint, double passages, bool stops);
  /// Call once after all of these.
  void start();

  /// A flow leaves. Its passages over links that may stop the class are the same as those of any other flow of the
  /// class, and taken off here; those over other links are not, and come with remove_passage().
  void remove_flow(Index flow_class);
  /// One passage of a flow of the class over a link that does not stop it is gone. @pre it was there
  void remove_passage(Index flow_class, Index constraint);
  /// Whether all links that the class passes may stop it: remove_flow() is then all there is to do.
  [[nodiscard]] bool uniform(Index flow_class) const { return classes_[flow_class].uniform; }
  /// Brings the levels up to date.
  /// @return false when the classes are not fit for it any more; the levels are then undefined
  [[nodiscard]] bool settle();

  [[nodiscard]] std::size_t constraints() const { return capacity_.size(); }
  /// Rate of the classes that the constraint stops. @pre it stops one
  [[nodiscard]] double level(Index constraint) const { return level_[constraint]; }
  [[nodiscard]] bool stops_any(Index constraint) const { return own_[constraint] > 0; }
  [[nodiscard]] double capacity(Index constraint) const { return capacity_[constraint]; }
  /// Capacity not used by classes that others stop.
  [[nodiscard]] double residual(Index constraint) const { return residual_[constraint]; }
  /// Constraint that stops the class.
  [[nodiscard]] Index stopped_by(Index flow_class) const { return stopped_by_[flow_class]; }
  /// By constraint; read where stops_any() only.
  [[nodiscard]] const std::vector<double>& levels() const { return level_; }
  /// Fills `into` with the classes whose constraint changed since the last call, possibly several times each.
  void take_moved(std::vector<Index>& into);
  /// Classes that have flows on the link.
  [[nodiscard]] std::size_t classes_on(Index constraint) const { return present_[constraint]; }
  /// Fills `into` with the constraints that lost the last flow that they stopped since the last call (they may stop
  /// others again).
  void take_idle(std::vector<Index>& into);

 private:
  static constexpr Index kNone = ~Index{0};

  /// Passages of one class over one constraint.
  struct Entry {
    Index constraint = 0;
    Index flow_class = 0;
    float passages = 0;
    bool stops = false;
  };
  struct Class {
    Index first = 0;  ///< entries [first, last)
    Index last = 0;
    std::uint32_t flows = 0;
    bool uniform = true;
    double rate_limit = 0;
  };
  /// Constraints [first, last) that share classes with another one, and where their passages stand. Runs instead of
  /// single constraints, because a sweep walks through all of them and can then take several at a time.
  struct Run {
    Index first = 0;
    Index last = 0;
    Index at = 0;  ///< in passages_
  };

  [[nodiscard]] double key(Index constraint) const;
  [[nodiscard]] bool sweep();
  [[nodiscard]] bool take_over(Index from, Index to);
  [[nodiscard]] bool relieve(Index overloaded);
  void move(Index flow_class, Index from, Index to);
  void find_runs();
  [[nodiscard]] float& passages(Index stopping, Index passed);
  [[nodiscard]] bool shares_classes(Index stopping, Index passed) const;
  void take_off(Index entry, float count);

  // by constraint
  std::vector<double> capacity_;
  std::vector<double> residual_;
  std::vector<double> own_;    ///< passages of the classes that it stops
  std::vector<double> level_;  ///< as passed on to the residuals of others
  std::vector<double> shown_;  ///< key when it was last in its place
  std::vector<double> limit_;
  std::vector<char> is_cap_;
  std::vector<Index> present_;
  std::vector<Index> first_run_;  ///< runs_[first_run_[k] .. first_run_[k + 1]) belong to k
  std::vector<Index> position_;   ///< in order_
  std::vector<Index> order_;      ///< by rising level
  std::vector<Index> first_on_;   ///< classes on each constraint: class_on_[first_on_[k] ..)
  std::vector<Index> class_on_;

  std::vector<Run> runs_;
  std::vector<float> passages_;  ///< N of the comment above: passages over a run's constraints that k stops
  std::vector<Entry> entries_;
  std::vector<Class> classes_;
  std::vector<Index> stopped_by_;  ///< by class
  std::vector<Index> moved_;
  std::vector<Index> idle_;
  std::size_t dirty_from_ = 0;  ///< lowest position whose level may be out of date
};

}  // namespace moesim
