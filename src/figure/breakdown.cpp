#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "moesim/base/diagnostic.hpp"

#include "figure/work_parts.hpp"

namespace moesim::figure {
namespace {

struct Bar {
  std::string name;
  std::map<std::size_t, double> times = {};  ///< by part [s]
  double total = 0;
  double lo = 0;
  double hi = 0;
  std::string speedup = {};
};

Bar bar_of(const Json& variant, const Json& baseline_name, const std::string& file) {
  Bar bar{.name = variant.contains("name") ? text_at(variant, "name", file) : text_at(variant, "scenario", file),
          .total = number_at(variant, "step_time_s", file)};
  const auto breakdown = variant.find("breakdown");
  if (breakdown == variant.end() || !breakdown->is_array()) {
    throw InputError({{.file = file, .key = "breakdown", .message = "is not there (predict and compare write it)"}});
  }
  for (const Json& entry : *breakdown) {
    bar.times[part_of(text_at(entry, "name", file))] += number_at(entry, "time_s", file);
  }
  bar.lo = bar.hi = bar.total;
  if (const auto interval = variant.find("interval_s"); interval != variant.end() && interval->size() == 2) {
    bar.lo = interval->at(0).get<double>();
    bar.hi = interval->at(1).get<double>();
  }
  const bool baseline = variant.contains("name") && variant["name"] == baseline_name;
  if (!baseline && variant.contains("speedup") && variant["speedup"].is_number()) {
    bar.speedup = fmt::format("{:.2f} times as fast", number_at(variant, "speedup", file));
    if (const auto band = variant.find("speedup_interval"); band != variant.end() && band->size() == 2) {
      bar.speedup += fmt::format(" ({:.2f} to {:.2f})", band->at(0).get<double>(), band->at(1).get<double>());
    }
  }
  return bar;
}

Json values_of(const std::vector<Bar>& bars, const Unit& unit) {
  Json values = Json::array();
  for (const Bar& bar : bars) {
    for (const auto& [part, time] : bar.times) {
      if (time <= 0) continue;
      values.push_back({{"variant", bar.name},
                        {"part", kWorkParts.at(part).name},
                        {"order", part},
                        {"time", time / unit.size},
                        {"share", time / bar.total}});
    }
  }
  return values;
}

}  // namespace

Json breakdown_figure(const std::vector<ResultFile>& results, const FigureOptions& options, const RunInfo& run) {
  std::vector<Bar> bars;
  std::vector<std::string> sources;
  std::string scenario;
  bool training = true;
  for (const ResultFile& file : results) {
    const Json json = parse_json(file);
    Json variants = json.contains("variants") ? json["variants"] : Json::array({json});
    for (const Json& variant : variants) {
      bars.push_back(bar_of(variant, json.value("baseline", Json()), file.name));
      scenario = text_at(variant, "scenario", file.name);
      training = text_at(variant, "mode", file.name) == "training";
    }
    sources.push_back(source_of(json, file.name, run));
  }
  if (bars.empty()) throw InputError({{.file = results.front().name, .message = "has no variant to draw"}});
  double longest = 0;
  std::set<std::size_t> parts;
  for (const Bar& bar : bars) {
    longest = std::max(longest, bar.hi);
    for (const auto& [part, time] : bar.times) parts.insert(part);
  }
  const Unit unit = time_unit(longest);

  Json totals = Json::array();
  Json names = Json::array();
  for (const Bar& bar : bars) {
    names.push_back(bar.name);
    totals.push_back({{"variant", bar.name},
                      {"lo", bar.lo / unit.size},
                      {"hi", bar.hi / unit.size},
                      {"label", fmt::format("{:.3g} {}{}{}", bar.total / unit.size, unit.name,
                                            bar.speedup.empty() ? "" : ", ", bar.speedup)}});
  }
  sources.insert(sources.begin(),
                 "Line: 90 % interval of the time. Intervals of speed-ups are narrower: the variants "
                 "share most of their error.");
  const char* const what = training ? "a training step" : "an inference run";
  Json figure = frame(options.title.empty() ? fmt::format("Predicted time of {}: {}", what, scenario) : options.title,
                      caption_lines(sources));
  const Json y = {{"field", "variant"},
                  {"type", "nominal"},
                  {"sort", names},
                  {"title", nullptr},
                  {"axis", {{"grid", false}, {"ticks", false}, {"domain", false}}}};
  const auto x = [&](const char* field) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"title", fmt::format("time of {} on its critical path [{}]", what, unit.name)}};
  };
  const Json bar_layer = {{"data", {{"values", values_of(bars, unit)}}},
                          {"mark", {{"type", "bar"}, {"height", 26}}},
                          {"encoding",
                           {{"y", y},
                            {"x", x("time")},
                            {"color",
                             {{"field", "part"},
                              {"type", "nominal"},
                              {"title", nullptr},
                              {"scale", part_colors(parts)},
                              {"legend", {{"orient", "bottom"}, {"columns", 3}}}}},
                            {"order", {{"field", "order"}, {"type", "quantitative"}}},
                            {"tooltip",
                             {{{"field", "part"}, {"type", "nominal"}},
                              {{"field", "time"},
                               {"type", "quantitative"},
                               {"format", ".4~g"},
                               {"title", fmt::format("time [{}]", unit.name)}},
                              {{"field", "share"}, {"type", "quantitative"}, {"format", ".1%"}}}}}}};
  // Interval and label stand below the bar, so that neither is drawn over a colour.
  const Json interval_layer = {{"data", {{"values", totals}}},
                               {"mark", {{"type", "rule"}, {"color", kInk}, {"strokeWidth", 2}, {"yOffset", 20}}},
                               {"encoding", {{"y", y}, {"x", x("lo")}, {"x2", {{"field", "hi"}}}}}};
  const Json label_layer = {
      {"data", {{"values", totals}}},
      {"mark", {{"type", "text"}, {"align", "left"}, {"baseline", "middle"}, {"dx", 6}, {"yOffset", 20}}},
      {"encoding", {{"y", y}, {"x", x("hi")}, {"text", {{"field", "label"}}}}}};
  figure["width"] = 640;
  figure["height"] = {{"step", 64}};
  figure["layer"] = Json::array({bar_layer, interval_layer, label_layer});
  return figure;
}

}  // namespace moesim::figure
