#include "figure/work_parts.hpp"

#include <algorithm>

namespace moesim::figure {

std::size_t part_of(std::string_view kind) {
  const auto holds = [kind](const WorkPart& part) {
    return std::ranges::find(part.kinds, kind) != part.kinds.end() && !kind.empty();
  };
  const auto found = std::ranges::find_if(kWorkParts, holds);
  return std::min(static_cast<std::size_t>(found - kWorkParts.begin()), kWorkParts.size() - 1);
}

Json part_colors(const std::set<std::size_t>& parts) {
  Json domain = Json::array();
  Json range = Json::array();
  for (const std::size_t part : parts) {
    domain.push_back(kWorkParts.at(part).name);
    range.push_back(kWorkParts.at(part).color);
  }
  return {{"domain", std::move(domain)}, {"range", std::move(range)}};
}

}  // namespace moesim::figure
