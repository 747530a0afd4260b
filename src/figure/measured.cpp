#include <algorithm>
#include <fmt/format.h>
#include <limits>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"

namespace moesim::figure {

Json measured_figure(const std::vector<ResultFile>& results, const FigureOptions& options, const RunInfo& run) {
  constexpr double kBand = 0.1;  // of the measured time, as validate's tolerance
  Json points = Json::array();
  std::vector<std::string> sources;
  double smallest = std::numeric_limits<double>::infinity();
  double largest = 0;
  std::size_t inside = 0;
  for (const ResultFile& file : results) {
    const Json json = parse_json(file);
    const auto cases = json.find("cases");
    if (cases == json.end() || !cases->is_array()) {
      throw InputError({{.file = file.name, .key = "cases", .message = "is not there (validate writes it)"}});
    }
    for (const Json& one : *cases) {
      const double measured = number_at(one, "measured_s", file.name);
      const double lo = number_at(one, "lo_s", file.name);
      const double hi = number_at(one, "hi_s", file.name);
      if (!(measured > 0 && lo > 0)) {
        throw InputError(
            {{.file = file.name, .key = "measured_s", .message = "must be above 0 (the axes are logarithmic)"}});
      }
      smallest = std::min({smallest, measured, lo});
      largest = std::max({largest, measured, hi});
      const bool in_interval = lo <= measured && measured <= hi;
      inside += in_interval ? 1 : 0;
      points.push_back({{"case", text_at(one, "case", file.name)},
                        {"part", text_at(one, "part", file.name)},
                        {"measured", measured},
                        {"predicted", number_at(one, "predicted_s", file.name)},
                        {"lo", lo},
                        {"hi", hi},
                        {"error", number_at(one, "error", file.name)}});
    }
    sources.push_back(source_of(json, file.name, run));
  }
  if (points.empty()) throw InputError({{.file = results.front().name, .key = "cases", .message = "is empty"}});
  const Unit unit = time_unit(largest);
  for (Json& point : points) {
    for (const char* const key : {"measured", "predicted", "lo", "hi"})
      point[key] = point[key].get<double>() / unit.size;
  }
  Json band = Json::array();
  for (const double end : {smallest / unit.size * 0.8, largest / unit.size * 1.25}) {
    band.push_back({{"measured", end}, {"same", end}, {"low", end * (1 - kBand)}, {"high", end * (1 + kBand)}});
  }
  sources.insert(
      sources.begin(),
      fmt::format("Vertical lines: 90 % interval of the prediction, {} of {} measured times lie inside. Band: "
                  "within {:.0f} %.",
                  inside, points.size(), 100 * kBand));
  const auto axis = [&](const char* field, const char* title) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"scale", {{"type", "log"}, {"nice", false}}},
                {"title", fmt::format("{} time [{}]", title, unit.name)}};
  };
  const Json x = axis("measured", "measured");
  Json figure =
      frame(options.title.empty() ? std::string("Predicted against measured") : options.title, caption_lines(sources));
  figure["width"] = 460;
  figure["height"] = 460;
  Json layers = Json::array();
  layers.push_back({{"data", {{"values", band}}},
                    {"mark", {{"type", "area"}, {"color", kInk}, {"opacity", 0.2}}},
                    {"encoding", {{"x", x}, {"y", axis("low", "predicted")}, {"y2", {{"field", "high"}}}}}});
  layers.push_back({{"data", {{"values", band}}},
                    {"mark", {{"type", "line"}, {"color", kInk}, {"strokeWidth", 1}}},
                    {"encoding", {{"x", x}, {"y", axis("same", "predicted")}}}});
  const Json legend = {{"symbolOpacity", 1}, {"orient", "bottom"}, {"columns", 2}, {"labelLimit", 300}};
  const Json color = {
      {"field", "part"}, {"type", "nominal"}, {"title", nullptr}, {"scale", {{"range", kPalette}}}, {"legend", legend}};
  const Json shape = {{"field", "part"}, {"type", "nominal"}, {"title", nullptr}, {"legend", legend}};
  layers.push_back({{"data", {{"values", points}}},
                    {"mark", {{"type", "rule"}, {"color", kInk}, {"opacity", 0.6}}},
                    {"encoding", {{"x", x}, {"y", axis("lo", "predicted")}, {"y2", {{"field", "hi"}}}}}});
  layers.push_back({{"data", {{"values", points}}},
                    {"mark", {{"type", "point"}, {"filled", true}, {"size", 45}, {"opacity", 1}}},
                    {"encoding",
                     {{"x", x},
                      {"y", axis("predicted", "predicted")},
                      {"color", color},
                      {"shape", shape},
                      {"tooltip",
                       {{{"field", "case"}, {"type", "nominal"}},
                        {{"field", "measured"}, {"type", "quantitative"}, {"format", ".4~g"}},
                        {{"field", "predicted"}, {"type", "quantitative"}, {"format", ".4~g"}},
                        {{"field", "error"}, {"type", "quantitative"}, {"format", "+.1%"}}}}}}});
  figure["layer"] = std::move(layers);
  return figure;
}

}  // namespace moesim::figure
