// All-to-alls on the reference clusters, by our flows and by SimGrid's flow-level model, side by side.
//
//   oracle_simgrid          32 and 128 ranks, skewed 128 ranks on the switch only; seconds
//   oracle_simgrid --full   32, 128 and 256 ranks, balanced and skewed, both clusters; minutes
//
// Prints a table (Markdown); fails when a time differs by more than a relative 1e-6. Each run is a process of its own:
// SimGrid has one engine per process, and peak memory can then be told.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fmt/core.h>
#include <simgrid/s4u.hpp>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "moesim/cluster/paths.hpp"
#include "moesim/sim/flow_network.hpp"

#include "sim/reference_cluster.hpp"

namespace moesim {
namespace {

struct Case {
  int ranks;
  bool tree;
  bool skewed;
};

struct Outcome {
  double time = 0;     ///< of the last byte [s]
  double seconds = 0;  ///< that the computation took
  double megabytes = 0;
};

std::vector<double> sizes(const Case& of) {
  const auto ranks = static_cast<std::size_t>(of.ranks);
  return of.skewed ? testing::skewed_bytes(ranks) : std::vector<double>(ranks * ranks, 1048576.0);
}

double by_our_flows(const Case& of) {
  const Topology topology = testing::reference_cluster(of.ranks / 8, of.tree ? 8 : 0);
  const PathTable paths(topology, {});
  return run_flows(link_capacities(topology), all_to_all_flows(paths, testing::all_ranks(topology), sizes(of)))
      .makespan.value;
}

double by_simgrid(const Case& of) {
  namespace s4u = simgrid::s4u;
  const Topology topology = testing::reference_cluster(of.ranks / 8, of.tree ? 8 : 0);
  const PathTable paths(topology, {});
  // Capacities as they are: no factors on bandwidth or latency, no TCP window, no acknowledgements in the other
  // direction, equal weights; every rate is solved again at every event.
  const std::vector<std::string> words = {"oracle",
                                          "--log=root.thres:critical",
                                          "--cfg=network/model:CM02",
                                          "--cfg=network/bandwidth-factor:1",
                                          "--cfg=network/latency-factor:1",
                                          "--cfg=network/TCP-gamma:0",
                                          "--cfg=network/crosstraffic:0",
                                          "--cfg=network/weight-S:0",
                                          "--cfg=network/optim:Full",
                                          "--cfg=contexts/stack-size:64"};
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  int count = static_cast<int>(arguments.size());
  s4u::Engine engine(&count, arguments.data());
  auto* zone = s4u::create_full_zone("cluster");
  std::vector<s4u::Host*> hosts;
  for (int rank = 0; rank < of.ranks; ++rank) hosts.push_back(zone->create_host("rank" + std::to_string(rank), 1e9));
  std::vector<s4u::Link*> links;
  for (const Link& link : topology.links()) {
    links.push_back(zone->create_link("link" + std::to_string(links.size()), link.capacity.value));
    links.back()->set_latency(0.0)->seal();
  }
  const auto rank_of = [](int rank) { return RankId(static_cast<std::size_t>(rank)); };
  for (int i = 0; i < of.ranks; ++i) {
    for (int j = 0; j < of.ranks; ++j) {
      if (i == j) continue;
      std::vector<s4u::LinkInRoute> route;
      const Path path = paths.path(rank_of(i), rank_of(j));
      for (const LinkId link : path.links) route.emplace_back(links[link.index()]);
      zone->add_route(hosts[static_cast<std::size_t>(i)]->get_netpoint(),
                      hosts[static_cast<std::size_t>(j)]->get_netpoint(), nullptr, nullptr, route, false);
    }
  }
  zone->seal();
  const std::vector<double> bytes = sizes(of);
  s4u::Actor::create("all_to_all", hosts.front(), [&hosts, &bytes] {
    std::vector<s4u::CommPtr> flows;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      for (std::size_t j = 0; j < hosts.size(); ++j) {
        if (i == j) continue;
        flows.push_back(
            s4u::Comm::sendto_async(hosts[i], hosts[j], static_cast<std::uint64_t>(bytes[i * hosts.size() + j])));
      }
    }
    for (const s4u::CommPtr& flow : flows) flow->wait();
  });
  engine.run();
  return s4u::Engine::get_clock();
}

/// In a child process.
Outcome measure(const Case& of, double (*compute)(const Case&)) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  std::fflush(stdout);  // or the child prints it again
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const auto begin = std::chrono::steady_clock::now();
    Outcome outcome{.time = compute(of)};
    outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    outcome.megabytes = static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
    const bool written = write(ends[1], &outcome, sizeof outcome) == static_cast<ssize_t>(sizeof outcome);
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  Outcome outcome;
  if (read(ends[0], &outcome, sizeof outcome) != static_cast<ssize_t>(sizeof outcome)) outcome = {};
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return outcome;
}

int run(bool full) {
  std::vector<Case> cases;
  for (const int ranks : {32, 128, 256}) {
    for (const bool tree : {false, true}) {
      for (const bool skewed : {false, true}) {
        if (full || ranks == 32 || (ranks == 128 && !skewed)) cases.push_back({ranks, tree, skewed});
      }
    }
  }
  fmt::print(
      "| cluster | ranks | sizes | ours [s] | SimGrid [s] | difference | ours took | SimGrid took | speed-up |\n");
  fmt::print("|---|---|---|---|---|---|---|---|---|\n");
  bool agrees = true;
  for (const Case& one : cases) {
    const Outcome ours = measure(one, by_our_flows);
    const Outcome theirs = measure(one, by_simgrid);
    const double difference = std::abs(ours.time / theirs.time - 1);
    agrees = agrees && difference <= 1e-6;
    fmt::print("| {} | {} | {} | {:.9f} | {:.9f} | {:.1e} | {:.1f} ms, {:.0f} MB | {:.0f} ms, {:.0f} MB | {:.0f}x |\n",
               one.tree ? "reference_fat_tree" : "reference_shared_nic", one.ranks, one.skewed ? "skewed" : "balanced",
               ours.time, theirs.time, difference, 1e3 * ours.seconds, ours.megabytes, 1e3 * theirs.seconds,
               theirs.megabytes, theirs.seconds / ours.seconds);
    std::fflush(stdout);
  }
  return agrees ? 0 : 1;
}

}  // namespace
}  // namespace moesim

int main(int count, char** arguments) { return moesim::run(count > 1 && std::strcmp(arguments[1], "--full") == 0); }
