#include <fmt/format.h>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cluster/config_check.hpp"
#include "cluster/topology_builder.hpp"

namespace moesim {

Topology explicit_graph(const ClusterConfig& config) {
  ConfigCheck check;
  TopologyBuilder builder;
  std::unordered_map<std::string_view, NodeId> by_name;
  check.require(!config.nodes_list.empty(), "nodes_list", "is empty (topology explicit lists its nodes)");
  for (const Node& node : config.nodes_list) by_name.emplace(node.name, builder.add(node.kind, node.name, node.host));
  for (std::size_t i = 0; i < config.links.size(); ++i) {
    const ExplicitLink& link = config.links[i];
    const std::string key = fmt::format("links[{}]", i);
    check.cable(link.cable, key);
    const auto from = by_name.find(link.from);
    const auto to = by_name.find(link.to);
    check.require(from != by_name.end(), key + ".from", fmt::format("\"{}\" is not in nodes_list", link.from));
    check.require(to != by_name.end(), key + ".to", fmt::format("\"{}\" is not in nodes_list", link.to));
    if (from == by_name.end() || to == by_name.end()) continue;
    builder.link(from->second, to->second, link.kind, link.cable);
    if (link.duplex) builder.link(to->second, from->second, link.kind, link.cable);
  }
  check.finish();
  return std::move(builder).build();
}

}  // namespace moesim
