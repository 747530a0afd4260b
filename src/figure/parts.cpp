#include "figure/parts.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

namespace moesim::figure {
namespace {

constexpr std::size_t kCaptionColumns = 80;  // of the narrowest figure, in a wide font

struct Ending {
  std::string_view ending;
  std::array<Unit, 4> units;  ///< largest first
};
constexpr std::array kEndings = {
    Ending{"_Bps", {Unit{1e12, "TB/s"}, Unit{1e9, "GB/s"}, Unit{1e6, "MB/s"}, Unit{1, "B/s"}}},
    Ending{"_FLOPS", {Unit{1e15, "PFLOPS"}, Unit{1e12, "TFLOPS"}, Unit{1e9, "GFLOPS"}, Unit{1, "FLOPS"}}},
    Ending{"_s", {Unit{1, "s"}, Unit{1e-3, "ms"}, Unit{1e-6, "us"}, Unit{1e-9, "ns"}}},
    Ending{"_B", {Unit{1e9, "GB"}, Unit{1e6, "MB"}, Unit{1e3, "kB"}, Unit{1, "B"}}},
};

/// "x.step_time_s", but also "x.interval_s_lo"; not "tokens_per_s", which is a rate.
const Ending* ending_of(std::string_view column) {
  if (column.ends_with("_per_s")) return nullptr;
  for (const Ending& one : kEndings) {
    if (column.ends_with(one.ending)) return &one;
  }
  return nullptr;
}

bool is_about_files(std::string_view option) {
  constexpr std::array<std::string_view, 5> kOptions = {"-o", "--output", "--format", "--config-root", "--trace"};
  return std::ranges::find(kOptions, option) != kOptions.end();
}

}  // namespace

Unit column_unit(std::string_view column, double largest) {
  const Ending* const ending = ending_of(column);
  if (ending == nullptr) return {};
  for (const Unit& unit : ending->units) {
    if (std::abs(largest) >= unit.size) return unit;
  }
  return ending->units.back();
}

Unit time_unit(double largest_seconds) { return column_unit("_s", largest_seconds); }

std::string column_title(std::string_view column, const Unit& unit) {
  if (const Ending* const ending = ending_of(column)) column.remove_suffix(ending->ending.size());
  return unit.name.empty() ? std::string(column) : fmt::format("{} [{}]", column, unit.name);
}

Json frame(std::string title, std::vector<std::string> caption) {
  const Json axis = {{"labelColor", kInk}, {"titleColor", kInk},  {"domainColor", kInk}, {"tickColor", kInk},
                     {"gridColor", kInk},  {"gridOpacity", 0.25}, {"labelFontSize", 12}, {"titleFontSize", 12}};
  return {{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
          {"title",
           {{"text", std::move(title)},
            {"subtitle", std::move(caption)},
            {"anchor", "start"},
            {"frame", "group"},
            {"offset", 12}}},
          {"background", nullptr},
          {"config",
           {{"font", "Arial, Helvetica, sans-serif"},
            {"padding", 12},
            {"view", {{"stroke", nullptr}}},
            {"title", {{"color", kInk}, {"subtitleColor", kInk}, {"fontSize", 14}, {"subtitleFontSize", 11}}},
            {"axis", axis},
            {"legend",
             {{"columnPadding", 30},
              {"labelColor", kInk},
              {"titleColor", kInk},
              {"labelFontSize", 12},
              {"titleFontSize", 12}}},
            {"text", {{"color", kInk}, {"fontSize", 12}}}}}};
}

Json time_axis(const char* field, double from, double to, const Unit& unit) {
  return {{"field", field},
          {"type", "quantitative"},
          {"scale", {{"domain", {from, to}}, {"nice", false}, {"zero", false}}},
          {"title", fmt::format("time [{}]", unit.name)}};
}

Json lane_axis(const char* field, Json names) {
  return {{"field", field},
          {"type", "nominal"},
          {"sort", std::move(names)},
          {"title", nullptr},
          {"axis", {{"grid", false}, {"ticks", false}, {"domain", false}, {"labelLimit", 360}}}};
}

Json zoom_over_time() {
  return {{"name", "zoom"}, {"select", {{"type", "interval"}, {"encodings", {"x"}}}}, {"bind", "scales"}};
}

Json parse_json(const ResultFile& file) {
  Json json = Json::parse(file.json, nullptr, false);
  if (json.is_object()) return json;
  throw InputError({{.file = file.name, .message = "is no result of moesim in JSON (use --format json)"}});
}

double number_at(const Json& object, const char* key, const std::string& file) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found != object.end() && found->is_number()) return found->get<double>();
  throw InputError(
      {{.file = file, .key = key, .message = "is not there, or is no number (a result of moesim has it)"}});
}

