#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"
#include "figure/sweep_table.hpp"

namespace moesim::figure {
namespace {

/// A swept key on an axis of the map: equal steps for its values, whatever they are.
struct Side {
  std::size_t column = 0;
  Unit unit = {};
  bool numeric = false;
  std::string title;
};

Side side_of(const SweepTable& table, const std::string& column) {
  Side side{.column = table.find(column), .title = {}};
  side.numeric = table.numeric(side.column);
  if (side.numeric) side.unit = column_unit(column, table.largest(side.column));
  side.title = column_title(column, side.unit);
  return side;
}

Json cell_of(const SweepTable& table, std::size_t row, const Side& side) {
  const std::string& text = table.text(row, side.column);
  if (side.numeric) return table.number(row, side.column) / side.unit.size;
  return text.empty() ? "none" : text;
}

}  // namespace

Json heat_map_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const SweepTable table(result, options);
  std::vector<std::string> sides;
  for (const std::string& asked : {options.y, options.x}) {
    if (!asked.empty()) sides.push_back(asked);
  }
  std::vector<std::string> left;
  for (const std::string& axis : table.axes()) {
    if (std::ranges::find(sides, axis) == sides.end()) left.push_back(axis);
  }
  for (; sides.size() < 2 && !left.empty(); left.erase(left.begin())) {
    sides.insert(options.x.empty() ? sides.end() : sides.begin(), left.front());
  }
  if (sides.size() < 2 || !left.empty()) {
    throw InputError(
        {{.file = result.name,
          .message = fmt::format("a heat map has two axes (these keys vary: {}) fix the others with --where "
                                 "KEY=VALUE",
                                 fmt::join(table.axes(), ", "))}});
  }
  const Side y = side_of(table, sides[0]);
  const Side x = side_of(table, sides[1]);
  const SweepTable::Value drawn = table.values(options.value).front();
  const std::size_t column = table.find(drawn.column);
  const bool speedup = drawn.name == "speedup";
  const Unit unit = column_unit(drawn.name, table.largest(column));

  Json values = Json::array();
  std::set<std::pair<std::string, std::string>> taken;
  double lowest = 1;
  double highest = 1;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, column).empty()) continue;  // left out by the sweep
    const double value = table.number(row, column) / unit.size;
    if (!taken.insert({table.text(row, x.column), table.text(row, y.column)}).second) {
      throw InputError({{.file = result.name, .message = "has several rows for one cell of the map"}});
    }
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
    values.push_back({{"x", cell_of(table, row, x)}, {"y", cell_of(table, row, y)}, {"value", value}});
  }
  const std::string title =
      speedup ? fmt::format("Speed-up of {} over {}", drawn.variant, table.baseline()) : drawn.column;
  const std::string value_title = speedup ? std::string("speed-up") : column_title(drawn.name, unit);
  Json figure = frame(options.title.empty() ? title : options.title,
                      caption_lines({source_of(Json::object(), result.name, run)}));
  const auto side = [](const char* field, const Side& of) {
    Json code = {
        {"field", field}, {"type", "ordinal"}, {"title", of.title}, {"axis", {{"labelAngle", 0}, {"grid", false}}}};
    if (of.numeric) code["axis"]["format"] = ".4~g";
    return code;
  };
  Json y_code = side("y", y);
  if (y.numeric) y_code["sort"] = "descending";  // small values at the bottom, as on any axis
  // Speed-ups: orange below 1, blue above; equal distances from 1 are equally strong. One colour where there is one
  // side.
  const double reach = std::max({highest - 1, 1 - lowest, 0.01});
  const bool both_sides = lowest < 1 && highest > 1;
  Json scale = {{"scheme", "viridis"}};
  // Dark cells take white text. Viridis is dark at its lower end, the others where the value is far from 1.
  std::string dark = fmt::format("datum.value < {:.6g}", 0.5 * highest);
  if (speedup) {
    scale = {{"scheme", both_sides ? "blueorange" : lowest < 1 ? "oranges" : "blues"}};
    scale["reverse"] = lowest < 1;
    scale["domain"] = {both_sides || lowest < 1 ? 1 - reach : 1, both_sides || highest > 1 ? 1 + reach : 1};
    dark = fmt::format("abs(datum.value - 1) > {:.6g}", 0.6 * reach);
  }
  figure["width"] = {{"step", 72}};
  figure["height"] = {{"step", 42}};
  figure["data"] = {{"values", std::move(values)}};
  figure["encoding"] = {{"x", side("x", x)}, {"y", std::move(y_code)}};
  figure["layer"] = Json::array(
      {{{"mark", {{"type", "rect"}}},
        {"encoding",
         {{"color", {{"field", "value"}, {"type", "quantitative"}, {"title", value_title}, {"scale", scale}}}}}},
       {{"mark", {{"type", "text"}}},
        {"encoding",
         {{"text", {{"field", "value"}, {"type", "quantitative"}, {"format", speedup ? ".2f" : ".3~g"}}},
          {"color", {{"condition", {{"test", dark}, {"value", "#ffffff"}}}, {"value", "#222222"}}}}}}});
  return figure;
}

}  // namespace moesim::figure
