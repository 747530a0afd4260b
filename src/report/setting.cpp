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

namespace {

/// `times` times `other` after `into`.
void add(RankTime& into, const RankTime& other, double times) {
  into.ranks = other.ranks;
  into.stage = other.stage;
  into.computing += times * other.computing;
  for (std::size_t cause = 0; cause < kIdleCauses.size(); ++cause) into.idle[cause] += times * other.idle[cause];
}

}  // namespace

LinkUse link_use(const Timeline& timeline, const CollectiveModel& model) {
  constexpr std::size_t kIntervals = 100;
  LinkUse use{.interval = (1.0 / kIntervals) * timeline.end, .links = {}, .utilization = {}};
  std::vector<std::vector<double>> by_link = link_utilization(timeline, model, kIntervals);
  for (std::size_t link = 0; link < by_link.size(); ++link) {
    if (by_link[link].empty()) continue;
    use.links.push_back(model.topology().links()[link].name);
    use.utilization.push_back(std::move(by_link[link]));
  }
  return use;
}

FlowSummary summarize(const std::vector<Timeline>& timelines, const std::vector<double>& times) {
  MOESIM_EXPECTS(timelines.size() <= times.size());
  FlowSummary summary;
  for (std::size_t i = 0; i < timelines.size(); ++i) {
    const Timeline& one = timelines[i];
    add(summary.mean_rank, mean_rank_time(one), times[i]);
    const std::vector<RankTime> stages = stage_times(one);
    summary.stages.resize(stages.size());
    for (std::size_t stage = 0; stage < stages.size(); ++stage) add(summary.stages[stage], stages[stage], times[i]);
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
