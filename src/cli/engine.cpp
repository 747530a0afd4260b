#include "cli/engine.hpp"

#include <algorithm>
#include <variant>

#include "moesim/sim/simulate.hpp"

namespace moesim::cli {

EngineResult predict_with(const CommonOptions& common, const Scenario& scenario, bool record) {
  EngineResult result;
  if (common.format == Format::json) result.detail = case_detail(scenario);
  if (common.engine == Engine::analytic) {
    result.prediction = predict(scenario);
    return result;
  }
  result.prediction = predict_by_flows(scenario, {.record = record, .fold = !record}, &result.timelines);
  double decode_steps = 0;
  if (const auto* inference = std::get_if<InferenceWorkload>(&scenario.workload)) {
    decode_steps = std::max(inference->generated_tokens - 1, 0);
  }
  result.flow = summarize(result.timelines, {1, decode_steps});
  std::vector<std::string>& assumptions = result.prediction.assumptions;
  for (const std::string& note : result.flow->notes) {
    if (std::ranges::find(assumptions, note) == assumptions.end()) assumptions.push_back(note);
  }
  return result;
}

std::string_view engine_name(Engine engine) { return engine == Engine::flow ? "flow" : "analytic"; }

Option trace_option() {
  return {.name = "--trace",
          .value = "FILE",
          .help = "with --engine flow: the timeline of every rank as a Chrome trace (JSON), for ui.perfetto.dev"};
}

std::optional<std::filesystem::path> read_trace(const Arguments& arguments, const CommonOptions& common,
                                                std::vector<Diagnostic>& problems) {
  const std::string* file = arguments.one("--trace");
  if (file == nullptr) return std::nullopt;
  if (file->empty()) problems.push_back({.key = "--trace", .message = "is empty (a file name is expected)"});
  if (common.engine != Engine::flow) {
    problems.push_back({.key = "--trace", .message = "needs a timeline (the closed form has none): add --engine flow"});
  }
  return *file;
}

}  // namespace moesim::cli
