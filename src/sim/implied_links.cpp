#include "sim/implied_links.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace moesim {
namespace {

class Covers {
 public:
  Covers(std::span<const BytesPerSecond> capacities, const RouteList& routes)
      : capacities_(capacities), routes_(routes), first_on_(capacities.size() + 1, 0), passing_(capacities.size(), 0) {
    for (std::size_t route = 0; route < routes.size(); ++route) {
      for (const LinkId link : routes[route]) ++first_on_[link.index() + 1];
    }
    for (std::size_t l = 0; l < capacities.size(); ++l) first_on_[l + 1] += first_on_[l];
    on_.resize(first_on_.back());
    std::vector<std::uint32_t> next(first_on_.begin(), first_on_.end() - 1);
    for (std::size_t route = 0; route < routes.size(); ++route) {
      for (const LinkId link : routes[route]) on_[next[link.index()]++] = static_cast<std::uint32_t>(route);
    }
  }

  /// Whether links no wider than `link`, together no wider either, carry all its flows. As covers are narrower, or as
  /// wide and earlier, none of them is implied by the link in turn.
  [[nodiscard]] bool covered(std::size_t link) {
    std::vector<std::uint32_t> left(on_.begin() + first_on_[link], on_.begin() + first_on_[link + 1]);
    if (std::ranges::adjacent_find(left) != left.end()) return false;  // a flow that passes twice counts twice
    double room = capacities_[link].value;
    while (!left.empty()) {
      const std::size_t cover = best_cover(link, left, room);
      if (cover == kNone) return false;
      room -= capacities_[cover].value;
      std::erase_if(left, [&](std::uint32_t route) {
        return std::ranges::any_of(routes_[route], [cover](LinkId other) { return other.index() == cover; });
      });
    }
    return true;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// The link that costs least room for each of the flows that it covers.
  [[nodiscard]] std::size_t best_cover(std::size_t link, const std::vector<std::uint32_t>& left, double room) {
    touched_.clear();
    for (const std::uint32_t route : left) {
      for (const LinkId other : routes_[route]) {
        if (passing_[other.index()]++ == 0) touched_.push_back(other.value);
      }
    }
    std::size_t best = kNone;
    double least = std::numeric_limits<double>::infinity();
    for (const std::uint32_t other : touched_) {
      const double capacity = capacities_[other].value;
      const double cost = capacity / passing_[other];
      passing_[other] = 0;
      const bool narrower = capacity < capacities_[link].value || (capacity == capacities_[link].value && other < link);
      if (!narrower || capacity > room || cost >= least) continue;
      least = cost;
      best = other;
    }
    return best;
  }

  std::span<const BytesPerSecond> capacities_;
  const RouteList& routes_;
  std::vector<std::uint32_t> first_on_;  ///< routes over each link: on_[first_on_[l] .. first_on_[l + 1])
  std::vector<std::uint32_t> on_;
  std::vector<std::uint32_t> passing_;  ///< by link, scratch
  std::vector<std::uint32_t> touched_;
};

}  // namespace

std::vector<char> implied_links(std::span<const BytesPerSecond> capacities, const RouteList& routes) {
  Covers covers(capacities, routes);
  std::vector<char> implied(capacities.size(), 0);
  for (std::size_t link = 0; link < capacities.size(); ++link) implied[link] = covers.covered(link) ? 1 : 0;
  return implied;
}

}  // namespace moesim
