#include <algorithm>
#include <fmt/format.h>

#include "moesim/report/prediction_report.hpp"
#include "moesim/report/timeline_csv.hpp"
#include "moesim/report/trace.hpp"

#include "cli/cases.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/engine.hpp"
#include "cli/output.hpp"

namespace moesim::cli {
namespace {

struct PredictOptions {
  CommonOptions common;
  std::filesystem::path scenario;
  std::optional<std::string> variant;
  bool dump = false;
  std::optional<std::filesystem::path> trace;
  std::optional<std::filesystem::path> timeline;
};

PredictOptions read_predict_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  PredictOptions options;
  options.common = read_common(arguments, environment, problems);
  options.trace = read_recording(arguments, "--trace", options.common, problems);
  options.timeline = read_recording(arguments, "--timeline", options.common, problems);
  throw_if_any(problems);
  options.scenario = find_config("scenarios", *arguments.one("SCENARIO"), options.common.roots);
  if (const std::string* variant = arguments.one("--variant")) options.variant = *variant;
  options.dump = arguments.given("--dump-scenario");
  return options;
}

Output run_predict(const PredictOptions& options, const Environment& environment) {
  const CommonOptions& common = options.common;
  if (options.dump) {
    return {.text = dump_scenario(options.scenario, scenario_overrides(common), common.roots), .file = common.output};
  }
  const std::vector<NamedScenario> all = load_cases({options.scenario}, common);
  const NamedScenario& chosen = options.variant ? choose_case(all, *options.variant, "--variant") : all.front();
  RunInfo run = environment.run;
  add_inputs(run, chosen.scenario);
  run.engine = engine_name(common.engine);
  const EngineResult result = predict_with(common, chosen.scenario, options.trace || options.timeline);
  PredictionReport report;
  report.cases.push_back({.name = chosen.name,
                          .setting = describe(chosen.scenario),
                          .prediction = result.prediction,
                          .speedup = std::nullopt,
                          .flow = result.flow,
                          .detail = result.detail});
  if (options.trace) {
    write_file(*options.trace, to_chrome_trace(result.timelines, *chosen.scenario.cluster.collectives, run));
  }
  if (options.timeline) write_file(*options.timeline, to_timeline_csv({{chosen.name, result.timelines}}));
  Output output = render(report, run, common, environment);
  if (all.size() > 1 && !options.variant) {
    output.notes.push_back(
        fmt::format("{} is the first of {} variants; --variant NAME takes another, 'moesim compare' shows all ({})",
                    chosen.name, all.size(), case_names(all)));
  }
  return output;
}

}  // namespace

Command predict_command() {
  Command command{
      .name = "predict",
      .summary = "one scenario: step time or latency, where the time goes, memory per GPU",
      .description =
          "Predicts a training step (time, tokens per second, share of the GPUs' peak) or inference (prefill, decode, "
          "throughput), with the 90 % interval that the calibration's residuals give, the time by kind of work, the "
          "memory "
          "of the fullest GPU, the busiest link, and the list of assumptions that the answer rests on.",
      .options = {{.name = "SCENARIO",
                   .help =
                       "YAML file, name of a shipped scenario (see 'moesim list scenarios'), or - for standard input",
                   .required = true},
                  {.name = "--variant", .value = "NAME", .help = "one of the scenario's variants (default: the first)"},
                  {.name = "--dump-scenario",
                   .help = "print the completed scenario as YAML, every default written out, instead of predicting"},
                  trace_option(),
                  timeline_option()},
      .examples = {{"predict configs/scenarios/paper_training.yaml", "the scenario's first variant"},
                   {"predict paper_training --variant bigmac --format json", "another one, for a program"},
                   {"predict paper_training --set model.moe.top_k=4 --set parallelism.ep=16",
                    "the same with other values; every key of the YAML can be set"},
                   {"predict paper_skewed --engine flow --trace step.json", "every rank in time, for ui.perfetto.dev"},
                   {"predict paper_skewed --engine flow --timeline step.csv", "the same as a table of operators"},
                   {"predict paper_training --dump-scenario -o full.yaml", "what is assumed when nothing is said"}}};
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_predict(read_predict_options(arguments, environment), environment);
  };
  return command;
}

}  // namespace moesim::cli
