#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/report/prediction_report.hpp"

namespace moesim {

Setting describe(const Scenario& scenario) {
  return {.model = scenario.model.name,
          .cluster = scenario.cluster.name,
          .device = scenario.cluster.device_name,
          .framework = scenario.framework.name,
          .parallelism = scenario.parallelism,
          .workload = scenario.workload};
}

FlowSummary summarize(const std::vector<Timeline>& timelines, const std::vector<double>& times) {
  MOESIM_EXPECTS(timelines.size() <= times.size());
  FlowSummary summary;
  for (std::size_t i = 0; i < timelines.size(); ++i) {
    const Timeline& one = timelines[i];
    const RankTime mean = mean_rank_time(one);
    summary.mean_rank.ranks = mean.ranks;
    summary.mean_rank.computing += times[i] * mean.computing;
    for (std::size_t cause = 0; cause < kIdleCauses.size(); ++cause) {
      summary.mean_rank.idle[cause] += times[i] * mean.idle[cause];
    }
    summary.lanes = one.ranks.size();
    summary.events += one.events;
    summary.flows_simulated += one.flows_simulated;
    summary.flows_folded += one.flows_folded;
    summary.flows_reused += one.flows_reused;
    summary.notes.insert(summary.notes.end(), one.notes.begin(), one.notes.end());
  }
  return summary;
}

}  // namespace moesim
