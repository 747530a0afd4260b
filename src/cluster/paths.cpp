#include "moesim/cluster/paths.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"

#include "cluster/machine_routes.hpp"
#include "cluster/network_routes.hpp"
#include "cluster/segment_pool.hpp"

namespace moesim {

std::string_view transport_name(Transport transport) {
  switch (transport) {
    case Transport::self:
      return "self";
    case Transport::nvlink:
      return "nvlink";
    case Transport::pcie_p2p:
      return "pcie_p2p";
    case Transport::host_staged:
      return "host_staged";
    case Transport::net_direct:
      return "net_direct";
    case Transport::net_staged:
      return "net_staged";
  }
  return "";
}

/// A path between machines is put together from three segments when it is asked for: out of the machine, from switch to
/// switch, into the machine. So the table grows with GPUs and with pairs of switches, not with pairs of GPUs.
struct PathTable::Routes {
  struct Place {
    std::uint32_t host = 0;
    std::uint32_t gpu = 0;  ///< within the machine
  };
  struct Crossing {
    const Gate* exit = nullptr;
    const Gate* entry = nullptr;
  };

  Routes(const Topology& topology, const TransportRules& rules) : network(topology, pool) {
    std::vector<std::vector<NodeId>> nodes(static_cast<std::size_t>(topology.hosts()));
    std::vector<std::vector<NodeId>> gpus(nodes.size());
    for (std::size_t i = 0; i < topology.nodes().size(); ++i) {
      if (topology.nodes()[i].host >= 0) nodes[static_cast<std::size_t>(topology.nodes()[i].host)].emplace_back(i);
    }
    for (const NodeId gpu : topology.gpus()) {
      const auto host = static_cast<std::uint32_t>(topology.node(gpu).host);
      places.push_back({host, static_cast<std::uint32_t>(gpus[host].size())});
      gpus[host].push_back(gpu);
    }
    for (std::size_t host = 0; host < nodes.size(); ++host) {
      machines.push_back(find_machine_routes(topology, rules, nodes[host], gpus[host], network, pool));
    }
  }

  [[nodiscard]] const LocalRoute* local(RankId from, RankId to) const {
    const Place& a = places[from.index()];
    const Place& b = places[to.index()];
    if (a.host != b.host) return nullptr;
    const MachineRoutes& machine = machines[a.host];
    const LocalRoute& route = machine.local[a.gpu * machine.exits.size() + b.gpu];
    return route.transport == Transport::self ? nullptr : &route;
  }

  /// Exit and entry with the fewest hops between them; own NICs before forwarding, equal ones in turn. Null: no route.
  [[nodiscard]] Crossing crossing(RankId from, RankId to) const {
    const Place& a = places[from.index()];
    const Place& b = places[to.index()];
    const std::vector<Gate>& exits = machines[a.host].exits[a.gpu];
    const std::vector<Gate>& entries = machines[b.host].entries[b.gpu];
    Crossing best;
    std::pair best_key(NetworkRoutes::kNoRoute, false);
    std::size_t equal = 0;
    const auto visit = [&](auto&& take) {
      for (const Gate& exit : exits) {
        for (const Gate& entry : entries)
          take(std::pair(network.hops(exit.point, entry.point), exit.forwarded), exit, entry);
      }
    };
    visit([&](const std::pair<int, bool>& key, const Gate& exit, const Gate& entry) {
      if (key.first == NetworkRoutes::kNoRoute || (best.exit != nullptr && key > best_key)) return;
      if (best.exit == nullptr || key < best_key) {
        best = {&exit, &entry};
        best_key = key;
        equal = 0;
      }
      ++equal;
    });
    if (equal > 1) {
      std::size_t skip = (from.index() + to.index()) % equal;
      visit([&](const std::pair<int, bool>& key, const Gate& exit, const Gate& entry) {
        if (key == best_key && skip-- == 0) best = {&exit, &entry};
      });
    }
    return best;
  }

