#include "cli/comparison.hpp"

#include <fmt/format.h>
#include <utility>

#include "cli/engine.hpp"

namespace moesim::cli {

PredictionReport compare_cases(const std::vector<NamedScenario>& cases, const NamedScenario& baseline,
                               const CommonOptions& common, RunInfo& run) {
  for (const NamedScenario& one : cases) {
    if (one.scenario.mode() == baseline.scenario.mode()) continue;
    throw InputError(fmt::format("{} is training and {} is inference, or the reverse (a speed-up needs two of a kind)",
                                 baseline.name, one.name));
  }
  run.engine = engine_name(common.engine);
  PredictionReport report{.cases = {}, .baseline = baseline.name};
  const EngineResult baseline_result = predict_with(common, baseline.scenario);
  for (const NamedScenario& one : cases) {
    add_inputs(run, one.scenario);
    ReportedCase reported{.name = one.name, .setting = describe(one.scenario), .prediction = {}, .speedup = {}};
    if (&one == &baseline) {
      reported.prediction = baseline_result.prediction;
      reported.flow = baseline_result.flow;
      reported.detail = baseline_result.detail;
    } else {
      EngineResult result = predict_with(common, one.scenario);
      reported.prediction = std::move(result.prediction);
      reported.flow = std::move(result.flow);
      reported.detail = std::move(result.detail);
      reported.speedup = speedup(baseline_result.prediction, reported.prediction);
    }
    report.cases.push_back(std::move(reported));
  }
  return report;
}

}  // namespace moesim::cli
