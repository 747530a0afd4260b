#include "moesim/cluster/topologies.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

Topology build_topology(const ClusterConfig& config) {
  const auto found = std::ranges::find(kTopologies, config.topology, &NamedTopology::name);
  if (found != kTopologies.end()) return found->build(config);
  std::string names;
  for (const NamedTopology& topology : kTopologies) {
    if (!names.empty()) names += ", ";
    names += topology.name;
  }
  const std::string message = fmt::format("\"{}\" is not known (one of: {})", config.topology, names);
  throw InputError({{.file = {}, .line = 0, .column = 0, .key = "topology", .message = message}});
}

}  // namespace moesim
