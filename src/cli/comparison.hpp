#pragma once

#include <vector>

#include "moesim/report/prediction_report.hpp"
#include "moesim/report/run_info.hpp"
#include "moesim/report/timeline_csv.hpp"

#include "cli/cases.hpp"
#include "cli/common.hpp"

namespace moesim::cli {

/// Predictions of all cases, with their speed-ups over the baseline, by the engine that was asked for. The files behind
/// them are added to `run`. @param baseline one of the cases
/// @param timelines gets what the flow engine recorded of each case; null: nothing is recorded
/// @throws InputError when some are training and some inference
[[nodiscard]] PredictionReport compare_cases(const std::vector<NamedScenario>& cases, const NamedScenario& baseline,
                                             const CommonOptions& common, RunInfo& run,
                                             std::vector<NamedTimelines>* timelines = nullptr);

}  // namespace moesim::cli
