#include "cli/comparison.hpp"

#include <fmt/format.h>
#include <utility>

#include "cli/engine.hpp"

namespace moesim::cli {

PredictionReport compare_cases(const std::vector<NamedScenario>& cases, const NamedScenario& baseline,
                               const CommonOptions& common, RunInfo& run, std::vector<NamedTimelines>* timelines) {
  for (const NamedScenario& one : cases) {
    if (one.scenario.mode() == baseline.scenario.mode()) continue;
    throw InputError(fmt::format("{} is training and {} is inference, or the reverse (a speed-up needs two of a kind)",
                                 baseline.name, one.name));
  }
  run.engine = engine_name(common.engine);
  PredictionReport report{.cases = {}, .baseline = baseline.name};
  const bool record = timelines != nullptr;
  const EngineResult baseline_result = predict_with(common, baseline.scenario, record);
  for (const NamedScenario& one : cases) {
    add_inputs(run, one.scenario);
    ReportedCase reported{.name = one.name, .setting = describe(one.scenario), .prediction = {}, .speedup = {}};
    if (&one == &baseline) {
      reported.prediction = baseline_result.prediction;
      reported.flow = baseline_result.flow;
      if (record) timelines->push_back({one.name, baseline_result.timelines});
      reported.detail = baseline_result.detail;
    } else {
      EngineResult result = predict_with(common, one.scenario, record);
      reported.prediction = std::move(result.prediction);
      reported.flow = std::move(result.flow);
      if (record) timelines->push_back({one.name, std::move(result.timelines)});
      reported.detail = std::move(result.detail);
      reported.speedup = speedup(baseline_result.prediction, reported.prediction);
    }
    report.cases.push_back(std::move(reported));
  }
  return report;
}

}  // namespace moesim::cli
