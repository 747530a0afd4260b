#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/report/prediction_report.hpp"
#include "moesim/report/run_info.hpp"
#include "moesim/sim/timeline.hpp"

#include "cli/common.hpp"

namespace moesim::cli {

/// A scenario by the engine that was asked for.
struct EngineResult {
  Prediction prediction;
  std::vector<Timeline> timelines;  ///< of the flow engine, one per graph: iteration, or prefill and decode step
  std::optional<FlowSummary> flow;
  std::optional<CaseDetail> detail;  ///< where the format has room for it
};

/// @param record spans of operators and flows of every rank, for a trace; flow engine only
[[nodiscard]] EngineResult predict_with(const CommonOptions& common, const Scenario& scenario, bool record = false);

/// "analytic" or "flow".
[[nodiscard]] std::string_view engine_name(Engine engine);

/// The option of commands whose flow engine has a timeline.
[[nodiscard]] Option trace_option();
[[nodiscard]] Option timeline_option();
/// The file that an option asks for. A trace or timeline without the flow engine is a problem.
[[nodiscard]] std::optional<std::filesystem::path> read_recording(const Arguments& arguments, std::string_view option,
                                                                  const CommonOptions& common,
                                                                  std::vector<Diagnostic>& problems);

}  // namespace moesim::cli
