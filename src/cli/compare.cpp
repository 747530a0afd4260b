#include <fmt/format.h>

#include "moesim/report/prediction_report.hpp"
#include "moesim/report/timeline_csv.hpp"

#include "cli/cases.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/comparison.hpp"
#include "cli/engine.hpp"
#include "cli/output.hpp"

namespace moesim::cli {
namespace {

struct CompareOptions {
  CommonOptions common;
  std::vector<std::filesystem::path> scenarios;
  std::optional<std::string> baseline;
  bool dump = false;
  std::optional<std::filesystem::path> timeline;
};

CompareOptions read_compare_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  CompareOptions options;
  options.common = read_common(arguments, environment, problems);
  options.dump = arguments.given("--dump-scenario");
  options.timeline = read_recording(arguments, "--timeline", options.common, problems);
  const std::vector<std::string>& scenarios = arguments.all("SCENARIO");
  if (options.dump && scenarios.size() > 1) {
    problems.push_back({.key = "--dump-scenario", .message = "takes one scenario (the output is one YAML document)"});
  }
  throw_if_any(problems);
  for (const std::string& word : scenarios) {
    options.scenarios.push_back(find_config("scenarios", word, options.common.roots));
  }
  if (const std::string* baseline = arguments.one("--baseline")) options.baseline = *baseline;
  return options;
}

Output run_compare(const CompareOptions& options, const Environment& environment) {
  const CommonOptions& common = options.common;
  if (options.dump) {
    return {.text = dump_scenario(options.scenarios.front(), scenario_overrides(common), common.roots),
            .file = common.output};
  }
  const std::vector<NamedScenario> cases = load_cases(options.scenarios, common);
  const NamedScenario& baseline =
      options.baseline ? choose_case(cases, *options.baseline, "--baseline") : cases.front();
  RunInfo run = environment.run;
  std::vector<NamedTimelines> timelines;
  const PredictionReport report = compare_cases(cases, baseline, common, run, options.timeline ? &timelines : nullptr);
  if (options.timeline) write_file(*options.timeline, to_timeline_csv(timelines));
  Output output = render(report, run, common, environment);
  if (cases.size() == 1) {
    output.notes.push_back(fmt::format("{} has one variant only: there is nothing to compare it with", baseline.name));
  }
  return output;
}

}  // namespace

Command compare_command() {
  Command command{
      .name = "compare",
      .summary = "variants side by side, with the speed-up over the first",
      .description =
          "Predicts every variant of the scenarios (a file without variants is one) and puts them side by side: time "
          "and "
          "speed-up with their 90 % intervals, throughput, where the time goes, memory, busiest link, assumptions. The "
          "interval of a speed-up is narrower than those of the times, because both share most of their error.",
      .options = {{.name = "SCENARIO",
                   .help =
                       "YAML files, names of shipped scenarios (see 'moesim list scenarios'), or - for standard input",
                   .required = true,
                   .repeatable = true},
                  {.name = "--baseline", .value = "NAME", .help = "what to compare with (default: the first)"},
                  {.name = "--dump-scenario",
                   .help = "print the completed scenario as YAML, every default written out, instead of comparing"},
                  timeline_option()},
      .examples = {{"compare configs/scenarios/paper_training.yaml", "BigMac beside fine-grained experts, training"},
                   {"compare paper_inference --format json -o inference.json", "inference, into a file"},
                   {"compare paper_training --set cluster.nic.count=4", "the same with four network cards a machine"},
                   {"compare mine.yaml yours.yaml --baseline mine", "two files"}}};
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_compare(read_compare_options(arguments, environment), environment);
  };
  return command;
}

}  // namespace moesim::cli