  [[nodiscard]] std::string why_no_path(const Topology& topology, const TransportRules& rules, RankId from,
                                        RankId to) const {
    const Place& a = places[from.index()];
    const Place& b = places[to.index()];
    if (a.host != b.host) {
      for (const Place& place : {a, b}) {
        if (!machines[place.host].problems[place.gpu].empty()) return machines[place.host].problems[place.gpu];
      }
    }
    const std::string pair = fmt::format("from {} to {}", topology.node(topology.gpus()[from.index()]).name,
                                         topology.node(topology.gpus()[to.index()]).name);
    if (a.host != b.host)
      return fmt::format("no route {}: the leaves of their NICs are not joined (add a spine, or allow transport.pxn)",
                         pair);
    return fmt::format(
        "no transport {}: farther than p2p_level ({}), and there is no host memory to stage through (add one, or raise "
        "transport.p2p_level)",
        pair, path_level_name(rules.p2p_level));
  }

  SegmentPool pool;
  NetworkRoutes network;
  std::vector<Place> places;  ///< by rank
  std::vector<MachineRoutes> machines;
};

namespace {

/// So many pairs without a path are named; the rest is counted.
constexpr std::size_t kMostProblems = 8;

}  // namespace

PathTable::PathTable(const Topology& topology, const TransportRules& rules)
    : routes_(std::make_shared<const Routes>(topology, rules)) {
  const bool all_have_gates = std::ranges::all_of(routes_->machines, [](const MachineRoutes& machine) {
    return std::ranges::all_of(machine.problems, [](const std::string& problem) { return problem.empty(); });
  });
  if (all_have_gates && routes_->network.complete())
    return;  // whoever finds no way inside the machine takes the network
  std::vector<std::string> problems;
  for (int from = 0; from < ranks(); ++from) {
    for (int to = 0; to < ranks(); ++to) {
      const RankId a(static_cast<std::size_t>(from));
      const RankId b(static_cast<std::size_t>(to));
      if (a == b || routes_->local(a, b) != nullptr || routes_->crossing(a, b).exit != nullptr) continue;
      std::string problem = routes_->why_no_path(topology, rules, a, b);
      if (std::ranges::find(problems, problem) == problems.end()) problems.push_back(std::move(problem));
    }
  }
  if (problems.empty()) return;
  std::vector<Diagnostic> diagnostics;
  for (std::size_t i = 0; i < std::min(problems.size(), kMostProblems); ++i) {
    diagnostics.push_back({.file = {}, .line = 0, .column = 0, .key = "transport", .message = problems[i]});
  }
  if (problems.size() > kMostProblems) {
    diagnostics.push_back({.file = {},
                           .line = 0,
                           .column = 0,
                           .key = "transport",
                           .message = fmt::format("{} more pairs like these", problems.size() - kMostProblems)});
  }
  throw InputError(std::move(diagnostics));
}

int PathTable::ranks() const { return static_cast<int>(routes_->places.size()); }

Path PathTable::path(RankId from, RankId to) const {
  MOESIM_EXPECTS(from.index() < routes_->places.size() && to.index() < routes_->places.size());
  const Routes& routes = *routes_;
  if (from == to) return {};
  if (const LocalRoute* local = routes.local(from, to)) {
    return {local->transport, LinkSequence(routes.pool.links(local->segment)), local->segment.latency};
  }
  const auto [exit, entry] = routes.crossing(from, to);
  MOESIM_ENSURES(exit != nullptr);
  const Segment& between = routes.network.route(exit->point, entry->point, from.index() + to.index());
  return {exit->staged || entry->staged ? Transport::net_staged : Transport::net_direct,
          LinkSequence(routes.pool.links(exit->segment), routes.pool.links(between), routes.pool.links(entry->segment)),
          exit->segment.latency + between.latency + entry->segment.latency};
}

}  // namespace moesim
