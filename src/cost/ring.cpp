#include <algorithm>
#include <set>

#include "cost/phase_builder.hpp"

namespace moesim {
namespace {

/// NICs by which the ranks of one machine reach their counterparts on another one: distinct links into the network.
int nics_used(const Topology& topology, const PathTable& paths, const std::vector<RankId>& group,
              const std::vector<int>& machine, const std::vector<int>& far) {
  std::set<LinkId> ports;
  for (std::size_t position = 0; position < machine.size(); ++position) {
    const auto from = static_cast<std::size_t>(machine[position]);
    const auto to = static_cast<std::size_t>(far[position % far.size()]);
    const Path path = paths.path(group[from], group[to]);
    for (const LinkId link : path.links) {
      if (topology.link(link).kind == LinkKind::nic) {
        ports.insert(link);
        break;
      }
    }
  }
  return std::max(1, static_cast<int>(ports.size()));
}

/// Order of a ring's channel: through each machine in turn, starting at another rank in every channel. Neighbouring
/// machines are passed in opposite directions, so that a ring leaves a machine and enters the next one at ranks of the
/// same position: on one rail where there are rails.
std::vector<RankId> ring_order(const std::vector<RankId>& group, const std::vector<std::vector<int>>& machines,
                               int first) {
  std::vector<RankId> order;
  for (std::size_t n = 0; n < machines.size(); ++n) {
    const auto& machine = machines[n];
    const std::size_t size = machine.size();
    for (std::size_t step = 0; step < size; ++step) {
      const std::size_t turned = n % 2 == 0 ? step : size - 1 - step;
      order.push_back(group[static_cast<std::size_t>(machine[(static_cast<std::size_t>(first) + turned) % size])]);
    }
  }
  return order;
}

}  // namespace

PlannedPhases plan_ring(const Topology& topology, const PathTable& paths, const RankGroups& groups, int passes,
                        PlanDetail detail) {
  PhaseBuilder builder(topology, paths, detail);
  const auto ranks = static_cast<double>(groups.front().size());
  for (const std::vector<RankId>& group : groups) {
    if (group.size() < 2) continue;
    const auto machines = ranks_by_machine(topology, group);
    const int channels = machines.size() < 2 ? 1 : nics_used(topology, paths, group, machines.front(), machines[1]);
    for (int channel = 0; channel < channels; ++channel) {
      // Channels start evenly spread over the ranks of a machine.
      const int first = channel * static_cast<int>(machines.front().size()) / channels;
      const std::vector<RankId> order = ring_order(group, machines, first);
      const double bytes = passes * (ranks - 1) / ranks / channels;
      for (std::size_t i = 0; i < order.size(); ++i) builder.transfer(order[i], order[(i + 1) % order.size()], bytes);
    }
  }
  const double steps = ranks - 1;
  PlannedPhases planned;
  planned.add(builder, builder.finish(1 / ranks, steps, passes * steps));
  return planned;
}

PlannedPhases plan_shift(const Topology& topology, const PathTable& paths, const RankGroups& groups,
                         PlanDetail detail) {
  PhaseBuilder builder(topology, paths, detail);
  for (const std::vector<RankId>& group : groups) {
    for (std::size_t i = 0; i < group.size(); ++i) builder.transfer(group[i], group[(i + 1) % group.size()], 1);
  }
  PlannedPhases planned;
  planned.add(builder, builder.finish(1, 1));
  return planned;
}

}  // namespace moesim
