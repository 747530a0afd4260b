#include "moesim/sim/timeline.hpp"

#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

RankTime mean_rank_time(const Timeline& timeline) {
  RankTime mean{.first = {}, .ranks = 0, .computing = {}};
  for (const RankTime& rank : timeline.ranks) mean.ranks += rank.ranks;
  for (const RankTime& rank : timeline.ranks) {
    const double share = static_cast<double>(rank.ranks) / mean.ranks;
    mean.computing += share * rank.computing;
    for (std::size_t cause = 0; cause < kIdleCauses.size(); ++cause) mean.idle[cause] += share * rank.idle[cause];
  }
  return mean;
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