std::string text_at(const Json& object, const char* key, const std::string& file) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  throw InputError({{.file = file, .key = key, .message = "is not there, or is no text (a result of moesim has it)"}});
}

Json chosen_case(const Json& json, const ResultFile& file, const FigureOptions& options) {
  const auto variants = json.find("variants");
  if (variants == json.end()) return json;
  const auto asked = std::ranges::find(options.where, "variant", &std::pair<std::string, std::string>::first);
  std::string names;
  for (const Json& variant : *variants) {
    const std::string name = text_at(variant, "name", file.name);
    if (asked == options.where.end() || asked->second == name) return variant;
    names += (names.empty() ? "" : ", ") + name;
  }
  throw InputError({{.file = file.name,
                     .key = "--where variant",
                     .message = fmt::format("names none of its variants (there are: {})", names)}});
}

std::string case_name(const Json& of_case, const ResultFile& file) {
  const std::string variant = of_case.contains("variant") ? text_at(of_case, "variant", file.name) : std::string();
  return text_at(of_case, "scenario", file.name) + (variant.empty() ? "" : ", ") + variant;
}

std::string source_of(const Json& result, const std::string& file, const RunInfo& run) {
  const auto provenance = result.find("provenance");
  if (provenance == result.end() || !provenance->is_object()) {
    return fmt::format("{} · drawn by moesim {} ({})", file.substr(file.rfind('/') + 1), run.version, run.git_commit);
  }
  std::string command;
  if (const auto words = provenance->find("arguments"); words != provenance->end() && words->is_array()) {
    bool skip = false;  // the value of an option that says where or how to write, not what to compute
    for (const Json& word : *words) {
      if (!word.is_string()) continue;
      std::string text = word.get<std::string>();
      const bool value = std::exchange(skip, is_about_files(text));
      if (value || skip) continue;
      if (command.empty()) text = text.substr(text.rfind('/') + 1);  // the program, without its folder
      command += (command.empty() ? "" : " ") + text;
    }
  }
  return fmt::format("moesim {} ({}) · {}", text_at(*provenance, "version", file),
                     text_at(*provenance, "git_commit", file), command);
}

std::vector<std::string> caption_lines(const std::vector<std::string>& sentences) {
  std::vector<std::string> lines;
  for (const std::string& sentence : sentences) {
    std::string line;
    for (std::size_t begin = 0; begin < sentence.size();) {
      const std::size_t end = std::min(sentence.find(' ', begin), sentence.size());
      const std::string word = sentence.substr(begin, end - begin);
      if (!line.empty() && line.size() + word.size() >= kCaptionColumns) {
        lines.push_back(std::move(line));
        line.clear();
      }
      line += (line.empty() ? "" : " ") + word;
      begin = end + 1;
    }
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

double cell_number(const ResultFile& file, std::size_t row, std::size_t column) {
  const std::string& text = file.table->rows[row][column];
  if (const auto value = finite_number(text)) return *value;
  throw InputError({{.file = file.name,
                     .line = static_cast<int>(row) + 2,
                     .key = file.table->columns[column],
                     .message = fmt::format("\"{}\" is no number", text)}});
}

}  // namespace moesim::figure
