#pragma once

#include <filesystem>
#include <vector>

#include "moesim/report/validation_report.hpp"
#include "moesim/scenario/load.hpp"

#include "cli/common.hpp"

namespace moesim::cli {

/// A trace is a CSV file: lines beginning with # say where it was measured, when and how. Columns:
///   case        name, unique in the file
///   scenario    YAML file, relative to the trace, or name of a shipped scenario
///   variant     of the scenario; empty: its only one
///   part        of the iteration (kParts)
///   time_us     measured
///   tolerance, baseline, ratio_tolerance    optional; baseline: name of the case that the ratio is taken to
///   notes       optional, for people
/// Every other column is a key of the scenario, its cells are values.
/// Adds a trace's cases, predicted, to the report.
/// @param problems every problem of the file; cases that have one are left out
void add_trace(const std::filesystem::path& file, ScenarioLoader& loader, const CommonOptions& common,
               ValidationReport& report, std::vector<Diagnostic>& problems);

}  // namespace moesim::cli
