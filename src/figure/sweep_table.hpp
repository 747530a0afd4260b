#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "figure/parts.hpp"

// Rows of a sweep: swept keys first, then columns VARIANT.NAME (or NAME) as `moesim sweep` names them.
namespace moesim::figure {

class SweepTable {
 public:
  /// Keeps the rows that `options.where` asks for.
  /// @throws InputError when the file is no sweep, a column of the options is not there, or no row is left
  SweepTable(const ResultFile& file, const FigureOptions& options);

  struct Value {
    std::string column;
    std::string variant;  ///< empty: the sweep has none
    std::string name;     ///< "speedup"
  };
  /// Swept columns that have more than one value in the rows kept.
  [[nodiscard]] const std::vector<std::string>& axes() const { return axes_; }
  [[nodiscard]] std::size_t rows() const { return kept_.size(); }
  [[nodiscard]] std::size_t find(std::string_view column) const;
  /// By number among the rows kept.
  [[nodiscard]] const std::string& text(std::size_t row, std::size_t column) const;
  [[nodiscard]] double number(std::size_t row, std::size_t column) const;
  /// Largest value of a column [SI].
  [[nodiscard]] double largest(std::size_t column) const;
  [[nodiscard]] bool has(std::string_view column) const;
  [[nodiscard]] bool numeric(std::size_t column) const;

  /// The columns to draw: the one asked for, in all variants when no variant is named; else every speed-up, else every
  /// step time.
  [[nodiscard]] std::vector<Value> values(const std::string& asked) const;
  /// Variant that speed-ups refer to; empty: not known.
  [[nodiscard]] std::string baseline() const;

 private:
  const ResultFile& file_;
  std::vector<std::size_t> kept_;
  std::vector<std::string> axes_;
  std::vector<Value> results_;
};

}  // namespace moesim::figure
