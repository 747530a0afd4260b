#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"

namespace moesim::figure {
namespace {

constexpr std::array<std::string_view, 6> kResults = {"step_time_s",  "interval_s_lo", "interval_s_hi",
                                                      "tokens_per_s", "mfu",           "memory_per_gpu_B"};
constexpr std::string_view kGpus = "parallelism.ranks";

struct Layout {
  std::string name;  ///< what differs from one rank and no options: "tp 2, ep 4, recompute full"
  std::string gpus;
  double time = 0;
  double lo = 0;
  double hi = 0;
  double memory = 0;
  bool front = false;  ///< no layout on as many GPUs is as fast and needs less memory
};

std::string cell_text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// Search's JSON as the table that its CSV is.
ResultTable table_of(const ResultFile& file) {
  if (file.table) return *file.table;
  const Json json = parse_json(file);
  const auto items = json.find("items");
  if (items == json.end() || !items->is_array() || items->empty()) {
    throw InputError({{.file = file.name, .key = "items", .message = "is not there, or empty (search writes it)"}});
  }
  ResultTable table;
  for (const Json& item : *items) {
    if (table.columns.empty() && item.is_object()) {
      for (const auto& [key, value] : item.items()) table.columns.push_back(key);
    }
    std::vector<std::string> row;
    for (const std::string& column : table.columns) {
      row.push_back(item.is_object() && item.contains(column) ? cell_text(item[column]) : std::string());
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string layout_name(const ResultTable& table, const std::vector<std::string>& row) {
  std::string name;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const std::string& column = table.columns[c];
    if (std::ranges::find(kResults, column) != kResults.end() || column == kGpus) continue;
    if (row[c].empty() || row[c] == "-" || row[c] == "none") continue;
    if (row[c] == "1" && column.starts_with("parallelism.") && !column.ends_with(".zero")) continue;
    name += fmt::format("{}{} {}", name.empty() ? "" : ", ", column.substr(column.rfind('.') + 1), row[c]);
  }
  std::ranges::replace(name, '_', ' ');
  return name.empty() ? "one rank" : name;
}

std::vector<Layout> layouts_of(const ResultFile& file) {
  const ResultFile read{.name = file.name, .table = table_of(file)};
  const ResultTable& table = *read.table;
  std::array<std::size_t, kResults.size()> columns{};
  for (std::size_t i = 0; i < kResults.size(); ++i) {
    const auto found = std::ranges::find(table.columns, kResults.at(i));
    columns.at(i) = static_cast<std::size_t>(found - table.columns.begin());
    if (found != table.columns.end()) continue;
    throw InputError({{.file = file.name,
                       .key = std::string(kResults.at(i)),
                       .message = "is no column (a result of moesim search has it)"}});
  }
  const auto gpus = std::ranges::find(table.columns, kGpus);
  std::vector<Layout> layouts;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto number = [&](std::size_t result) { return cell_number(read, row, columns.at(result)); };
    Layout layout{.name = layout_name(table, table.rows[row]),
                  .gpus = "GPUs",
                  .time = number(0),
                  .lo = number(1),
                  .hi = number(2),
                  .memory = number(5)};
    if (gpus != table.columns.end()) {
      layout.gpus = fmt::format("{} GPUs", table.rows[row][static_cast<std::size_t>(gpus - table.columns.begin())]);
    }
    if (!(layout.time > 0 && layout.memory > 0)) {
      throw InputError({{.file = file.name, .message = "has a layout without time or memory (both must be above 0)"}});
    }
    layouts.push_back(std::move(layout));
  }
  if (layouts.empty()) throw InputError({{.file = file.name, .message = "has no layout to draw"}});
  return layouts;
}

/// By GPUs ("8 GPUs" before "16 GPUs"), then by time; marks the front of each.
std::vector<std::string> sort_and_mark(std::vector<Layout>& layouts) {
  const auto key = [](const Layout& one) { return std::tuple(one.gpus.size(), one.gpus, one.time, one.memory); };
  std::ranges::sort(layouts, {}, key);
  std::vector<std::string> groups;
  double least = 0;
  for (Layout& one : layouts) {
    if (groups.empty() || groups.back() != one.gpus) {
      groups.push_back(one.gpus);
      least = std::numeric_limits<double>::infinity();
    }
    one.front = one.memory < least;
    least = std::min(least, one.memory);
  }
  return groups;
}

Json quantity_axis(const char* field, const char* what, const Unit& unit, double smallest, double largest) {
  const bool logarithmic = largest / smallest >= 4;
  Json scale = {{"type", logarithmic ? "log" : "linear"}, {"nice", false}, {"padding", 12}};
  if (!logarithmic) scale["zero"] = false;
  return {{"field", field},
          {"type", "quantitative"},
          {"scale", std::move(scale)},
          {"title", fmt::format("{} [{}]", what, unit.name)}};
}

}  // namespace

bool is_search(const ResultTable& table) {
  return table.columns.size() > kResults.size() &&
         std::equal(kResults.rbegin(), kResults.rend(), table.columns.rbegin());
}

Json pareto_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  std::vector<Layout> layouts = layouts_of(result);
  const std::vector<std::string> groups = sort_and_mark(layouts);
  const auto [fastest, slowest] = std::ranges::minmax(layouts, {}, &Layout::time);
  const auto [smallest, largest] = std::ranges::minmax(layouts, {}, &Layout::memory);
  const Unit seconds = time_unit(slowest.time);
  const Unit bytes = column_unit("_B", largest.memory);

