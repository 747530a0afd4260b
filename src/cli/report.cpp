#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <thread>
#include <variant>

#include "moesim/figure/report_page.hpp"
#include "moesim/report/cluster_drawing.hpp"
#include "moesim/report/explain_report.hpp"
#include "moesim/report/timeline_excerpt.hpp"
#include "moesim/report/what_if_report.hpp"
#include "moesim/sim/simulate.hpp"

#include "cli/cases.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/comparison.hpp"
#include "cli/terminal_line.hpp"

namespace moesim::cli {
namespace {

/// The command line as a reader would type it: the program without its folder.
std::string command_of(const RunInfo& run) {
  std::string command;
  for (const std::string& word : run.arguments) {
    command += command.empty() ? word.substr(word.rfind('/') + 1) : " " + word;
  }
  return command;
}

std::vector<std::string> timelines_of(const Scenario& scenario) {
  std::vector<Timeline> timelines;
  static_cast<void>(predict_by_flows(scenario, {.record = true, .record_flows = false}, &timelines));
  std::vector<std::string> all;
  for (const Timeline& timeline : timelines) {
    const char* const name = scenario.mode() == Mode::training ? "training step"
                             : all.empty()                     ? "prefill"
                                                               : "decode step";
    if (!timeline.ops.empty()) all.push_back(to_json(excerpt_of(timeline, scenario.parallelism, name)));
  }
  return all;
}

/// Drawings of the clusters that the variants are on, each once.
class Clusters {
 public:
  /// @return index into drawings()
  std::size_t index_of(const std::shared_ptr<const Topology>& topology) {
    const auto [found, is_new] = known_.try_emplace(topology.get(), drawings_.size());
    if (is_new) {
      drawings_.push_back(draw_cluster(*topology));
      texts_.push_back(to_json(drawings_.back(), *topology));
    }
    return found->second;
  }
  [[nodiscard]] const ClusterDrawing& drawing(std::size_t index) const { return drawings_[index]; }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::map<const Topology*, std::size_t> known_;
  std::vector<ClusterDrawing> drawings_;
  std::vector<std::string> texts_;
};

/// The comparison of the same scenario, with the settings that were given.
std::string compare_command_of(const std::string& scenario, const CommonOptions& common) {
  std::string command = "moesim compare " + scenario;
  for (const Override& one : common.overrides) command += " --set " + one.text;
  if (common.seed) command += fmt::format(" --seed {}", *common.seed);
  return command;
}

/// Where tokens are routed unevenly, a point is a few dozen drawn routings: a grid of thousands would take an hour.
bool is_even(const NamedScenario& one) {
  const RoutingConfig& routing = one.scenario.routing;
  return !one.scenario.model.moe ||
         (std::holds_alternative<UniformRouting>(routing.distribution) && !routing.sampling_noise);
}

void add_what_if(ReportPage& page, const std::filesystem::path& file, const std::vector<NamedScenario>& cases,
                 const CommonOptions& common, TerminalLine& line) {
  if (!std::ranges::all_of(cases, is_even)) {
    page.no_what_if =
        "No sliders: experts are loaded unevenly here, so that every point is drawn anew and takes long. moesim sweep "
        "computes the points that are wanted.";
    return;
  }
  const std::vector<Override> overrides = scenario_overrides(common);
  const int jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  page.what_if = to_json(what_if(
      file, overrides, common.roots, what_if_axes(file, overrides, common.roots),
      {.jobs = jobs, .progress = [&line](double done) { line.show(fmt::format("what if: {:.0f} %", 100 * done)); }}));
}

Output run_report(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  const CommonOptions common = read_common(arguments, environment, problems);
  require_closed_form(common, problems);
  throw_if_any(problems);
  const std::filesystem::path file = find_config("scenarios", *arguments.one("SCENARIO"), common.roots);
  if (file == "-") throw InputError("report reads the scenario several times: it takes a file, not standard input");
  const std::vector<NamedScenario> cases = load_cases({file}, common);
  RunInfo run = environment.run;
  const PredictionReport comparison = compare_cases(cases, cases.front(), common, run);

  ReportPage page{.title = cases.front().scenario.name,
                  .command = command_of(run),
                  .compare_command = compare_command_of(*arguments.one("SCENARIO"), common),
                  .comparison = {},
                  .clusters = {},
                  .variants = {},
                  .what_if = {},
                  .no_what_if = {}};
  Clusters clusters;
  TerminalLine line;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Scenario& scenario = cases[i].scenario;
    const Prediction& prediction = comparison.cases[i].prediction;
    line.show(fmt::format("explaining {}", cases[i].name));
    const ExplainReport explanation{.name = cases[i].name,
                                    .setting = comparison.cases[i].setting,
                                    .explanation = explain(file, scenario_overrides(common), common.roots, i,
                                                           [](const Scenario& one) { return predict(one); })};
    line.show(fmt::format("simulating {}", cases[i].name));
    const std::size_t cluster = clusters.index_of(scenario.cluster.topology);
    page.variants.push_back({.name = cases[i].name,
                             .explanation = to_json(explanation, run),
                             .cluster = cluster,
                             .link_use = to_json(use_of(clusters.drawing(cluster), *scenario.cluster.topology,
                                                        prediction.link_bytes, prediction.step_time.time)),
                             .timelines = timelines_of(scenario)});
  }
  add_what_if(page, file, cases, common, line);
  line.clear();
  page.comparison = to_json(comparison, run);
  page.clusters = clusters.texts();
  return {.text = report_page(page), .file = common.output};
}

}  // namespace

Command report_command() {
  Command command{
      .name = "report",
      .summary = "a scenario on one self-contained page (HTML)",
      .description =
          "Everything about a scenario and its variants on one page that works offline: comparison with intervals, "
          "where "
          "the time goes, sliders for network bandwidth, EP, top-k, batch and width of the all-to-all, the cluster "
          "with "
          "its hot links, a timeline that zooms, what would save time, assumptions, and the provenance of every law "
          "used. "
          "Times are those of the closed form; the timeline is the flow engine's.",
      .options = {{.name = "SCENARIO",
                   .help = "YAML file or name of a shipped scenario (see 'moesim list scenarios')",
                   .required = true}},
      .examples = {
          {"report paper_training -o report.html", "BigMac beside fine-grained experts, everything on one page"},
          {"report mine.yaml --set cluster.nic.count=4 -o four_nics.html", "the same for another cluster"}}};
  const std::vector<Option> common = common_options();
  std::ranges::copy_if(common, std::back_inserter(command.options),
                       [](const Option& option) { return option.name != "--format" && option.name != "--engine"; });
  command.run = run_report;
  return command;
}

}  // namespace moesim::cli
