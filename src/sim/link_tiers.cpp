#include "sim/link_tiers.hpp"

#include <algorithm>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

LinkTiers::LinkTiers(const Topology& topology) : topology_(topology) {}

void LinkTiers::declare(const CapacityFactors& factors) {
  MOESIM_EXPECTS(capacities_.empty());
  for (std::size_t kind = 0; kind < factors.size(); ++kind) {
    MOESIM_EXPECTS(factors[kind] > 0 && factors[kind] <= 1);
    std::vector<double>& shares = shares_[kind];
    const auto at = std::lower_bound(shares.begin(), shares.end(), factors[kind]);
    if (at == shares.end() || *at != factors[kind]) shares.insert(at, factors[kind]);
  }
}

const std::vector<BytesPerSecond>& LinkTiers::capacities() {
  if (!capacities_.empty()) return capacities_;
  for (const Link& link : topology_.links()) {
    first_.push_back(static_cast<std::uint32_t>(capacities_.size()));
    for (const double share : shares_[static_cast<std::size_t>(link.kind)]) {
      capacities_.push_back(share * link.capacity);
    }
  }
  return capacities_;
}

void LinkTiers::route(const Path& path, const CapacityFactors& factors, std::vector<LinkId>& into) const {
  MOESIM_EXPECTS(!first_.empty());
  into.clear();
  for (const LinkId link : path.links) {
    const auto kind = static_cast<std::size_t>(topology_.link(link).kind);
    const std::vector<double>& shares = shares_[kind];
    const auto own = std::lower_bound(shares.begin(), shares.end(), factors[kind]);
    MOESIM_EXPECTS(own != shares.end() && *own == factors[kind]);
    for (auto tier = own; tier != shares.end(); ++tier) {
      into.emplace_back(first_[link.index()] + static_cast<std::size_t>(tier - shares.begin()));
    }
  }
}

}  // namespace moesim
