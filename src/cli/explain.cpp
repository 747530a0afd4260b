#include <fmt/format.h>

#include "moesim/report/explain_report.hpp"

#include "cli/cases.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/engine.hpp"

namespace moesim::cli {
namespace {

Output run_explain(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  const CommonOptions common = read_common(arguments, environment, problems);
  throw_if_any(problems);
  const std::filesystem::path file = find_config("scenarios", *arguments.one("SCENARIO"), common.roots);
  if (file == "-") throw InputError("explain reads the scenario several times: it takes a file, not standard input");
  const std::vector<NamedScenario> all = load_cases({file}, common);
  const std::string* variant = arguments.one("--variant");
  const NamedScenario& chosen = variant != nullptr ? choose_case(all, *variant, "--variant") : all.front();
  RunInfo run = environment.run;
  add_inputs(run, chosen.scenario);
  run.engine = engine_name(common.engine);
  const ExplainReport report{
      .name = chosen.name,
      .setting = describe(chosen.scenario),
      .explanation =
          explain(file, scenario_overrides(common), common.roots, static_cast<std::size_t>(&chosen - all.data()),
                  [&common](const Scenario& scenario) { return predict_with(common, scenario).prediction; })};
  Output output = render(report, run, common, environment);
  if (all.size() > 1 && variant == nullptr) {
    output.notes.push_back(fmt::format("{} is the first of {} variants; --variant NAME takes another ({})", chosen.name,
                                       all.size(), case_names(all)));
  }
  return output;
}

}  // namespace

Command explain_command() {
  Command command{
      .name = "explain",
      .summary = "where the time goes, and what would save some of it",
      .description =
          "Says in words and numbers why a step takes as long as it does: its critical path by kind of work, the "
          "busiest "
          "links, how much of the time each resource saves (bandwidth of NIC, PCIe, NVLink and memory, FLOPS, "
          "latencies, "
          "launches, SM count) when it is 1 % better, twice as good or out of the way, and which one binds next. Every "
          "number is a run of the model with that input changed.",
      .options = {{.name = "SCENARIO",
                   .help = "YAML file or name of a shipped scenario (see 'moesim list scenarios')",
                   .required = true},
                  {.name = "--variant",
                   .value = "NAME",
                   .help = "one of the scenario's variants (default: the first)"}},
      .examples = {{"explain configs/scenarios/paper_training.yaml", "why fine-grained experts are slow there"},
                   {"explain paper_training --variant bigmac", "and what limits BigMac"},
                   {"explain paper_training --set cluster.nic.bandwidth=400Gbps --format csv",
                    "what binds with a faster network, one row a resource"}}};
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = run_explain;
  return command;
}

}  // namespace moesim::cli
