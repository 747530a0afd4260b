#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "moesim/cost/collectives.hpp"
#include "moesim/graph/op_graph.hpp"

namespace moesim {

[[nodiscard]] inline std::string_view collective_name(CollectiveKind kind) {
  return std::ranges::find(kCollectives, kind, &NamedCollective::kind)->name;
}
/// By Stream.
inline constexpr std::array<std::string_view, kStreams> kStreamNames = {
    "compute", "expert communication", "tensor communication", "gradient communication"};

}  // namespace moesim
