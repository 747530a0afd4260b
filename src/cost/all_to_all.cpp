#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"

#include "cost/phase_builder.hpp"

namespace moesim {
namespace {

/// What one rank sends to one peer, on the busiest rank: its bytes over the number of peers that get some.
class LargestMessage {
 public:
  void start_rank() {
    bytes_ = 0;
    peers_ = 0;
  }
  void send(double bytes) {
    if (bytes == 0) return;
    bytes_ += bytes;
    peers_ += 1;
    largest_ = std::max(largest_, bytes_ / peers_);
    most_peers_ = std::max(most_peers_, peers_);
  }
  [[nodiscard]] double bytes() const { return largest_; }
  [[nodiscard]] double peers() const { return most_peers_; }

 private:
  double bytes_ = 0;
  double peers_ = 0;
  double largest_ = 0;
  double most_peers_ = 0;
};

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// Machines of the group; algorithms in two steps pair ranks of the same position in their machines.
std::vector<std::vector<int>> equal_machines(const Topology& topology, const std::vector<RankId>& group) {
  std::vector<std::vector<int>> machines = ranks_by_machine(topology, group);
  for (const auto& machine : machines) {
    if (machine.size() != machines.front().size()) {
      throw InputError("an all-to-all in two steps needs the same number of ranks of a group on every machine (" +
                       std::to_string(machines.front().size()) + " and " + std::to_string(machine.size()) +
                       " were found): use algorithm flat, or groups that fill their machines");
    }
  }
  return machines;
}

}  // namespace

PlannedPhases plan_flat(const Topology& topology, const PathTable& paths, const std::vector<Exchange>& exchanges,
                        PlanDetail detail) {
  PhaseBuilder builder(topology, paths, detail);
  LargestMessage message;
  double remote_peers = 0;
  double ranks = 1;
  for (const Exchange& exchange : exchanges) {
    const std::vector<RankId>& group = *exchange.group;
    const std::size_t size = group.size();
    for (std::size_t i = 0; i < size; ++i) {
      message.start_rank();
      double remote = 0;
      for (std::size_t j = 0; j < size; ++j) {
        const double bytes = exchange.bytes[i * size + j];
        if (i == j || bytes == 0) continue;
        message.send(bytes);
        builder.transfer(group[i], group[j], bytes);
        if (topology.host_of(group[i]) != topology.host_of(group[j])) remote += 1;
      }
      remote_peers = std::max(remote_peers, remote);
    }
    ranks = static_cast<double>(size);
  }
  PlannedPhases planned;
  planned.add(builder, builder.finish(message.bytes(), builder.network() ? remote_peers : std::log2(ranks)));
  return planned;
}

PlannedPhases plan_hierarchical(const Topology& topology, const PathTable& paths,
                                const std::vector<Exchange>& exchanges, PlanDetail detail) {
  PhaseBuilder inside(topology, paths, detail);
  PhaseBuilder between(topology, paths, detail);
  LargestMessage inside_message;
  LargestMessage between_message;
  double ranks_per_machine = 1;
  for (const Exchange& exchange : exchanges) {
    const std::vector<RankId>& group = *exchange.group;
    const std::size_t size = group.size();
    const auto machines = equal_machines(topology, group);
    const std::size_t local_size = machines.front().size();
    ranks_per_machine = static_cast<double>(local_size);
    const auto sent = [&](int i, int j) { return exchange.bytes[at(i) * size + at(j)]; };
    for (const auto& machine : machines) {
      for (std::size_t a = 0; a < local_size; ++a) {
        // First step: rank a hands to its neighbour b all that goes to rank b of any machine.
        inside_message.start_rank();
        for (std::size_t b = 0; b < local_size; ++b) {
          if (a == b) continue;
          double bytes = 0;
          for (const auto& other : machines) bytes += sent(machine[a], other[b]);
          inside_message.send(bytes);
          inside.transfer(group[at(machine[a])], group[at(machine[b])], bytes);
        }
        // Second step: rank a of this machine sends rank a of each other one what its machine has for it.
        between_message.start_rank();
        for (const auto& other : machines) {
          if (&other == &machine) continue;
          double bytes = 0;
          for (const int source : machine) bytes += sent(source, other[a]);
          between_message.send(bytes);
          between.transfer(group[at(machine[a])], group[at(other[a])], bytes);
        }
      }
    }
  }
  PlannedPhases planned;
  planned.add(inside, inside.finish(inside_message.bytes(), std::log2(ranks_per_machine)));
  planned.add(between, between.finish(between_message.bytes(), between_message.peers()));
  return planned;
}

PlannedPhases plan_deduplicated(const Topology& topology, const PathTable& paths,
                                const std::vector<Exchange>& exchanges, PlanDetail detail) {
  PhaseBuilder between(topology, paths, detail);
  PhaseBuilder inside(topology, paths, detail);
  LargestMessage between_message;
  LargestMessage inside_message;
  double ranks_per_machine = 1;
  for (const Exchange& exchange : exchanges) {
    const std::vector<RankId>& group = *exchange.group;
    const std::size_t size = group.size();
    const auto machines = equal_machines(topology, group);
    const std::size_t local_size = machines.front().size();
    ranks_per_machine = static_cast<double>(local_size);
    for (std::size_t n = 0; n < machines.size(); ++n) {
      for (std::size_t a = 0; a < local_size; ++a) {
        // One copy to rank a of every other machine that needs the token.
        const int from = machines[n][a];
        between_message.start_rank();
        for (std::size_t other = 0; other < machines.size(); ++other) {
          if (other == n) continue;
          const double bytes = exchange.node_bytes[at(from) * machines.size() + other];
          between_message.send(bytes);
          between.transfer(group[at(from)], group[at(machines[other][a])], bytes);
        }
        // What rank a of all machines has for rank b of this one passes rank a of this one.
        inside_message.start_rank();
        for (std::size_t b = 0; b < local_size; ++b) {
          if (a == b) continue;
          double bytes = 0;
          for (const auto& source : machines) bytes += exchange.bytes[at(source[a]) * size + at(machines[n][b])];
          inside_message.send(bytes);
          inside.transfer(group[at(machines[n][a])], group[at(machines[n][b])], bytes);
        }
      }
    }
  }
  PlannedPhases planned;
  planned.add(between, between.finish(between_message.bytes(), between_message.peers()));
  planned.add(inside, inside.finish(inside_message.bytes(), std::log2(ranks_per_machine)));
  planned.overlapped = true;
  return planned;
}

}  // namespace moesim
