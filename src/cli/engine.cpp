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
  if (record) {
    for (const Timeline& timeline : result.timelines) {
      result.flow->link_use.push_back(link_use(timeline, *scenario.cluster.collectives));
    }
  }
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

Option timeline_option() {
  return {.name = "--timeline",
          .value = "FILE",
          .help =
              "with --engine flow: every operator of every rank with its begin and end, as CSV; with --format json "
              "the use of the links over time as well"};
}

std::optional<std::filesystem::path> read_recording(const Arguments& arguments, std::string_view option,
                                                    const CommonOptions& common, std::vector<Diagnostic>& problems) {
  const std::string* file = arguments.one(option);
  if (file == nullptr) return std::nullopt;
  const std::string key(option);
  if (file->empty()) problems.push_back({.key = key, .message = "is empty (a file name is expected)"});
  if (common.engine != Engine::flow) {
    problems.push_back({.key = key, .message = "needs a timeline (the closed form has none): add --engine flow"});
  }
  return *file;
}

}  // namespace moesim::cli
