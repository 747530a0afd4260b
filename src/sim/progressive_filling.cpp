#include "progressive_filling.hpp"

#include <algorithm>
#include <utility>

namespace moesim {
namespace {

/// Levels closer than this are one level: far above rounding (a few 1e-16 per flow of a link), far below what matters.
constexpr double kTie = 1 + 1e-12;
/// Rounds of the scan before the search by links takes over. Symmetric traffic needs one per tier of the network.
constexpr int kScans = 6;

std::span<const LinkId> route(const ProgressiveFilling::Flows& flows, std::uint32_t flow) {
  return flows.routes[flows.route_of[flow]];
}

double cap(const ProgressiveFilling::Flows& flows, std::uint32_t flow) {
  return flows.caps.empty() ? kInfinity : flows.caps[flow];
}

}  // namespace

void ProgressiveFilling::fix(std::span<const LinkId> route, double rate) {
  for (const LinkId link : route) {
    residual_[link.index()] = std::max(0.0, residual_[link.index()] - rate);
    open_[link.index()] -= 1;
  }
}

/// Every round looks at every flow that still grows: the fastest way as long as a round stops many of them.
/// @return false when flows were left after the last round
bool ProgressiveFilling::fill_by_scanning(const Flows& flows, std::span<double> rates) {
  for (int round = 0; round < kScans && !growing_.empty(); ++round) {
    double level = kInfinity;
    for (std::size_t l = 0; l < open_.size(); ++l) {
      if (open_[l] > 0) level = std::min(level, residual_[l] / open_[l]);
    }
    if (!flows.caps.empty()) {
      for (const std::uint32_t flow : growing_) level = std::min(level, flows.caps[flow]);
    }
    for (std::size_t l = 0; l < open_.size(); ++l) {
      full_[l] = open_[l] > 0 && residual_[l] / open_[l] <= level * kTie ? 1 : 0;
      if (full_[l] != 0) levels_[l] = level;
    }
    std::size_t kept = 0;
    for (const std::uint32_t flow : growing_) {
      bool stopped = cap(flows, flow) <= level * kTie;
      for (const LinkId link : route(flows, flow)) stopped = stopped || full_[link.index()] != 0;
      if (stopped) {
        rates[flow] = level;
        fix(route(flows, flow), level);
      } else {
        growing_[kept++] = flow;
      }
    }
    growing_.resize(kept);
  }
  return growing_.empty();
}

/// Every flow is looked at once for each link on its way: for networks whose links fill one after the other.
void ProgressiveFilling::fill_by_links(const Flows& flows, std::span<double> rates) {
  // Flows of each link, as one array.
  std::vector<std::uint32_t> first(open_.size() + 1, 0);
  for (const std::uint32_t flow : growing_) {
    for (const LinkId link : route(flows, flow)) ++first[link.index() + 1];
  }
  for (std::size_t l = 0; l + 1 < first.size(); ++l) first[l + 1] += first[l];
  std::vector<std::uint32_t> flows_of(first.back());
  std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
  for (const std::uint32_t flow : growing_) {
    for (const LinkId link : route(flows, flow)) flows_of[next[link.index()]++] = flow;
    rates[flow] = -1;  // still growing
  }
  std::vector<std::uint32_t> by_cap;
  if (!flows.caps.empty()) {
    by_cap = growing_;
    std::stable_sort(by_cap.begin(), by_cap.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return flows.caps[a] < flows.caps[b]; });
  }

  // Links by the level at which they fill. Levels only rise while other links stop flows, so a link whose entry is out
  // of date is put back with its present level.
  using Candidate = std::pair<double, std::uint32_t>;
  std::vector<Candidate> heap;
  const auto later = [](const Candidate& a, const Candidate& b) { return a > b; };
  for (std::uint32_t l = 0; l < open_.size(); ++l) {
    if (open_[l] > 0) heap.emplace_back(residual_[l] / open_[l], l);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  std::size_t capped = 0;
  double level = 0;
  while (true) {
    while (capped < by_cap.size() && rates[by_cap[capped]] >= 0) ++capped;
    const double next_cap = capped < by_cap.size() ? flows.caps[by_cap[capped]] : kInfinity;
    if (heap.empty() && next_cap == kInfinity) break;
    if (heap.empty() || next_cap <= heap.front().first) {
      rates[by_cap[capped]] = next_cap;
      fix(route(flows, by_cap[capped]), next_cap);
      continue;
    }
    const auto [entry, link] = heap.front();
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
    if (open_[link] <= 0) continue;
    const double present = residual_[link] / open_[link];
    if (present > entry) {
      heap.emplace_back(present, link);
      std::push_heap(heap.begin(), heap.end(), later);
      continue;
    }
    if (present > level * kTie) level = present;
    levels_[link] = level;
    for (std::uint32_t i = first[link]; i < first[link + 1]; ++i) {
      if (rates[flows_of[i]] >= 0) continue;
      rates[flows_of[i]] = level;
      fix(route(flows, flows_of[i]), level);
    }
  }
  for (const std::uint32_t flow : growing_) {
    if (rates[flow] < 0) rates[flow] = kInfinity;  // neither links nor a cap
  }
}

void ProgressiveFilling::solve(const Flows& flows, std::span<const std::uint32_t> present, std::span<double> rates) {
  levels_.assign(capacities_.size(), kInfinity);
  open_.assign(capacities_.size(), 0);
  full_.assign(capacities_.size(), 0);
  residual_ = capacities_;
  for (const std::uint32_t flow : present) {
    for (const LinkId link : route(flows, flow)) open_[link.index()] += 1;
  }
  growing_.assign(present.begin(), present.end());
  if (!fill_by_scanning(flows, rates)) fill_by_links(flows, rates);
}

}  // namespace moesim