  Json values = Json::array();
  std::map<std::string, std::string> best;
  std::size_t beaten = 0;
  for (const Layout& one : layouts) {
    best.try_emplace(one.gpus, fmt::format("Fastest on {}: {}.", one.gpus, one.name));
    beaten += one.front ? 0 : 1;
    values.push_back({{"gpus", one.gpus},
                      {"time", one.time / seconds.size},
                      {"memory", one.memory / bytes.size},
                      {"front", one.front},
                      {"layout", one.name},
                      {"interval", fmt::format("{:.3g} to {:.3g}", one.lo / seconds.size, one.hi / seconds.size)}});
  }
  std::vector<std::string> caption = {"Lines: nothing on as many GPUs is faster and needs no more memory."};
  if (beaten > 0) caption.back() += fmt::format(" Pale: {} layouts that something beats.", beaten);
  for (std::size_t i = 0; i < groups.size() && i < 4; ++i) caption.push_back(best.at(groups[i]));
  caption.push_back(source_of(result.table ? Json::object() : parse_json(result), result.name, run));

  Json figure =
      frame(options.title.empty() ? "Layouts: time of a step against memory" : options.title, caption_lines(caption));
  const Json x = quantity_axis("time", "time of a step", seconds, fastest.time, slowest.time);
  const Json y = quantity_axis("memory", "memory per GPU", bytes, smallest.memory, largest.memory);
  const Json legend = {{"symbolOpacity", 1}, {"orient", "bottom"}, {"columns", 4}};
  const Json color = {{"field", "gpus"},
                      {"type", "nominal"},
                      {"title", nullptr},
                      {"scale", {{"domain", groups}, {"range", kPalette}}},
                      {"legend", legend}};
  Json shape = color;
  shape["scale"].erase("range");
  figure["width"] = 560;
  figure["height"] = 380;
  figure["data"] = {{"values", std::move(values)}};
  figure["layer"] = Json::array(
      {{{"transform", {{{"filter", "datum.front"}}}},
        {"mark", {{"type", "line"}, {"interpolate", "step-after"}, {"strokeWidth", 1.5}, {"opacity", 0.7}}},
        {"encoding", {{"x", x}, {"y", y}, {"color", color}, {"order", {{"field", "time"}, {"type", "quantitative"}}}}}},
       {{"mark", {{"type", "point"}, {"filled", true}, {"size", 50}}},
        {"encoding",
         {{"x", x},
          {"y", y},
          {"color", color},
          {"shape", shape},
          {"opacity", {{"condition", {{"test", "datum.front"}, {"value", 1}}}, {"value", 0.3}}},
          {"tooltip",
           {{{"field", "layout"}, {"type", "nominal"}},
            {{"field", "gpus"}, {"type", "nominal"}, {"title", "on"}},
            {{"field", "time"},
             {"type", "quantitative"},
             {"format", ".4~g"},
             {"title", fmt::format("time [{}]", seconds.name)}},
            {{"field", "interval"}, {"type", "nominal"}, {"title", fmt::format("90 % interval [{}]", seconds.name)}},
            {{"field", "memory"},
             {"type", "quantitative"},
             {"format", ".4~g"},
             {"title", fmt::format("memory [{}]", bytes.name)}}}}}}}});
  return figure;
}

}  // namespace moesim::figure
