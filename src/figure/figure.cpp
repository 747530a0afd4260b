#include "moesim/figure/figure.hpp"

#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

#include "figure/html.hpp"
#include "figure/parts.hpp"
#include "figure/sweep_table.hpp"
#include "figure/trace_events.hpp"

namespace moesim {
namespace {

using figure::Json;

FigureKind usual_kind(const ResultFile& result, const FigureOptions& options) {
  if (result.table && figure::is_search(*result.table)) return FigureKind::pareto;
  if (result.table && figure::is_residuals(*result.table)) return FigureKind::residuals;
  if (result.table) {
    const figure::SweepTable table(result, options);
    const bool one_axis = table.axes().size() < 2 || !options.x.empty();
    return one_axis && options.y.empty() ? FigureKind::speedup : FigureKind::heat_map;
  }
  if (figure::is_trace(result)) return figure::has_spans(result) ? FigureKind::timeline : FigureKind::links;
  const Json json = figure::parse_json(result);
  if (json.contains("list")) return FigureKind::pareto;
  if (json.contains("cases")) return FigureKind::measured;
  if (json.contains("resources")) return FigureKind::sensitivity;
  if (json.contains("variants") || json.contains("breakdown")) return FigureKind::breakdown;
  throw InputError(
      {{.file = result.name,
        .message = "is none of the results that are drawn (predict, compare, explain, validate, search in JSON; "
                   "traces of the flow engine; sweep, search and residuals in CSV)"}});
}

Json figure_of(FigureKind kind, const std::vector<ResultFile>& results, const FigureOptions& options,
               const RunInfo& run) {
  const bool several = kind == FigureKind::breakdown || kind == FigureKind::measured;
  if (!several && results.size() > 1) {
    throw InputError({{.file = results[1].name, .message = "is one result too many (this figure shows one)"}});
  }
  switch (kind) {
    case FigureKind::breakdown:
      return figure::breakdown_figure(results, options, run);
    case FigureKind::speedup:
      return figure::speedup_figure(results.front(), options, run);
    case FigureKind::heat_map:
      return figure::heat_map_figure(results.front(), options, run);
    case FigureKind::measured:
      return figure::measured_figure(results, options, run);
    case FigureKind::timeline:
      return figure::timeline_figure(results.front(), options, run);
    case FigureKind::links:
      return figure::links_figure(results.front(), options, run);
    case FigureKind::pareto:
      return figure::pareto_figure(results.front(), options, run);
    case FigureKind::roofline:
      return figure::roofline_figure(results.front(), options, run);
    case FigureKind::expert_load:
      return figure::expert_load_figure(results.front(), options, run);
    case FigureKind::residuals:
      return figure::residuals_figure(results.front(), options, run);
    case FigureKind::sensitivity:
      break;
  }
  return figure::sensitivity_figure(results.front(), options, run);
}

}  // namespace

std::string figure_spec(const std::vector<ResultFile>& results, const FigureOptions& options, const RunInfo& run) {
  MOESIM_EXPECTS(!results.empty());
  const FigureKind kind = options.kind ? *options.kind : usual_kind(results.front(), options);
  const Json spec = figure_of(kind, results, options, run);
  return spec.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string figure_page(const std::string& spec, const std::string& scripts) {
  const Json json = Json::parse(spec);
  const std::string title = json.at("title").at("text").get<std::string>();
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      // The page may run its own scripts and nothing else: the browser refuses whatever would need a network.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' "
      "'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<style>:root{{color-scheme:light dark}}body{{margin:2em;font-family:sans-serif}}</style>\n"
      "</head>\n<body>\n<div id=\"figure\"></div>\n<script>{}</script>\n<script>\n"
      "vegaEmbed('#figure', {}, {{renderer: 'svg', actions: {{export: true, source: true, compiled: false, editor: "
      "false}}}})\n  .then(() => document.documentElement.dataset.drawn = 'yes').catch(console.error);\n"
      "</script>\n</body>\n</html>\n",
      figure::html_text(title), scripts, figure::script_json(spec));
}

}  // namespace moesim
