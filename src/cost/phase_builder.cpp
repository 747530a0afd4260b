#include "cost/phase_builder.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace moesim {

namespace {

/// Ranks of one machine among those that are set, where they are most.
double most_on_a_host(const Topology& topology, const std::vector<bool>& ranks) {
  std::map<int, double> on_host;
  double most = 0;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (ranks[rank]) most = std::max(most, on_host[topology.host_of(RankId(rank))] += 1);
  }
  return most;
}

}  // namespace

PhaseBuilder::PhaseBuilder(const Topology& topology, const PathTable& paths, PlanDetail detail)
    : topology_(topology),
      paths_(paths),
      detail_(detail),
      loads_(topology.links().size(), 0),
      active_(static_cast<std::size_t>(topology.ranks()), false),
      on_network_(active_.size(), false) {}

void PhaseBuilder::transfer(RankId from, RankId to, double bytes) {
  if (from == to || bytes == 0) return;
  const Path path = paths_.path(from, to);
  if (detail_ == PlanDetail::transfers) transfers_.push_back({.from = from, .to = to, .bytes = bytes});
  for (const LinkSequence::Run run : path.links.runs()) {
    for (const LinkId link : run) loads_[link.index()] += bytes;
  }
  idle_ = false;
  longest_latency_ = std::max(longest_latency_, path.latency.value);
  if (path.transport == Transport::net_direct || path.transport == Transport::net_staged) {
    network_ = true;
    remote_bytes_ += bytes;
    on_network_[from.index()] = true;
    on_network_[to.index()] = true;
  } else {
    local_bytes_ += bytes;
  }
  if (path.transport == Transport::pcie_p2p || path.transport == Transport::host_staged) {
    active_[from.index()] = true;
    active_[to.index()] = true;
  }
}

PhaseLoad PhaseBuilder::finish(double message, double rounds, double steps) const {
  PhaseLoad load;
  const std::vector<Link>& links = topology_.links();
  for (std::size_t link = 0; link < links.size(); ++link) {
    double& worst = load.seconds_per_byte[static_cast<std::size_t>(links[link].kind)];
    worst = std::max(worst, loads_[link] / links[link].capacity.value);
  }
  load.busiest_host = most_on_a_host(topology_, active_);
  load.network_users = most_on_a_host(topology_, on_network_);
  load.message_per_byte = message;
  load.rounds = rounds;
  load.latency = longest_latency_ * steps;
  load.steps = steps;
  load.local_to_remote = remote_bytes_ > 0 ? local_bytes_ / remote_bytes_ : 0;
  load.network = network_;
  return load;
}

std::vector<std::vector<int>> ranks_by_machine(const Topology& topology, const std::vector<RankId>& group) {
  std::map<int, std::vector<int>> by_host;
  for (std::size_t position = 0; position < group.size(); ++position) {
    by_host[topology.host_of(group[position])].push_back(static_cast<int>(position));
  }
  std::vector<std::vector<int>> machines;
  for (auto& [host, positions] : by_host) machines.push_back(std::move(positions));
  return machines;
}

int channels(const Topology& topology, const PathTable& paths, const std::vector<RankId>& group,
             const std::vector<std::vector<int>>& machines) {
  if (machines.size() < 2) return 1;
  const std::vector<int>& near = machines.front();
  const std::vector<int>& far = machines[1];
  std::set<LinkId> ports;
  for (std::size_t position = 0; position < near.size(); ++position) {
    const auto from = static_cast<std::size_t>(near[position]);
    const auto to = static_cast<std::size_t>(far[position % far.size()]);
    const Path path = paths.path(group[from], group[to]);
    const auto port = std::find_if(path.links.begin(), path.links.end(),
                                   [&](LinkId link) { return topology.link(link).kind == LinkKind::nic; });
    if (port != path.links.end()) ports.insert(*port);
  }
  return std::max(1, static_cast<int>(ports.size()));
}

}  // namespace moesim
