#include "moesim/cluster/topology.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

/// Collects the problems of one kind up to a few examples, so that a wrong file of a thousand nodes stays readable.
class Problems {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    found_.push_back(
        {.file = {}, .line = 0, .column = 0, .key = {}, .message = fmt::format(format, std::forward<Args>(args)...)});
  }
  [[nodiscard]] bool none() const { return found_.empty(); }
  [[noreturn]] void raise() && { throw InputError(std::move(found_)); }

 private:
  std::vector<Diagnostic> found_;
};

/// Names are for people, but commands and reports find nodes by them.
void check_names(const std::vector<Node>& nodes, Problems& problems) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].name.empty()) {
      problems.add("node {} has no name", i);
    } else if (!seen.insert(nodes[i].name).second) {
      problems.add("two nodes are called \"{}\" (names must be unique)", nodes[i].name);
    }
  }
}

/// @return number of machines
int check_hosts(const std::vector<Node>& nodes, Problems& problems) {
  std::vector<int> numbers;
  for (const Node& node : nodes) {
    if (node.kind == NodeKind::network_switch && node.host != -1) {
      problems.add("network switch \"{}\" belongs to machine {} (it must stand outside: host -1)", node.name,
                   node.host);
    } else if (node.kind != NodeKind::network_switch && node.host < 0) {
      problems.add("{} \"{}\" belongs to no machine (give its host, from 0)", node_kind_name(node.kind), node.name);
    } else if (node.host >= 0) {
      numbers.push_back(node.host);
    }
  }
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != static_cast<int>(i)) {
      problems.add("no node belongs to machine {} (machines are numbered 0, 1, 2... without a gap)", i);
      break;
    }
  }
  return static_cast<int>(numbers.size());
}

void check_ends(const std::vector<Node>& nodes, const std::vector<Link>& links, Problems& problems) {
  for (std::size_t i = 0; i < links.size(); ++i) {
    const Link& link = links[i];
    if (link.from.index() >= nodes.size() || link.to.index() >= nodes.size()) {
      problems.add("link {} joins a node that does not exist ({} -> {}, there are {} nodes)", i, link.from.index(),
                   link.to.index(), nodes.size());
      continue;
    }
    const Node& from = nodes[link.from.index()];
    const Node& to = nodes[link.to.index()];
    if (link.from == link.to) problems.add("link {} joins \"{}\" to itself", i, from.name);
    const bool may_leave = link.kind == LinkKind::nic || link.kind == LinkKind::fabric;
    if (from.host != to.host && !may_leave) {
      problems.add("{} link {} -> {} leaves its machine (only nic and fabric links do)", link_kind_name(link.kind),
                   from.name, to.name);
    }
  }
}

void check_numbers(const std::vector<Link>& links, Problems& problems) {
  for (const Link& link : links) {
    if (!(link.capacity.value > 0) || !std::isfinite(link.capacity.value)) {
      problems.add("link {} has a capacity of {} B/s (it must be positive and finite)", link.name, link.capacity.value);
    }
    if (!(link.latency.value >= 0) || !std::isfinite(link.latency.value)) {
      problems.add("link {} has a latency of {} s (it must be finite and not negative)", link.name, link.latency.value);
    }
  }
}

/// Gives every link without a name one after its ends, and finds names that were given twice.
void name_links(const std::vector<Node>& nodes, std::vector<Link>& links, Problems& problems) {
  std::unordered_map<std::string, int> used;
  used.reserve(links.size());
  for (std::size_t i = 0; i < links.size(); ++i) {
    Link& link = links[i];
    const bool ends_exist = link.from.index() < nodes.size() && link.to.index() < nodes.size();
    if (link.name.empty()) {
      const std::string name =
          ends_exist ? nodes[link.from.index()].name + "->" + nodes[link.to.index()].name : fmt::format("link{}", i);
      const int times = ++used[name];
      link.name = times == 1 ? name : fmt::format("{}#{}", name, times);
    } else if (++used[link.name] > 1) {
      problems.add("two links are called \"{}\" (names must be unique)", link.name);
    }
  }
}

/// Nodes that can be reached from `start` along (or, reversed, against) the links.
std::vector<bool> reached_from(NodeId start, std::size_t nodes, const std::vector<Link>& links, bool reversed) {
  std::vector<std::vector<std::uint32_t>> next(nodes);
  for (const Link& link : links) {
    const NodeId from = reversed ? link.to : link.from;
    const NodeId to = reversed ? link.from : link.to;
    next[from.index()].push_back(to.value);
  }
  std::vector<bool> reached(nodes, false);
  std::vector<std::uint32_t> open{start.value};
  reached[start.index()] = true;
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    for (const std::uint32_t to : next[at]) {
      if (!reached[to]) {
        reached[to] = true;
        open.push_back(to);
      }
    }
  }
  return reached;
}

/// Every GPU reaches every other exactly when the first reaches all and all reach the first.
void check_connected(const std::vector<Node>& nodes, const std::vector<Link>& links, const std::vector<NodeId>& gpus,
                     Problems& problems) {
  const std::vector<bool> there = reached_from(gpus.front(), nodes.size(), links, false);
  const std::vector<bool> back = reached_from(gpus.front(), nodes.size(), links, true);
  const std::string& first = nodes[gpus.front().index()].name;
  for (const NodeId gpu : gpus) {
    const std::string& name = nodes[gpu.index()].name;
    if (!there[gpu.index()]) problems.add("no way from {} to {} (the graph must be connected)", first, name);
    if (!back[gpu.index()]) problems.add("no way from {} to {} (the graph must be connected)", name, first);
  }
}

}  // namespace

std::string make_of_name(std::string_view name) {
  std::string make;
  for (const char letter : name) {
    const bool digit = letter >= '0' && letter <= '9';
    if (!digit) {
      make += letter;
    } else if (make.empty() || make.back() != '*') {
      make += '*';
    }
  }
  return make;
}

Topology Topology::create(std::vector<Node> nodes, std::vector<Link> links) {
  Problems problems;
  Topology topology;
  check_names(nodes, problems);
  topology.hosts_ = check_hosts(nodes, problems);
  name_links(nodes, links, problems);
  check_ends(nodes, links, problems);
  check_numbers(links, problems);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].kind == NodeKind::gpu) topology.gpus_.emplace_back(i);
  }
  if (topology.gpus_.empty()) problems.add("there is no GPU (at least one node of kind gpu is needed)");
  const bool ends_exist = std::ranges::all_of(
      links, [&](const Link& link) { return link.from.index() < nodes.size() && link.to.index() < nodes.size(); });
  if (ends_exist && !topology.gpus_.empty()) check_connected(nodes, links, topology.gpus_, problems);
  if (!problems.none()) std::move(problems).raise();

  topology.outgoing_.resize(nodes.size());
  for (std::size_t i = 0; i < links.size(); ++i) topology.outgoing_[links[i].from.index()].emplace_back(i);
  topology.nodes_ = std::move(nodes);
  topology.links_ = std::move(links);
  return topology;
}

}  // namespace moesim
