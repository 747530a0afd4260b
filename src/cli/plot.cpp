#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "moesim/figure/figure.hpp"

#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/csv_reader.hpp"
#include "cli/renderer.hpp"

namespace moesim::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kEndings = {".vl.json", ".html", ".svg", ".png"};

struct PlotOptions {
  std::vector<std::string> results;
  FigureOptions figure;
  std::optional<fs::path> output;
  std::string_view ending = kEndings.front();
  std::optional<fs::path> renderer;
  ConfigRoots roots;
};

PlotOptions read_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  PlotOptions options;
  const CommonOptions common = read_common(arguments, environment, problems);
  options.roots = common.roots;
  options.output = common.output;
  options.results = arguments.all("RESULT");
  if (options.output) {
    const std::string name = options.output->string();
    const auto ending = std::ranges::find_if(kEndings, [&](std::string_view one) { return name.ends_with(one); });
    if (ending != kEndings.end()) {
      options.ending = *ending;
    } else {
      problems.push_back(
          {.key = "--output " + name,
           .message = fmt::format("has an ending that is no figure's (one of: {})", fmt::join(kEndings, ", "))});
    }
  }
  const auto word = [&](const char* option, std::string& into) {
    if (const std::string* text = arguments.one(option)) into = *text;
  };
  word("--title", options.figure.title);
  word("--x", options.figure.x);
  word("--y", options.figure.y);
  word("--value", options.figure.value);
  if (const std::string* folder = arguments.one("--renderer")) options.renderer = *folder;
  if (const std::string* name = arguments.one("--figure")) {
    options.figure.kind = std::ranges::find(kFigures, *name, &NamedFigure::name)->kind;  // the parser knows the choices
  }
  for (const std::string& text : arguments.all("--where")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.push_back({.key = "--where " + text, .message = "must be COLUMN=VALUE (as they stand in the table)"});
    } else {
      options.figure.where.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  throw_if_any(problems);
  return options;
}

ResultTable table_of(const std::string& text, const std::string& file) {
  std::vector<Diagnostic> problems;
  const std::vector<CsvRecord> records = parse_csv(text, file, problems);
  ResultTable table;
  for (std::size_t r = 0; r < records.size(); ++r) {
    std::vector<std::string> cells;
    for (const CsvCell& cell : records[r].cells) cells.push_back(cell.text);
    if (r == 0) {
      table.columns = std::move(cells);
    } else if (cells.size() == table.columns.size()) {
      table.rows.push_back(std::move(cells));
    } else {
      problems.push_back({.file = file,
                          .line = records[r].line,
                          .message = fmt::format("has {} cells (the first line names {} columns)", cells.size(),
                                                 table.columns.size())});
    }
  }
  throw_if_any(problems);
  return table;
}

ResultFile read_result(const std::string& file) {
  std::string text = read_text(file);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) throw InputError({{.file = file, .message = "is empty (a result is expected)"}});
  if (text[first] == '{' || text[first] == '[') return {.name = file, .json = std::move(text)};
  return {.name = file, .table = table_of(text, file)};
}

Output run_plot(const PlotOptions& options, const Environment& environment) {
  std::vector<ResultFile> results;
  for (const std::string& file : options.results) results.push_back(read_result(file));
  std::string spec = figure_spec(results, options.figure, environment.run);
  if (options.ending == kEndings.front()) return {.text = std::move(spec), .file = options.output};

  const auto renderer = find_renderer(options.renderer, options.roots);
  if (!renderer) {
    fs::path instead = *options.output;
    instead.replace_extension(kEndings.front());
    std::string note = fmt::format(
        "{}: not drawn, the renderer is not installed; wrote the specification {} instead (scripts/setup.sh figures "
        "installs the renderer, --renderer FOLDER names another place)",
        options.output->string(), instead.string());
    return {.text = std::move(spec), .file = instead, .notes = {std::move(note)}, .status = 1};
  }
  if (options.ending == ".html") {
    return {.text = figure_page(spec, read_text(renderer->scripts.string())), .file = options.output};
  }
  return {.text = draw(*renderer, spec, std::string(options.ending)), .file = options.output};
}

}  // namespace

Command plot_command() {
  Command command{
      .name = "plot",
      .summary = "results as figures: HTML that works offline, SVG, PNG",
      .description =
          "Draws what other commands wrote: predict and compare (JSON) as stacked breakdowns (also as roofline and "
          "expert_load), explain (JSON) as "
          "sensitivities, validate (JSON) as predicted against measured, sweeps (CSV) as lines with their intervals "
          "over one key or as a heat map over two, search as time against memory, calibrate --residuals as measured "
          "over predicted, traces of the flow engine as a "
          "timeline of ranks or as the use of "
          "links. A figure is a Vega-Lite specification (.vl.json); the other endings are drawn from it by a renderer "
          "that scripts/setup.sh installs.",
      .options = {{.name = "RESULT",
                   .help =
                       "files that moesim wrote with --format json or --trace, or CSV of a sweep; - for standard input",
                   .required = true,
                   .repeatable = true},
                  {.name = "--figure",
                   .value = "FIGURE",
                   .help = "what to draw (default: what the result is usually drawn as)",
                   .choices = {}},
                  {.name = "--x", .value = "COLUMN", .help = "sweeps: the swept key along the axis"},
                  {.name = "--y", .value = "COLUMN", .help = "sweeps: the second swept key, for a heat map"},
                  {.name = "--value",
                   .value = "COLUMN",
                   .help = "sweeps: what is drawn, of one variant (bigmac.mfu) or all (mfu); default: speed-ups"},
                  {.name = "--where",
                   .value = "COLUMN=VALUE",
                   .help = "sweeps: only the rows with this value; traces: rank=3, stream=compute, link=nic, "
                           "from=1.2s, to=1.4s; compare: variant=bigmac; residuals: law=gemm.bf16",
                   .repeatable = true},
                  {.name = "--title", .value = "TEXT", .help = "instead of the usual title"},
                  {.name = "--renderer",
                   .value = "FOLDER",
                   .help = "where scripts/setup.sh put the renderer (default: build/figures)"}},
      .examples = {
          {"plot compare.json -o breakdown.svg", "where the time goes, variant by variant"},
          {"plot sweep.csv -o speedup.html", "a page that opens anywhere, without a network"},
          {"plot sweep.csv --x cluster.nic.bandwidth_Bps --where cluster.nic.count=2 -o nic.png", "a part of a sweep"},
          {"plot trace.json --where rank=0 --where from=10ms --where to=20ms -o layer.svg", "a part of a timeline"},
          {"plot compare.json --figure roofline --where variant=bigmac -o roofline.png", "how good are its kernels?"},
          {"plot residuals.csv --where law=gemm.bf16 -o residuals.png", "which products does the law miss?"},
          {"plot validation.json", "the specification, for other tools"}}};
  for (const NamedFigure& figure : kFigures) command.options[1].choices.emplace_back(figure.name);
  const std::vector<Option> common = common_options({.model = false});
  std::ranges::copy_if(common, std::back_inserter(command.options),
                       [](const Option& option) { return option.name != "--format"; });
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_plot(read_options(arguments, environment), environment);
  };
  return command;
}

}  // namespace moesim::cli
