#include "sim/mirrored_traffic.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace moesim {
namespace {

/// Sizes come out of a division by the largest send buffer: this close they are one, relative.
constexpr double kSameSize = 1e-14;

bool same_size(double a, double b) { return std::abs(a - b) <= kSameSize * std::max(a, b); }

/// Transfers in the order of their ranks, as positions in the leg.
template <class Key>
std::vector<std::uint32_t> ordered(const Leg& leg, const Key& key) {
  std::vector<std::uint32_t> order(leg.transfers.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(
      order, [&](std::uint32_t a, std::uint32_t b) { return key(leg.transfers[a]) < key(leg.transfers[b]); });
  return order;
}

bool mirrored(const Leg& one, double one_unit, const Leg& other, double other_unit, MirroredLinks& links) {
  if (one.shares != other.shares || one.transfers.size() != other.transfers.size()) return false;
  const auto there = ordered(one, [](const Transfer& of) { return std::pair(of.from, of.to); });
  const auto back = ordered(other, [](const Transfer& of) { return std::pair(of.to, of.from); });
  for (std::size_t i = 0; i < there.size(); ++i) {
    const Transfer& forth = one.transfers[there[i]];
    const Transfer& home = other.transfers[back[i]];
    if (forth.from != home.to || forth.to != home.from) return false;
    if (!same_size(forth.bytes * one.inflation * one_unit, home.bytes * other.inflation * other_unit)) return false;
    if (!links.mirror(one.routes[there[i]], other.routes[back[i]])) return false;
  }
  return true;
}

}  // namespace

MirroredLinks::MirroredLinks(std::span<const BytesPerSecond> capacities, const RouteList& routes)
    : capacities_(capacities), routes_(&routes), image_(capacities.size(), LinkId{capacities.size()}) {}

bool MirroredLinks::mirror(std::uint32_t there, std::uint32_t back) {
  const std::span<const LinkId> forth = (*routes_)[there];
  const std::span<const LinkId> home = (*routes_)[back];
  if (forth.size() != home.size()) return false;
  const LinkId unknown{capacities_.size()};
  for (std::size_t hop = 0; hop < forth.size(); ++hop) {
    const LinkId link = forth[hop];
    const LinkId image = home[home.size() - 1 - hop];
    LinkId& known = image_[link.index()];
    LinkId& reversed = image_[image.index()];
    if (known == unknown && reversed == unknown && capacities_[link.index()] == capacities_[image.index()]) {
      known = image;
      reversed = link;
    }
    if (known != image || reversed != link) return false;
  }
  return true;
}

bool mirrored(const PlannedTraffic& one, const PlannedTraffic& other, std::vector<MirroredLinks>& links) {
  if (one.overlapped != other.overlapped || one.groups.size() != other.groups.size()) return false;
  for (std::size_t group = 0; group < one.groups.size(); ++group) {
    if (one.groups[group].size() != other.groups[group].size()) return false;
    for (std::size_t phase = 0; phase < one.groups[group].size(); ++phase) {
      const Leg& leg = one.groups[group][phase];
      if (!mirrored(leg, one.unit[group], other.groups[group][phase], other.unit[group], links[leg.shares]))
        return false;
    }
  }
  return true;
}

}  // namespace moesim
