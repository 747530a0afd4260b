#pragma once

#include <optional>
#include <string>
#include <vector>

#include "moesim/report/run_info.hpp"

namespace moesim::text {

/// A number with something beside it: an interval, a share (where there is room with a bar, the largest one full) or a
/// remark.
struct Cell {
  std::string main;
  std::string aside = {};
  std::optional<double> share = std::nullopt;  ///< instead of `aside`
};

struct Line {
  std::string label;
  std::vector<Cell> cells;  ///< one per case
};

struct Section {
  std::string title;  ///< empty for the first one
  std::vector<Line> lines;
};

/// Cases in columns, all sections on the same columns: numbers right-aligned under the name of their case, what is
/// beside them left-aligned. Cases that do not fit the width go into further blocks below.
[[nodiscard]] std::string side_by_side(const std::vector<std::string>& names, const std::vector<Section>& sections,
                                       const TextStyle& style);

}  // namespace moesim::text
