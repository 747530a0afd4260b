#include "moesim/sim/timeline.hpp"

#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

namespace {

/// Mean over the ranks that `counts` is true for.
template <class Counts>
RankTime mean_of(const std::vector<RankTime>& ranks, const Counts& counts) {
  RankTime mean{.first = {}, .ranks = 0, .computing = {}};
  for (const RankTime& rank : ranks) mean.ranks += counts(rank) ? rank.ranks : 0;
  for (const RankTime& rank : ranks) {
    if (!counts(rank)) continue;
    const double share = static_cast<double>(rank.ranks) / mean.ranks;
    mean.computing += share * rank.computing;
    for (std::size_t cause = 0; cause < kIdleCauses.size(); ++cause) mean.idle[cause] += share * rank.idle[cause];
  }
  return mean;
}

}  // namespace

RankTime mean_rank_time(const Timeline& timeline) {
  return mean_of(timeline.ranks, [](const RankTime&) { return true; });
}

std::vector<RankTime> stage_times(const Timeline& timeline) {
  std::uint32_t stages = 0;
  for (const RankTime& rank : timeline.ranks) stages = std::max(stages, rank.stage + 1);
  std::vector<RankTime> means;
  for (std::uint32_t stage = 0; stage < stages; ++stage) {
    means.push_back(mean_of(timeline.ranks, [stage](const RankTime& rank) { return rank.stage == stage; }));
    means.back().stage = stage;
  }
  return means;
}

std::vector<std::vector<double>> link_utilization(const Timeline& timeline, const CollectiveModel& model,
                                                  std::size_t bins) {
  MOESIM_EXPECTS(bins > 0);
  const std::vector<Link>& links = model.topology().links();
  std::vector<std::vector<double>> use(links.size());
  if (timeline.end.value <= 0) return use;
  const double width = timeline.end.value / static_cast<double>(bins);
  for (const FlowSpan& flow : timeline.flows) {
    const double duration = (flow.end - flow.begin).value;
    if (duration <= 0) continue;
    const double rate = flow.bytes.value / duration;
    const auto first = std::min(bins - 1, static_cast<std::size_t>(flow.begin.value / width));
    const auto last = std::min(bins - 1, static_cast<std::size_t>(flow.end.value / width));
    for (const LinkId link : model.paths().path(flow.from, flow.to).links) {
      std::vector<double>& of = use[link.index()];
      of.resize(bins, 0);
      for (std::size_t bin = first; bin <= last; ++bin) {
        const double begin = std::max(flow.begin.value, static_cast<double>(bin) * width);
        const double end = std::min(flow.end.value, static_cast<double>(bin + 1) * width);
        if (end > begin) of[bin] += rate * (end - begin) / (width * links[link.index()].capacity.value);
      }
    }
  }
  return use;
}

}  // namespace moesim
