#include "moesim/figure/report_page.hpp"

#include <string_view>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "figure/html.hpp"
#include "figure/page_files.hpp"
#include "figure/parts.hpp"
#include "figure/work_parts.hpp"

namespace moesim {
namespace {

using figure::Json;

std::string json_string(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A result that is not JSON is our bug.
std::string compact(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, false);
  MOESIM_EXPECTS(!parsed.is_discarded());
  return parsed.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string array(const std::vector<std::string>& elements) {
  std::string all = "[";
  for (const std::string& one : elements) all += (all.size() > 1 ? "," : "") + compact(one);
  return all + "]";
}

std::string variants_json(const std::vector<PageVariant>& variants) {
  std::string all = "[";
  for (const PageVariant& one : variants) {
    all += (all.size() > 1 ? "," : "") + ("{\"name\":" + json_string(one.name));
    all += ",\"explanation\":" + compact(one.explanation);
    all += ",\"cluster\":" + std::to_string(one.cluster);
    all += ",\"link_use\":" + compact(one.link_use);
    all += ",\"timelines\":" + array(one.timelines) + "}";
  }
  return all + "]";
}

Json parts_json() {
  Json parts = Json::array();
  for (const figure::WorkPart& part : figure::kWorkParts) {
    Json kinds = Json::array();
    for (const std::string_view kind : part.kinds) {
      if (!kind.empty()) kinds.push_back(kind);
    }
    parts.push_back({{"name", part.name}, {"kinds", std::move(kinds)}, {"color", part.color}});
  }
  return parts;
}

std::string data_json(const ReportPage& page) {
  return "{\"title\":" + json_string(page.title) + ",\"command\":" + json_string(page.command) +
         ",\"compare_command\":" + json_string(page.compare_command) +
         ",\"what_if\":" + (page.what_if.empty() ? "null" : compact(page.what_if)) +
         ",\"no_what_if\":" + json_string(page.no_what_if) + ",\"parts\":" + parts_json().dump() +
         ",\"comparison\":" + compact(page.comparison) + ",\"clusters\":" + array(page.clusters) +
         ",\"variants\":" + variants_json(page.variants) + "}";
}

/// The template with each "@name@" replaced.
std::string filled(std::string_view html, const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string out;
  while (!html.empty()) {
    const std::size_t at = html.find('@');
    out += html.substr(0, at);
    if (at == std::string_view::npos) break;
    html.remove_prefix(at);
    bool known = false;
    for (const auto& [name, value] : values) {
      if (!html.starts_with(name)) continue;
      out += value;
      html.remove_prefix(name.size());
      known = true;
      break;
    }
    if (known) continue;
    out += '@';
    html.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::string report_page(const ReportPage& page) {
  MOESIM_EXPECTS(!page.variants.empty());
  return filled(figure::page_html(), {{"@title@", figure::html_text(page.title)},
                                      {"@style@", std::string(figure::page_style())},
                                      {"@data@", figure::script_json(data_json(page))},
                                      {"@script@", std::string(figure::page_script())}});
}

}  // namespace moesim
