#include "cost/phase_builder.hpp"

namespace moesim {
namespace {

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
    const int count = channels(topology, paths, group, machines);
    for (int channel = 0; channel < count; ++channel) {
      // Channels start evenly spread over the ranks of a machine.
      const int first = channel * static_cast<int>(machines.front().size()) / count;
      const std::vector<RankId> order = ring_order(group, machines, first);
      const double bytes = passes * (ranks - 1) / ranks / count;
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
