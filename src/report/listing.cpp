#include "moesim/report/listing.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

#include "report/text.hpp"

namespace moesim {
namespace {

std::string words(const Listing::Cell& cell, double scale) {
  if (std::holds_alternative<std::monostate>(cell)) return "–";
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return text::count(std::get<double>(cell) / scale);
}

bool has_numbers(const Listing& listing, std::size_t column) {
  return std::ranges::any_of(listing.rows,
                             [column](const auto& row) { return std::holds_alternative<double>(row[column]); });
}

}  // namespace

std::string to_table(const Listing& listing, const RunInfo&, const TextStyle& style) {
  text::Grid grid;
  for (std::size_t c = 0; c < listing.columns.size(); ++c) {
    if (listing.columns[c].title.empty()) continue;
    grid.column(listing.columns[c].title, has_numbers(listing, c) ? text::Grid::Align::right : text::Grid::Align::left);
  }
  for (const auto& row : listing.rows) {
    MOESIM_EXPECTS(row.size() == listing.columns.size());
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (!listing.columns[c].title.empty()) cells.push_back(words(row[c], listing.columns[c].scale));
    }
    grid.row(std::move(cells));
  }
  return grid.render(style);
}

}  // namespace moesim
