#include "cli/trace_cases.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>

#include "moesim/analytic/layer.hpp"
#include "moesim/base/quantity_text.hpp"

#include "cli/csv_reader.hpp"

namespace moesim::cli {
namespace {

namespace fs = std::filesystem;

const std::set<std::string>& own_columns() {
  static const std::set<std::string> columns = {"case",      "scenario", "variant",         "part", "time_us",
                                                "tolerance", "baseline", "ratio_tolerance", "notes"};
  return columns;
}

/// One line of a trace, by column.
struct TraceLine {
  std::string file;
  int line = 0;
  std::map<std::string, CsvCell> cells;

  [[nodiscard]] std::string text(const std::string& column) const {
    const auto found = cells.find(column);
    return found == cells.end() ? "" : found->second.text;
  }
  void complain(const std::string& column, const std::string& message, std::vector<Diagnostic>& problems) const {
    const auto found = cells.find(column);
    problems.push_back({.file = file,
                        .line = line,
                        .column = found == cells.end() ? 0 : found->second.column,
                        .key = column,
                        .message = message});
  }
  [[nodiscard]] double positive(const std::string& column, double otherwise, std::vector<Diagnostic>& problems) const {
    const std::string words = text(column);
    if (words.empty() && otherwise > 0) return otherwise;
    if (const auto value = finite_number(words); value && *value > 0) return *value;
    complain(column, "must be a number above 0", problems);
    return 1;
  }
};

/// Without the lines that begin with #, which stay as empty ones so that numbers of lines are right.
std::string without_comments(const std::string& text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text[at] != '#') kept.append(text, at, end - at);
    kept += '\n';
    at = end + 1;
  }
  return kept;
}

std::vector<TraceLine> read_trace(const fs::path& file, std::vector<Diagnostic>& problems) {
  const std::string text = without_comments(read_text(file.string()));
  const std::vector<CsvRecord> records = parse_csv(text, file.string(), problems);
  std::vector<TraceLine> lines;
  if (records.empty()) {
    problems.push_back({.file = file.string(), .message = "has no header (case, scenario, part, time_us ...)"});
    return lines;
  }
  const std::vector<CsvCell>& header = records.front().cells;
  for (const char* needed : {"case", "scenario", "part", "time_us"}) {
    if (std::ranges::find(header, needed, &CsvCell::text) != header.end()) continue;
    problems.push_back(
        {.file = file.string(), .line = records.front().line, .key = needed, .message = "column is missing"});
  }
  for (std::size_t i = 1; i < records.size(); ++i) {
    TraceLine line{.file = file.string(), .line = records[i].line, .cells = {}};
    if (records[i].cells.size() != header.size()) {
      problems.push_back(
          {.file = line.file,
           .line = line.line,
           .message = fmt::format("{} cells where the header has {}", records[i].cells.size(), header.size())});
      continue;
    }
    for (std::size_t c = 0; c < header.size(); ++c) line.cells[header[c].text] = records[i].cells[c];
    lines.push_back(std::move(line));
  }
  return lines;
}

/// The scenario of a line: its file with the other columns as overrides, and the variant that it names.
Scenario scenario_of(const TraceLine& line, ScenarioLoader& loader, const CommonOptions& common) {
  const std::string word = line.text("scenario");
  const fs::path beside = fs::path(line.file).parent_path() / word;
  const fs::path file = fs::exists(beside) ? beside : find_config("scenarios", word, common.roots);
  std::vector<Override> overrides = common.overrides;
  for (const auto& [column, cell] : line.cells) {
    if (own_columns().contains(column) || cell.text.empty()) continue;
    overrides.push_back({fmt::format("{}={}", column, cell.text)});
  }
  std::vector<Scenario> scenarios = loader.load(file, overrides);
  const std::string variant = line.text("variant");
  const auto chosen = variant.empty() ? scenarios.begin() : std::ranges::find(scenarios, variant, &Scenario::variant);
  if (chosen == scenarios.end()) throw InputError(fmt::format("{} has no variant {}", word, variant));
  return std::move(*chosen);
}

std::optional<ValidationCase> read_case(const TraceLine& line, ScenarioLoader& loader, const CommonOptions& common,
                                        std::vector<Diagnostic>& problems) {
  ValidationCase one{.trace = fs::path(line.file).stem().string(),
                     .name = line.text("case"),
                     .part = line.text("part"),
                     .measured = {line.positive("time_us", 0, problems) * 1e-6},
                     .predicted = {},
                     .tolerance = line.positive("tolerance", 0.1, problems),
                     .baseline = std::nullopt,
                     .ratio_tolerance = line.positive("ratio_tolerance", 0.05, problems)};
  const auto part = std::ranges::find(kParts, one.part, &NamedPart::name);
  if (part == kParts.end()) {
    std::string names;
    for (const NamedPart& named : kParts) names.append(names.empty() ? "" : ", ").append(named.name);
    line.complain("part", fmt::format("{} is none (one of: {})", one.part, names), problems);
    return std::nullopt;
  }
  try {
    one.predicted = predict_part(scenario_of(line, loader, common), part->part);
  } catch (const InputError& error) {
    for (const Diagnostic& problem : error.diagnostics()) {  // lines share their scenario, and so its problems
      if (std::ranges::find(problems, problem) == problems.end()) problems.push_back(problem);
    }
    return std::nullopt;
  }
  return one;
}

void link_baselines(const std::vector<TraceLine>& lines, ValidationReport& report, std::size_t first,
                    std::vector<Diagnostic>& problems) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string wanted = lines[i].text("baseline");
    if (wanted.empty()) continue;
    const auto begin = report.cases.begin() + static_cast<std::ptrdiff_t>(first);
    const auto found = std::find_if(begin, report.cases.end(), [&](const auto& one) { return one.name == wanted; });
    if (found == report.cases.end()) {
      lines[i].complain("baseline", fmt::format("there is no case {} in this file", wanted), problems);
    } else {
      report.cases[first + i].baseline = static_cast<int>(found - report.cases.begin());
    }
  }
}

}  // namespace

void add_trace(const fs::path& file, ScenarioLoader& loader, const CommonOptions& common, ValidationReport& report,
               std::vector<Diagnostic>& problems) {
  const std::vector<TraceLine> lines = read_trace(file, problems);
  const std::size_t first = report.cases.size();
  for (const TraceLine& line : lines) {
    if (auto one = read_case(line, loader, common, problems)) report.cases.push_back(std::move(*one));
  }
  if (problems.empty()) link_baselines(lines, report, first, problems);
}

}  // namespace moesim::cli
