#include "cli/engine.hpp"

#include "moesim/sim/simulate.hpp"

namespace moesim::cli {

EngineResult predict_with(const CommonOptions& common, const Scenario& scenario, bool record) {
  EngineResult result;
  if (common.engine == Engine::analytic) {
    result.prediction = predict(scenario);
    return result;
  }
  result.prediction = predict_by_flows(scenario, {.record = record}, &result.timelines);
  for (const Timeline& timeline : result.timelines) {
    std::vector<std::string>& into = result.prediction.assumptions;
    into.insert(into.end(), timeline.notes.begin(), timeline.notes.end());
  }
  return result;
}

std::string_view engine_name(Engine engine) { return engine == Engine::flow ? "flow" : "analytic"; }

}  // namespace moesim::cli
