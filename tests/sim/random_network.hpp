#pragma once

#include <cstddef>
#include <rapidcheck.h>
#include <vector>

#include "moesim/sim/max_min.hpp"

namespace moesim::testing {

/// Flows over random links; capacities over four decades, so that levels come in many orders, or few distinct ones, so
/// that they tie.
struct RandomNetwork {
  std::vector<BytesPerSecond> capacities;
  std::vector<std::vector<LinkId>> routes;
  std::vector<BytesPerSecond> caps;  ///< empty: none
};

inline RandomNetwork random_network(std::size_t most_links, std::size_t most_flows) {
  RandomNetwork network;
  const auto links = *rc::gen::inRange<std::size_t>(1, most_links + 1);
  const bool tied = *rc::gen::arbitrary<bool>();
  for (std::size_t l = 0; l < links; ++l) {
    network.capacities.push_back({static_cast<double>(*rc::gen::inRange(1, tied ? 4 : 10000))});
  }
  const auto flows = *rc::gen::inRange<std::size_t>(1, most_flows + 1);
  for (std::size_t f = 0; f < flows; ++f) {
    std::vector<LinkId> route;
    const auto hops = *rc::gen::inRange<std::size_t>(1, 6);
    // A link may come twice: what is staged in host memory passes some links twice.
    for (std::size_t h = 0; h < hops; ++h) route.push_back(LinkId{*rc::gen::inRange<std::size_t>(0, links)});
    network.routes.push_back(route);
  }
  if (*rc::gen::arbitrary<bool>()) {
    for (std::size_t f = 0; f < flows; ++f) {
      network.caps.push_back({static_cast<double>(*rc::gen::inRange(1, tied ? 4 : 5000))});
    }
  }
  return network;
}

inline RouteList route_list(const RandomNetwork& network) {
  RouteList routes;
  for (const std::vector<LinkId>& route : network.routes) routes.add(route);
  return routes;
}

}  // namespace moesim::testing
