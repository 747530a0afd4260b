#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"
#include "figure/sweep_table.hpp"

namespace moesim::figure {
namespace {

struct Point {
  double x = 0;
  double value = 0;
  double lo = 0;
  double hi = 0;
};

/// Columns of the interval of a value: "speedup_interval_lo", "interval_s_lo" for times; else the value itself.
std::string end_of(const SweepTable& table, const SweepTable::Value& value, const char* end) {
  const std::string prefix = value.variant.empty() ? "" : value.variant + ".";
  std::string column;
  if (value.name == "speedup") column = fmt::format("{}speedup_interval_{}", prefix, end);
  if (value.name == "step_time_s") column = fmt::format("{}interval_s_{}", prefix, end);
  return !column.empty() && table.has(column) ? column : value.column;
}

/// "bigmac, nic.count 2": the variant and the other swept keys.
std::string series_name(const SweepTable& table, const SweepTable::Value& value, std::size_t row,
                        const std::string& x) {
  std::string name = value.variant;
  for (const std::string& axis : table.axes()) {
    if (axis == x) continue;
    const std::size_t column = table.find(axis);
    std::string cell = table.text(row, column);
    if (const Unit unit = column_unit(axis, table.largest(column)); !unit.name.empty()) {
      cell = fmt::format("{:g} {}", table.number(row, column) / unit.size, unit.name);
    }
    const std::string title = column_title(axis, {});
    const std::size_t section = title.rfind('.', title.rfind('.') - 1);
    name += fmt::format("{}{} {}", name.empty() ? "" : ", ",
                        section == std::string::npos ? title : title.substr(section + 1), cell);
  }
  return name.empty() ? value.name : name;
}

std::map<std::string, std::vector<Point>> series_of(const SweepTable& table, const FigureOptions& options,
                                                    const std::string& x, double x_size, double y_size) {
  std::map<std::string, std::vector<Point>> series;
  const std::size_t x_column = table.find(x);
  for (const SweepTable::Value& value : table.values(options.value)) {
    const std::size_t column = table.find(value.column);
    const std::size_t lo = table.find(end_of(table, value, "lo"));
    const std::size_t hi = table.find(end_of(table, value, "hi"));
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.text(row, column).empty()) continue;  // left out by the sweep
      series[series_name(table, value, row, x)].push_back({.x = table.number(row, x_column) / x_size,
                                                           .value = table.number(row, column) / y_size,
                                                           .lo = table.number(row, lo) / y_size,
                                                           .hi = table.number(row, hi) / y_size});
    }
  }
  for (auto& [name, points] : series) std::ranges::sort(points, {}, &Point::x);
  return series;
}

/// Where a speed-up passes 1 between two neighbours, on a straight line (of ln x where the axis is logarithmic).
std::vector<double> break_evens(const std::vector<Point>& points, bool logarithmic) {
  std::vector<double> at;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const Point& a = points[i - 1];
    const Point& b = points[i];
    if ((a.value - 1) * (b.value - 1) >= 0) continue;
    const double share = (1 - a.value) / (b.value - a.value);
    at.push_back(logarithmic ? a.x * std::pow(b.x / a.x, share) : a.x + share * (b.x - a.x));
  }
  return at;
}

}  // namespace

