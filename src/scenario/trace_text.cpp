#include "scenario/trace_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <system_error>
#include <utility>

namespace moesim {
namespace {

constexpr std::string_view kSeparators = ",; \t\r";

/// Column of the first word of the line that is no number, from 1; 0: all are numbers, and stand in `row`.
std::size_t parse_line(std::string_view line, std::vector<double>& row) {
  for (std::size_t at = line.find_first_not_of(kSeparators); at != std::string_view::npos;
       at = line.find_first_not_of(kSeparators, at)) {
    const std::size_t end = std::min(line.find_first_of(kSeparators, at), line.size());
    double value = 0;
    const auto [rest, error] = std::from_chars(line.data() + at, line.data() + end, value);
    if (error != std::errc{} || rest != line.data() + end || !std::isfinite(value)) return at + 1;
    row.push_back(value);
    at = end;
  }
  return 0;
}

}  // namespace

std::vector<std::vector<double>> parse_rows(std::string_view text, const std::string& file, std::size_t max_numbers,
                                            std::vector<Diagnostic>& problems) {
  std::vector<std::vector<double>> rows;
  std::size_t numbers = 0;
  int line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.starts_with('#')) continue;
    std::vector<double> row;
    const std::size_t column = parse_line(line, row);
    const bool header = column > 0 && rows.empty() && row.empty();
    if (column > 0 && !header) {
      problems.push_back({file, line_number, static_cast<int>(column), {}, "is no finite number"});
      return {};  // one place is enough: the rest is likely wrong in the same way
    }
    numbers += row.size();
    if (numbers > max_numbers) {
      problems.push_back({file, line_number, 0, {}, fmt::format("has more than {} numbers", max_numbers)});
      return {};
    }
    if (!row.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace moesim
