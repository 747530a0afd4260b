#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "moesim/sweep/plan.hpp"

namespace moesim {

/// Points that were left out for one reason.
struct LeftOutPoints {
  std::uint64_t count = 0;
  std::uint64_t first = 0;  ///< number of the first of them
  std::string example;      ///< what exactly was wrong there
};
/// By reason: the problem with its numbers taken out, so that one rule is one line.
using LeftOutByReason = std::map<std::string, LeftOutPoints>;

void add(LeftOutByReason& all, const LeftOutByReason& more);
[[nodiscard]] std::uint64_t total(const LeftOutByReason& all);

/// The points [begin, end) of a sweep, evaluated.
struct SweepChunk {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t rows = 0;
  std::uint64_t absent = 0;  ///< numbers that repeat another point
  std::string text;          ///< the rows, in the order of the points
  LeftOutByReason left_out;
  std::vector<InputFile> inputs;  ///< files that were read for these points
};

/// Evaluates points; keeps what neighbours have in common. One per thread.
class SweepEvaluator {
 public:
  /// @param more keys that callers of `predict` set besides those of the sweep; laid last
  explicit SweepEvaluator(const SweepPlan& plan, const std::vector<std::string>& more = {});

  /// @throws ContractViolation naming the point, when the model breaks one of its own laws there
  [[nodiscard]] SweepChunk evaluate(std::uint64_t begin, std::uint64_t end);

  /// All variants at a point, in the order of the plan's. @throws InputError when the point is no scenario
  [[nodiscard]] std::vector<std::shared_ptr<const Prediction>> predict(const GridPoint& point,
                                                                       const std::vector<PointValue>& more = {});

  /// Values of the axes at a point, as a command line would set them.
  [[nodiscard]] std::string describe(const GridPoint& point) const;
  /// Cells of the axes and derived keys, with commas between.
  void append_point(std::string& row, const GridPoint& point) const;

 private:
  /// A scenario that was seen before is the same object, so its prediction is too.
  struct Known {
    std::shared_ptr<const Scenario> scenario;
    std::shared_ptr<const Prediction> prediction;
  };
  struct Place {
    GridPoint point;
    std::string row;
  };

  void lay(const GridPoint& point);
  [[nodiscard]] const Known& known(const std::shared_ptr<const Scenario>& scenario);
  void add_row(const GridPoint& point, std::string& row, SweepChunk& chunk);
  void append_cells(std::string& row, const std::vector<std::shared_ptr<const Prediction>>& all) const;
  void note_inputs(const Scenario& scenario, SweepChunk& chunk) const;

  const SweepPlan& plan_;
  PointLoader loader_;
  std::vector<std::vector<PointValue>> axis_values_;  ///< [axis][value]
  std::vector<PointValue> laid_;                      ///< by slot, then by key of `more`
  std::array<Known, 64> known_{};
  std::size_t next_known_ = 0;
};

/// "must be at most 8" and "must be at most 16" are one reason.
[[nodiscard]] std::string without_numbers(std::string_view text);

}  // namespace moesim
