#include "moesim/report/explain_report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "moesim/base/quantity_text.hpp"
#include "moesim/model/counts.hpp"

#include "report/csv.hpp"
#include "report/json_text.hpp"
#include "report/text.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;
using Align = text::Grid::Align;

constexpr std::size_t kLinksShown = 8;
constexpr std::string_view kLegend =
    "Every number is a run of the model with that input changed. 1 % better: per cent of the time saved when the "
    "resource is 1 % better (bandwidth up, latency down). The first rows are independent of each other and add up to 1 "
    "where nothing switches over; SM count (each with its FLOPS) and NICs per machine are other ways to buy the same.";

/// "12500000000B/s" as people read it.
std::string readable(const std::string& value) {
  if (const auto rate = parse_quantity<BytesPerSecond>(value)) return format_quantity(*rate);
  if (const auto time = parse_quantity<Seconds>(value)) return format_quantity(*time);
  if (const auto rate = parse_quantity<FlopsPerSecond>(value)) return format_quantity(*rate);
  return value;
}

/// Different values once each; the FLOPS that come with multiprocessors are left out.
std::string value_text(const Sensitivity& one) {
  if (one.values.empty()) return "fitted";
  if (!is_independent(one.resource->kind)) return one.values.front();
  std::vector<std::string> seen;
  for (const std::string& value : one.values) {
    const std::string words = readable(value);
    if (std::find(seen.begin(), seen.end(), words) == seen.end()) seen.push_back(words);
  }
  std::string all;
  for (std::size_t i = 0; i < seen.size() && i < 2; ++i) all += (i == 0 ? "" : ", ") + seen[i];
  return seen.size() > 2 ? all + " ..." : all;
}

std::string time_and_saving(const std::optional<Seconds>& time, Seconds now) {
  if (!time) return "-";
  const double saved = 1 - *time / now;
  return fmt::format("{}  {:5.1f} %", format_quantity(*time), saved == 0 ? 0.0 : 100 * saved);
}

std::string path_table(const Prediction& prediction, const TextStyle& style) {
  constexpr std::size_t kBarWidth = 40;
  text::Grid grid;
  grid.column("critical path", Align::left);
  grid.column("time", Align::right);
  grid.column("share", Align::right);
  grid.column("", Align::left);
  std::vector<BreakdownEntry> parts = prediction.breakdown;
  std::ranges::stable_sort(parts, std::greater<>(), &BreakdownEntry::time);
  const Seconds all = prediction.step_time.time;
  for (const BreakdownEntry& part : parts) {
    grid.row({work_kind_words(part.kind), format_quantity(part.time), text::percent(part.time / all),
              text::bar(part.time / all, kBarWidth)});
  }
  return grid.render(style);
}

std::string link_table(const std::vector<LinkClass>& links, const TextStyle& style) {
  if (links.empty()) return {};
  text::Grid grid;
  grid.column("links", Align::left);
  grid.column("how many", Align::right);
  grid.column("capacity", Align::right);
  grid.column("busiest", Align::right);
  grid.column("mean", Align::right);
  for (std::size_t i = 0; i < links.size() && i < kLinksShown; ++i) {
    const LinkClass& one = links[i];
    grid.row({one.name, fmt::format("{}", one.count), format_quantity(one.capacity), text::percent(one.utilization_max),
              text::percent(one.utilization_mean)});
  }
  return "\n" + grid.render(style);
}

std::string resource_table(const Explanation& explanation, const TextStyle& style) {
  const Seconds now = explanation.prediction.step_time.time;
  text::Grid grid;
  grid.column("resource", Align::left);
  grid.column("now", Align::left);
  grid.column("1 % better", Align::right);
  grid.column("twice", Align::right);
  grid.column("a hundred times", Align::right);
  const auto row = [&](const Sensitivity& one) {
    const bool whole = !is_independent(one.resource->kind);
    grid.row({std::string(one.resource->title), value_text(one), fmt::format("{:.3f} %", one.elasticity),
              time_and_saving(one.doubled, now), whole ? "" : time_and_saving(one.removed, now)});
  };
  for (const Sensitivity& one : explanation.sensitivities) {
    if (is_independent(one.resource->kind)) row(one);
  }
  grid.row({"all of these", "", fmt::format("{:.3f} %", explanation.elasticity_sum),
            time_and_saving(explanation.all_doubled, now), ""});
  for (const Sensitivity& one : explanation.sensitivities) {
    if (!is_independent(one.resource->kind)) row(one);
  }
  return "\n" + grid.render(style);
}

Json optional_json(const std::optional<Seconds>& time) { return time ? Json(json_number(time->value)) : Json(nullptr); }

