// The double binary tree of NCCL for all_reduce: two trees over the machines, each with half of the data, so that a
// machine that passes on in one has nobody below it in the other and no NIC carries more than twice the data each way
// (Sanders, Speck, Traeff, "Two-tree algorithms for full bandwidth broadcast, reduction and scan", Parallel Computing
// 35, 2009). NCCL 2.4 and later build them between machines and run a chain inside each (Jeaugey, "Massively scale your
// deep learning training with NCCL 2.4", 2019). Data goes up to be reduced and comes down to be spread, in a pipeline
// of chunks, so that latencies count once per hop, up and down.

#include <algorithm>

#include "cost/phase_builder.hpp"

namespace moesim {
namespace {

/// Parent of a node but 0, the root, in a binary tree of which all odd nodes are leaves: those whose numbers differ by
/// less are nearer.
int parent(int node, int count) {
  const int bit = node & -node;
  const int up = (node ^ bit) | (2 * bit);
  return up < count ? up : node ^ bit;
}

/// Place of a machine in one of the two trees: what is odd in one is even in the other, as far as it can be.
int place(int machine, int count, int tree) {
  if (tree == 0) return machine;
  return count % 2 == 0 ? count - 1 - machine : (machine + 1) % count;
}

int depth(int count) {
  int deepest = 0;
  for (int node = 1; node < count; ++node) {
    int above = 0;
    for (int at = node; at != 0; at = parent(at, count)) ++above;
    deepest = std::max(deepest, above);
  }
  return deepest;
}

}  // namespace

PlannedPhases plan_tree(const Topology& topology, const PathTable& paths, const RankGroups& groups, PlanDetail detail) {
  PhaseBuilder builder(topology, paths, detail);
  double longest = 0;  // hops from the farthest rank to the root
  double message = 0;
  for (const std::vector<RankId>& group : groups) {
    const auto machines = ranks_by_machine(topology, group);
    const int count = static_cast<int>(machines.size());
    const int on = channels(topology, paths, group, machines);
    const double bytes = 0.5 / on;
    message = std::max(message, bytes);
    const auto exchange = [&](RankId below, RankId above) {
      builder.transfer(below, above, bytes);
      builder.transfer(above, below, bytes);
    };
    std::size_t chain = 1;
    for (const auto& machine : machines) chain = std::max(chain, machine.size());
    longest = std::max(longest, depth(count) + static_cast<double>(chain) - 1);
    for (int channel = 0; channel < on; ++channel) {
      /// The rank of a machine at a place of its chain; the first one speaks to other machines, by another NIC in each
      /// channel.
      const auto rank = [&](int machine, std::size_t at) {
        const auto& ranks = machines[static_cast<std::size_t>(machine)];
        const std::size_t first = static_cast<std::size_t>(channel) * ranks.size() / static_cast<std::size_t>(on);
        return group[static_cast<std::size_t>(ranks[(first + at) % ranks.size()])];
      };
      for (int tree = 0; tree < 2; ++tree) {
        std::vector<int> machine_at(machines.size());
        for (int machine = 0; machine < count; ++machine) {
          machine_at[static_cast<std::size_t>(place(machine, count, tree))] = machine;
          const std::size_t size = machines[static_cast<std::size_t>(machine)].size();
          for (std::size_t at = 1; at < size; ++at) exchange(rank(machine, at), rank(machine, at - 1));
        }
        for (int node = 1; node < count; ++node) {
          exchange(rank(machine_at[static_cast<std::size_t>(node)], 0),
                   rank(machine_at[static_cast<std::size_t>(parent(node, count))], 0));
        }
      }
    }
  }
  PlannedPhases planned;
  planned.add(builder, builder.finish(message, longest, 2 * longest));
  return planned;
}

}  // namespace moesim
