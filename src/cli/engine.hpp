#pragma once

#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/report/run_info.hpp"
#include "moesim/sim/timeline.hpp"

#include "cli/common.hpp"

namespace moesim::cli {

/// A scenario by the engine that was asked for.
struct EngineResult {
  Prediction prediction;
  std::vector<Timeline> timelines;  ///< of the flow engine, one per graph: iteration, or prefill and decode step
};

/// @param record spans of operators and flows, for a trace; flow engine only
[[nodiscard]] EngineResult predict_with(const CommonOptions& common, const Scenario& scenario, bool record = false);

/// "analytic" or "flow".
[[nodiscard]] std::string_view engine_name(Engine engine);

}  // namespace moesim::cli
