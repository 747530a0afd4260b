#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moesim/scenario/sweep_file.hpp"
#include "moesim/sweep/expression.hpp"
#include "moesim/sweep/value.hpp"

namespace moesim {

/// Where an expression finds the value of a name.
struct Binding {
  enum class Source { axis, derived, constant };
  Source source = Source::constant;
  std::size_t index = 0;  ///< of the axis or derived key
  Value constant = {};
};

struct BoundExpression {
  Expression expression;
  std::vector<Binding> names;
};

struct GridAxis {
  std::string name = {};
  std::string key = {};     ///< empty: sets nothing
  std::string column = {};  ///< name and unit
  std::vector<Value> values = {};
  std::vector<PlacedText> texts = {};   ///< of the values, as a file would say them
  std::vector<std::string> cells = {};  ///< of the values
  std::optional<BoundExpression> when = {};
};

struct DerivedKey {
  std::string name;
  std::string key;
  BoundExpression expression;
};

/// One point of a grid.
struct GridPoint {
  std::uint64_t number = 0;
  std::vector<int> index;      ///< by axis: which value; -1: none here
  std::vector<Value> derived;  ///< by derived key
};

/// What a number stands for.
enum class PointFate {
  valid,
  absent,   ///< repeats another point, because a conditional axis has no value here
  left_out  ///< `where` says no, or an expression cannot be computed
};

/// The points of a sweep by number, 0 to size() - 1: the last axis varies fastest. Nothing is stored per point.
class Grid {
 public:
  using Constants = std::function<std::optional<PlacedText>(const std::string& key)>;

  /// @param scenario its scalars, for expressions that name keys which are no axes
  /// @throws InputError with all problems, placed in the sweep's file
  Grid(const SweepFile& sweep, const Constants& scenario);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::vector<GridAxis>& axes() const { return axes_; }
  [[nodiscard]] const std::vector<DerivedKey>& derived() const { return derived_; }
  /// Keys of the scenario that expressions use.
  [[nodiscard]] const std::vector<std::string>& constants() const { return constants_; }
  /// @param why reason when it is left out
  [[nodiscard]] PointFate decode(std::uint64_t number, GridPoint& point, std::string& why) const;

 private:
  struct Group {
    std::size_t first = 0;  ///< axis
    std::size_t count = 0;  ///< of axes that advance together
    std::uint64_t length = 1;
  };
  [[nodiscard]] Value evaluate(const BoundExpression& bound, const GridPoint& point) const;

  std::vector<GridAxis> axes_;
  std::vector<Group> groups_;
  std::vector<DerivedKey> derived_;
  std::vector<BoundExpression> where_;
  std::vector<std::string> constants_;
  std::uint64_t size_ = 1;
};

/// Values of a range, both ends included. @throws InputError
[[nodiscard]] std::vector<Value> range_values(const AxisText& axis);

}  // namespace moesim
