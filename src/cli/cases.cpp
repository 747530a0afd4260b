#include "cli/cases.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/scenario/spelling.hpp"

namespace moesim::cli {
namespace {

/// A second case of the same name becomes "name (2)".
void make_unique(std::vector<NamedScenario>& cases) {
  std::set<std::string> taken;
  for (NamedScenario& one : cases) {
    const std::string wanted = one.name;
    for (int count = 2; !taken.insert(one.name).second; ++count) one.name = fmt::format("{} ({})", wanted, count);
  }
}

}  // namespace

std::vector<Override> scenario_overrides(const CommonOptions& common) {
  std::vector<Override> overrides = common.overrides;
  if (common.seed) overrides.push_back({fmt::format("routing.seed={}", *common.seed)});
  return overrides;
}

std::vector<NamedScenario> load_cases(const std::vector<std::filesystem::path>& files, const CommonOptions& common) {
  const std::vector<Override> overrides = scenario_overrides(common);
  ScenarioLoader loader(common.roots);  // clusters and devices that several files name are read once
  std::vector<NamedScenario> cases;
  std::vector<Diagnostic> problems;
  for (const std::filesystem::path& file : files) {
    try {
      for (Scenario& scenario : loader.load(file, overrides)) {
        std::string name = scenario.variant.empty() ? scenario.name : scenario.variant;
        if (files.size() > 1 && !scenario.variant.empty()) name = fmt::format("{}/{}", scenario.name, scenario.variant);
        cases.push_back({.name = std::move(name), .scenario = std::move(scenario)});
      }
    } catch (const InputError& error) {  // the other files' problems are wanted too
      problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  throw_if_any(problems);
  make_unique(cases);
  return cases;
}

const NamedScenario& choose_case(const std::vector<NamedScenario>& cases, const std::string& name,
                                 std::string_view option) {
  const auto found = std::ranges::find(cases, name, &NamedScenario::name);
  if (found != cases.end()) return *found;
  std::vector<std::string_view> names;
  for (const NamedScenario& one : cases) names.push_back(one.name);
  const std::string_view near = nearest(name, names);
  throw InputError(fmt::format("{} {}: there is no such variant (one of: {}){}", option, name, case_names(cases),
                               near.empty() ? "" : fmt::format(" did you mean {}?", near)));
}

std::string case_names(const std::vector<NamedScenario>& cases) {
  std::string names;
  for (const NamedScenario& one : cases) names += (names.empty() ? "" : ", ") + one.name;
  return names;
}

void add_inputs(RunInfo& run, const Scenario& scenario) {
  for (const InputFile& input : scenario.inputs) {
    if (std::ranges::find(run.inputs, input.path, &InputFile::path) == run.inputs.end()) run.inputs.push_back(input);
  }
}

}  // namespace moesim::cli
