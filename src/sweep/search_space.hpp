#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "moesim/scenario/scenario.hpp"
#include "moesim/sweep/search.hpp"

namespace moesim {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Layouts that run the same kernels: what they differ in (ZeRO, schedule, all-to-all algorithm) changes communication,
/// waiting and memory only.
struct LayoutGroup {
  int gpus = 0;
  Settings shared;
  std::vector<Settings> layouts;  ///< the further settings of each
};

/// Every layout of the scenario's model and workload on so many GPUs whose degrees divide.
[[nodiscard]] std::vector<LayoutGroup> layout_groups(const Scenario& scenario, int gpus);

/// Every combination of the keys' values.
[[nodiscard]] std::vector<Settings> combinations(const std::vector<SearchKey>& keys);

}  // namespace moesim
