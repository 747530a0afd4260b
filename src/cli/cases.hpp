#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/scenario/scenario.hpp"

#include "cli/common.hpp"

// Scenarios of one or several files under the names that `predict` and `compare` show.
namespace moesim::cli {

struct NamedScenario {
  std::string name;  ///< unique: the variant's, with several files "scenario/variant"
  Scenario scenario;
};

/// --set and --seed as the loader takes them.
[[nodiscard]] std::vector<Override> scenario_overrides(const CommonOptions& common);

/// All variants of all files, in order. @throws InputError with the problems of all files
[[nodiscard]] std::vector<NamedScenario> load_cases(const std::vector<std::filesystem::path>& files,
                                                    const CommonOptions& common);
/// @param option that the name was given with, for the message
[[nodiscard]] const NamedScenario& choose_case(const std::vector<NamedScenario>& cases, const std::string& name,
                                               std::string_view option);
[[nodiscard]] std::string case_names(const std::vector<NamedScenario>& cases);
void add_inputs(RunInfo& run, const Scenario& scenario);

}  // namespace moesim::cli