Json speedup_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const SweepTable table(result, options);
  if (options.x.empty() && table.axes().empty()) {
    throw InputError({{.file = result.name, .message = "has no swept key with more than one value"}});
  }
  const std::string x = options.x.empty() ? table.axes().back() : options.x;
  const std::size_t x_column = table.find(x);
  const std::vector<SweepTable::Value> drawn = table.values(options.value);
  const bool speedup = drawn.front().name == "speedup";
  const Unit x_unit = column_unit(x, table.largest(x_column));
  const Unit y_unit = column_unit(drawn.front().name, table.largest(table.find(drawn.front().column)));
  const auto series = series_of(table, options, x, x_unit.size, y_unit.size);

  double lowest = table.largest(x_column);
  for (std::size_t row = 0; row < table.rows(); ++row) lowest = std::min(lowest, table.number(row, x_column));
  const bool logarithmic = lowest > 0 && table.largest(x_column) / lowest >= 8;

  Json values = Json::array();
  Json names = Json::array();
  Json crossings = Json::array();
  for (const auto& [name, points] : series) {
    names.push_back(name);
    for (const Point& point : points) {
      values.push_back({{"series", name}, {"x", point.x}, {"value", point.value}, {"lo", point.lo}, {"hi", point.hi}});
    }
    if (!speedup) continue;
    for (const double at : break_evens(points, logarithmic)) {
      crossings.push_back({{"x", at}, {"y", 1}, {"label", fmt::format("break-even at {:.3g} {}", at, x_unit.name)}});
    }
  }
  const std::string y_title =
      speedup ? fmt::format("speed-up over {}", table.baseline()) : column_title(drawn.front().name, y_unit);
  Json figure = frame(
      options.title.empty() ? fmt::format("{} over {}", speedup ? "Speed-up" : drawn.front().name, column_title(x, {}))
                            : options.title,
      caption_lines({"Bands: 90 % interval of the prediction.", source_of(Json::object(), result.name, run)}));
  Json x_scale = {{"type", logarithmic ? "log" : "linear"}, {"nice", false}};
  if (!logarithmic) x_scale["zero"] = false;
  const Json x_code = {
      {"field", "x"}, {"type", "quantitative"}, {"title", column_title(x, x_unit)}, {"scale", x_scale}};
  const auto y = [&](const char* field) {
    return Json{{"field", field}, {"type", "quantitative"}, {"title", y_title}};
  };
  const Json color = {{"field", "series"},
                      {"type", "nominal"},
                      {"title", nullptr},
                      {"scale", {{"domain", names}, {"range", kPalette}}},
                      {"legend", {{"symbolOpacity", 1}, {"orient", "bottom"}, {"columns", 2}, {"labelLimit", 400}}}};
  Json layers = Json::array();
  layers.push_back({{"mark", {{"type", "area"}, {"opacity", 0.2}}},
                    {"encoding", {{"x", x_code}, {"y", y("lo")}, {"y2", {{"field", "hi"}}}, {"color", color}}}});
  layers.push_back(
      {{"mark", {{"type", "line"}, {"point", {{"size", 40}}}, {"strokeWidth", 2}}},
       {"encoding",
        {{"x", x_code},
         {"y", y("value")},
         {"color", color},
         {"tooltip",
          {{{"field", "series"}, {"type", "nominal"}},
           {{"field", "x"}, {"type", "quantitative"}, {"format", ".4~g"}, {"title", column_title(x, x_unit)}},
           {{"field", "value"}, {"type", "quantitative"}, {"format", ".4~g"}, {"title", y_title}}}}}}});
  if (speedup) {
    layers.push_back({{"data", {{"values", Json::array({Json{{"even", 1}}})}}},
                      {"mark", {{"type", "rule"}, {"strokeDash", {5, 4}}, {"color", kInk}}},
                      {"encoding", {{"y", {{"field", "even"}, {"type", "quantitative"}}}}}});
  }
  if (!crossings.empty()) {
    const Json place = {{"x", x_code}, {"y", {{"field", "y"}, {"type", "quantitative"}}}};
    Json labelled = place;
    labelled["text"] = {{"field", "label"}};
    layers.push_back(
        {{"data", {{"values", crossings}}},
         {"mark", {{"type", "point"}, {"shape", "diamond"}, {"filled", true}, {"size", 110}, {"color", kInk}}},
         {"encoding", place}});
    layers.push_back({{"data", {{"values", crossings}}},
                      {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 8}, {"dy", 12}}},
                      {"encoding", std::move(labelled)}});
  }
  figure["width"] = 560;
  figure["height"] = 340;
  figure["data"] = {{"values", std::move(values)}};
  figure["layer"] = std::move(layers);
  return figure;
}

}  // namespace moesim::figure
