#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"

namespace moesim::figure {

Json sensitivity_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const Json json = parse_json(result);
  const auto resources = json.find("resources");
  if (resources == json.end() || !resources->is_array()) {
    throw InputError({{.file = result.name, .key = "resources", .message = "is not there (explain writes it)"}});
  }
  Json values = Json::array();
  Json names = Json::array();
  for (const Json& one : *resources) {
    if (!one.value("independent", false)) continue;
    const std::string name = text_at(one, "title", result.name);
    const double elasticity = number_at(one, "elasticity", result.name);
    names.push_back(name);
    values.push_back({{"resource", name}, {"saved", elasticity}, {"label", fmt::format("{:.3f} %", elasticity)}});
  }
  std::string variant = text_at(json, "variant", result.name);
  const std::string title = fmt::format("What a better resource saves: {}{}{}", text_at(json, "scenario", result.name),
                                        variant.empty() ? "" : ", ", variant);
  Json figure =
      frame(options.title.empty() ? title : options.title,
            caption_lines({"Per cent of the time saved by 1 % more bandwidth or FLOPS, or 1 % less delay; each "
                           "from two runs of the model.",
                           source_of(json, result.name, run)}));
  const Json y = {{"field", "resource"},
                  {"type", "nominal"},
                  {"sort", names},
                  {"title", nullptr},
                  {"axis", {{"grid", false}, {"ticks", false}, {"labelLimit", 240}}}};
  const Json x = {{"field", "saved"}, {"type", "quantitative"}, {"title", "time saved per 1 % better [%]"}};
  figure["width"] = 520;
  figure["height"] = {{"step", 22}};
  figure["data"] = {{"values", std::move(values)}};
  figure["layer"] =
      Json::array({{{"mark", {{"type", "bar"}, {"color", kPalette[1]}}}, {"encoding", {{"y", y}, {"x", x}}}},
                   {{"mark", {{"type", "text"}, {"align", "left"}, {"dx", 4}}},
                    {"encoding", {{"y", y}, {"x", x}, {"text", {{"field", "label"}}}}}}});
  return figure;
}

}  // namespace moesim::figure
