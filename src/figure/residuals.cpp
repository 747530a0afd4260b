// Measured over predicted, sample by sample, each predicted by a fit that had not seen it: where does a law miss?

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"

namespace moesim::figure {
namespace {

constexpr std::array<std::string_view, 6> kColumns = {"law",        "shape",       "region",
                                                      "measured_s", "predicted_s", "in_interval"};
constexpr std::size_t kMostMarks = 1500;  // more make a picture slow and no clearer

std::size_t column_of(const ResultTable& table, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(table.columns, name) - table.columns.begin());
}

/// The law that --where law=NAME names, else the one with most samples.
std::string chosen_law(const ResultFile& result, const FigureOptions& options) {
  const ResultTable& table = *result.table;
  std::map<std::string, std::size_t> samples;
  for (const auto& row : table.rows) ++samples[row[column_of(table, "law")]];
  if (samples.empty()) throw InputError({{.file = result.name, .message = "has no rows (no sample was left out)"}});
  for (const auto& [column, value] : options.where) {
    if (column != "law") continue;
    if (samples.contains(value)) return value;
    std::string names;
    for (const auto& [name, count] : samples) names += (names.empty() ? "" : ", ") + name;
    throw InputError({{.key = "--where law=" + value, .message = fmt::format("is no law here (one of: {})", names)}});
  }
  return std::ranges::max_element(samples, {}, [](const auto& one) { return one.second; })->first;
}

}  // namespace

bool is_residuals(const ResultTable& table) {
  return std::ranges::all_of(kColumns,
                             [&](std::string_view name) { return column_of(table, name) < table.columns.size(); });
}

Json residuals_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  if (!result.table || !is_residuals(*result.table)) {
    throw InputError({{.file = result.name, .message = "has no residuals (moesim calibrate --residuals writes them)"}});
  }
  const ResultTable& table = *result.table;
  const std::string law = chosen_law(result, options);
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    if (table.rows[r][column_of(table, "law")] == law) rows.push_back(r);
  }
  const std::size_t every = (rows.size() + kMostMarks - 1) / kMostMarks;
  Json points = Json::array();
  std::size_t inside = 0;
  std::vector<double> errors;
  double largest = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = table.rows[rows[i]];
    const double measured = cell_number(result, rows[i], column_of(table, "measured_s"));
    const double predicted = cell_number(result, rows[i], column_of(table, "predicted_s"));
    if (!(measured > 0 && predicted > 0)) {
      throw InputError(
          {{.file = result.name, .key = "measured_s", .message = "must be above 0 (the axes are logarithmic)"}});
    }
    const bool held = row[column_of(table, "in_interval")] == "yes";
    inside += held ? 1 : 0;
    errors.push_back(std::abs(measured / predicted - 1));
    largest = std::max(largest, measured);
    if (i % every != 0) continue;
    points.push_back({{"shape", row[column_of(table, "shape")]},
                      {"region", row[column_of(table, "region")]},
                      {"measured", measured},
                      {"ratio", measured / predicted},
                      {"held", held ? "inside" : "outside"}});
  }
  const Unit unit = time_unit(largest);
  for (Json& point : points) point["measured"] = point["measured"].get<double>() / unit.size;
  std::ranges::nth_element(errors, errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2));
  std::vector<std::string> caption = {
      fmt::format("{} samples, each predicted by a fit that had not seen it: median error {:.1f} %, {:.1f} % of them "
                  "inside the 90 % "
                  "interval.{}",
                  rows.size(), 100 * errors[errors.size() / 2],
                  100 * static_cast<double>(inside) / static_cast<double>(rows.size()),
                  every > 1 ? fmt::format(" One in {} is drawn.", every) : "")};
  caption.push_back(source_of(Json::object(), result.name, run));
  Json figure = frame(options.title.empty() ? "What " + law + " misses" : options.title, caption_lines(caption));
  figure["width"] = 560;
  figure["height"] = 320;
  const Json x = {{"field", "measured"},
                  {"type", "quantitative"},
                  {"scale", {{"type", "log"}, {"nice", false}, {"padding", 12}}},
                  {"axis", {{"grid", false}}},
                  {"title", fmt::format("measured time [{}]", unit.name)}};
  const Json y = {{"field", "ratio"},
                  {"type", "quantitative"},
                  {"scale", {{"type", "log"}, {"base", 2}, {"nice", false}, {"padding", 12}}},
                  {"axis", {{"format", ".2~f"}}},
                  {"title", "measured / predicted"}};
  const Json legend = {{"orient", "bottom"}, {"symbolOpacity", 1}};
  Json layers = Json::array();
  layers.push_back({{"data", {{"values", Json::array({{{"one", 1}}})}}},
                    {"mark", {{"type", "rule"}, {"color", kInk}}},
                    {"encoding", {{"y", {{"field", "one"}, {"type", "quantitative"}}}}}});
  layers.push_back({{"data", {{"values", std::move(points)}}},
                    {"mark", {{"type", "point"}, {"size", 22}, {"opacity", 0.75}}},
                    {"encoding",
                     {{"x", x},
                      {"y", y},
                      {"color",
                       {{"field", "region"},
                        {"type", "nominal"},
                        {"title", "region of the law"},
                        {"scale", {{"range", kPalette}}},
                        {"legend", legend}}},
                      {"shape",
                       {{"field", "held"},
                        {"type", "nominal"},
                        {"title", "90 % interval"},
                        {"scale", {{"domain", {"inside", "outside"}}, {"range", {"circle", "cross"}}}},
                        {"legend", legend}}},
                      {"tooltip",
                       {{{"field", "shape"}, {"type", "nominal"}},
                        {{"field", "measured"}, {"type", "quantitative"}, {"format", ".4~g"}},
                        {{"field", "ratio"}, {"type", "quantitative"}, {"format", ".3~f"}}}}}}});
  figure["layer"] = std::move(layers);
  return figure;
}

}  // namespace moesim::figure
