#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/scenario/sweep_file.hpp"

namespace moesim {

/// One column of the results. Names and units are those of the JSON keys.
struct SweepColumn {
  std::string_view name;
  /// Of one variant; nullopt: an empty cell (no inference). Null: a comparison with the baseline.
  std::optional<double> (*of)(const Prediction&);
  double (*of_speedup)(const Speedup&);
  bool is_flag = false;         ///< written as true or false
  bool usual = false;           ///< in the table when the file names no columns
  bool inference_only = false;  ///< not usual in training
};

/// Every column there is, in the order of the table.
[[nodiscard]] std::span<const SweepColumn> sweep_columns();

/// Those that a file names, in its order; the usual ones when it names none.
/// @throws InputError naming what there is
[[nodiscard]] std::vector<const SweepColumn*> choose_columns(const SweepFile& sweep, bool inference);

/// Appends a number as all tables show it: nine significant digits.
void append_number(std::string& row, double value);

}  // namespace moesim
