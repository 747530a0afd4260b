#pragma once

#include <algorithm>
#include <string_view>

#include "moesim/cost/collectives.hpp"

namespace moesim {

[[nodiscard]] inline std::string_view collective_name(CollectiveKind kind) {
  return std::ranges::find(kCollectives, kind, &NamedCollective::kind)->name;
}
[[nodiscard]] inline std::string_view algorithm_name(AllToAllAlgorithm algorithm) {
  return std::ranges::find(kAllToAllAlgorithms, algorithm, &NamedAllToAll::algorithm)->name;
}

}  // namespace moesim
