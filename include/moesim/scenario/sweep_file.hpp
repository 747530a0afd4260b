#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "moesim/scenario/load.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// A scalar of a file, still text, with the place where it stands.
struct PlacedText {
  std::string text = {};
  bool quoted = false;  ///< "8" is text, 8 a number
  std::string file = {};
  int line = 0;    ///< from 1; 0: the whole file
  int column = 0;  ///< from 1
};

/// One axis as it is written: a list of values, or a range.
struct AxisText {
  PlacedText place;  ///< of the axis; its text is empty
  std::string name;  ///< of its column, and in expressions
  std::string key;   ///< dotted path into the scenario; empty: the axis is only used in expressions
  std::vector<PlacedText> values;
  std::optional<PlacedText> from;  ///< a range, both ends included
  std::optional<PlacedText> to;
  std::optional<PlacedText> step;  ///< linear ranges
  std::optional<int> count;        ///< or so many points
  bool logarithmic = false;        ///< equal ratios instead of equal differences
  bool whole = false;              ///< rounded to whole numbers, each once
  std::optional<PlacedText> when;  ///< expression; where it is false the axis has no value and sets nothing
};

/// A key that follows from others: `key` is set to the value of `expression` at every point.
struct DerivedText {
  std::string name;
  std::string key;
  PlacedText expression;
};

/// A grid over one scenario as it is written (configs/sweeps/*.yaml, docs/sweeps.md). What the texts mean is for the
/// room `sweep` to say.
struct SweepFile {
  std::string name;
  std::vector<std::vector<AxisText>> axes;  ///< slowest first; the axes of an inner list advance together
  std::vector<DerivedText> derived;
  std::vector<PlacedText> where;        ///< points at which one of these is false are left out
  std::vector<PlacedText> columns;      ///< empty: the usual ones
  std::optional<std::string> baseline;  ///< variant that speed-ups refer to; absent: the first
  bool must_fit = false;                ///< leave out points at which a variant does not fit into memory
  std::optional<PlacedText> solve;      ///< "speedup = 1 over key [from a to b]"
};

/// Reads a sweep; a file without `scenario:` is a scenario, a grid of one point.
/// @throws InputError with all problems
[[nodiscard]] SweepFile load_sweep(const std::filesystem::path& file, const ConfigRoots& roots);
[[nodiscard]] SweepFile load_sweep_text(const std::string& text, const std::string& name, const ConfigRoots& roots);

}  // namespace moesim