Json resource_json(const Sensitivity& one) {
  Json settings = Json::object();
  for (std::size_t i = 0; i < one.keys.size(); ++i) settings[one.keys[i]] = one.values[i];
  return {{"name", one.resource->name},
          {"title", one.resource->title},
          {"settings", std::move(settings)},
          {"independent", is_independent(one.resource->kind)},
          {"elasticity", json_number(one.elasticity)},
          {"elasticity_step", one.step},
          {"doubled_step_time_s", optional_json(one.doubled)},
          {"removed_step_time_s", optional_json(one.removed)},
          {"utilization", one.busiest ? Json(json_number(*one.busiest)) : Json(nullptr)}};
}

}  // namespace

std::string to_table(const ExplainReport& report, const RunInfo& run, const TextStyle& style) {
  const Explanation& explanation = report.explanation;
  const auto columns = static_cast<std::size_t>(std::max(style.width, 0));
  std::string heading = explanation.prediction.scenario;
  if (report.name != heading) heading += ", " + report.name;
  std::string out = text::title(heading, style) + "\n";
  for (const std::string& sentence : explanation.sentences) out += text::wrapped("  ", sentence, columns);
  out += "\n" + path_table(explanation.prediction, style);
  out += link_table(explanation.links, style);
  out += resource_table(explanation, style);
  for (const std::string& note : explanation.notes) out += "\n" + text::wrapped("", note, columns);
  out += "\n" + text::wrapped("", kLegend, columns);
  return out + text::footer(run, style);
}

std::string to_json(const ExplainReport& report, const RunInfo& run) {
  const Explanation& explanation = report.explanation;
  const Prediction& prediction = explanation.prediction;
  const Seconds now = prediction.step_time.time;
  const Interval interval = prediction.step_time.interval();
  Json json = {{"scenario", prediction.scenario},
               {"variant", prediction.variant},
               {"mode", prediction.mode == Mode::training ? "training" : "inference"},
               {"engine", run.engine},
               {"step_time_s", json_number(now.value)},
               {"interval_s", {json_number(interval.lo.value), json_number(interval.hi.value)}},
               {"exposed_communication_s", json_number(prediction.exposed_communication.value)}};
  Json path = Json::array();
  for (const BreakdownEntry& part : prediction.breakdown) {
    path.push_back({{"name", work_kind_name(part.kind)},
                    {"time_s", json_number(part.time.value)},
                    {"share", json_number(part.time / now)}});
  }
  Json links = Json::array();
  for (const LinkClass& one : explanation.links) {
    links.push_back({{"links", one.name},
                     {"kind", link_kind_name(one.kind)},
                     {"count", one.count},
                     {"capacity_Bps", json_number(one.capacity.value)},
                     {"utilization_max", json_number(one.utilization_max)},
                     {"utilization_mean", json_number(one.utilization_mean)}});
  }
  Json resources = Json::array();
  for (const Sensitivity& one : explanation.sensitivities) resources.push_back(resource_json(one));
  Json removals = Json::array();
  for (const Removal& one : explanation.removals) {
    removals.push_back({{"name", one.resource->name},
                        {"elasticity", json_number(one.elasticity)},
                        {"step_time_s", json_number(one.step_time.value)}});
  }
  json["critical_path"] = std::move(path);
  json["links"] = std::move(links);
  json["resources"] = std::move(resources);
  json["elasticity_sum"] = json_number(explanation.elasticity_sum);
  json["all_doubled_step_time_s"] = json_number(explanation.all_doubled.value);
  json["binds_after_doubling"] =
      explanation.after_doubling != nullptr ? Json(explanation.after_doubling->name) : Json(nullptr);
  json["removals"] = std::move(removals);
  json["sentences"] = explanation.sentences;
  json["notes"] = explanation.notes;
  json["provenance"] = provenance_json(run);
  return json_text(json);
}

std::string to_csv(const ExplainReport& report, const RunInfo& run) {
  const Explanation& explanation = report.explanation;
  std::vector<csv::Row> rows;
  for (const Sensitivity& one : explanation.sensitivities) {
    const auto cell = [](const auto& value) { return value ? csv::cell(value->value) : std::string(); };
    rows.push_back({{"scenario", csv::cell(explanation.prediction.scenario)},
                    {"variant", csv::cell(explanation.prediction.variant)},
                    {"resource", csv::cell(one.resource->name)},
                    {"independent", is_independent(one.resource->kind) ? "true" : "false"},
                    {"elasticity", csv::cell(one.elasticity)},
                    {"elasticity_step", csv::cell(one.step)},
                    {"step_time_s", csv::cell(explanation.prediction.step_time.time.value)},
                    {"doubled_step_time_s", cell(one.doubled)},
                    {"removed_step_time_s", cell(one.removed)},
                    {"utilization", one.busiest ? csv::cell(*one.busiest) : std::string()},
                    {"engine", csv::cell(run.engine)},
                    {"version", csv::cell(run.version)},
                    {"git_commit", csv::cell(run.git_commit)}});
  }
  return csv::table(rows);
}

}  // namespace moesim
