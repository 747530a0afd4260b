#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/estimate.hpp"
#include "moesim/base/units.hpp"
#include "moesim/report/run_info.hpp"

// Numbers and lines for people, shared by the tables of this room.
namespace moesim::text {

/// Columns that UTF-8 text takes on a terminal, one per code point (our tables use no wide characters).
[[nodiscard]] std::size_t width(std::string_view utf8);
[[nodiscard]] std::string pad_left(std::string_view utf8, std::size_t columns);
[[nodiscard]] std::string pad_right(std::string_view utf8, std::size_t columns);

/// "91.8 %"
[[nodiscard]] std::string percent(double share);
/// "2.21 – 3.04 s": both ends in the unit of the upper one; empty when the estimate is exact.
[[nodiscard]] std::string interval(const Estimate& estimate);
/// "202,300" from 1000 upwards and for whole numbers, else three significant digits.
[[nodiscard]] std::string count(double number);
/// "3.73 billion"
[[nodiscard]] std::string large_count(double number);
/// "3,490.67 TFLOP"
[[nodiscard]] std::string tera_flops(Flops work);
/// Binary prefix, as GPU memories are sold and buffers are cut: "1,488.00 GiB", "64.00 MiB", "12 B".
[[nodiscard]] std::string binary(Bytes size);

/// One unit for a column of times, chosen by its largest, so that digits line up.
struct TimeUnit {
  double seconds = 1;
  std::string_view name = "s";
};
[[nodiscard]] TimeUnit common_unit(Seconds largest);
/// "2383.40 ms"
[[nodiscard]] std::string in_unit(Seconds time, const TimeUnit& unit);

/// `share` of `columns` as a horizontal bar in eighths of a column.
[[nodiscard]] std::string bar(double share, std::size_t columns);

/// Lines of at most `columns` columns, broken between words; lines after the first are indented like the first's text.
[[nodiscard]] std::string wrapped(std::string_view first_indent, std::string_view text, std::size_t columns);

[[nodiscard]] std::string title(std::string_view words, const TextStyle& style);
[[nodiscard]] std::string dim(std::string_view words, const TextStyle& style);

/// Rows of cells under titles. A last column of words is wrapped where it would pass the width.
class Grid {
 public:
  enum class Align { left, right };
  void column(std::string title, Align align);
  void row(std::vector<std::string> cells);
  [[nodiscard]] std::string render(const TextStyle& style) const;

 private:
  std::vector<std::string> titles_;
  std::vector<Align> align_;
  std::vector<std::vector<std::string>> rows_;
};

/// The last lines of every table: program, version, command (so that it can be pasted into a shell).
[[nodiscard]] std::string footer(const RunInfo& run, const TextStyle& style);

}  // namespace moesim::text
