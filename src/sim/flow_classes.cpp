#include "flow_classes.hpp"

#include <algorithm>

namespace moesim {
namespace {

/// Completions this close, relative to the bytes moved, are one instant: above the rounding of a million steps.
constexpr double kSameInstant = 1e-12;
/// A link with so much of its capacity left, and no flow that it stops, might as well be dormant.
constexpr double kIdleRoom = 1.0 / 3;

}  // namespace

double FlowClasses::until_next() const {
  const std::vector<double>& level = levels_.levels();
  double next = kInfinity;
#pragma omp simd reduction(min : next)
  for (std::size_t k = 0; k < clock_.size(); ++k) next = std::min(next, (due_[k] - clock_[k]) / level[k]);
  return std::max(0.0, next);
}

void FlowClasses::advance(double seconds) {
  const std::vector<double>& level = levels_.levels();
  for (std::size_t k = 0; k < clock_.size(); ++k) clock_[k] += level[k] * seconds;
}

void FlowClasses::schedule(Index flow_class) {
  Class& of = classes_[flow_class];
  ++of.stamp;
  if (of.head == of.end) return;
  std::vector<Due>& heap = heap_[of.home];
  heap.push_back({.at = member_remaining_[of.head] + of.behind, .flow_class = flow_class, .stamp = of.stamp});
  std::push_heap(heap.begin(), heap.end(), [](const Due& a, const Due& b) { return a.at > b.at; });
}

/// Drops entries of the heap that are out of date.
void FlowClasses::refresh(Index constraint) {
  std::vector<Due>& heap = heap_[constraint];
  while (!heap.empty() && classes_[heap.front().flow_class].stamp != heap.front().stamp) {
    std::pop_heap(heap.begin(), heap.end(), [](const Due& a, const Due& b) { return a.at > b.at; });
    heap.pop_back();
  }
  due_[constraint] = heap.empty() ? kInfinity : heap.front().at;
}

/// Classes that another constraint stops now follow its clock.
void FlowClasses::follow_moves() {
  levels_.take_moved(moved_);
  for (const Index moved : moved_) {
    Class& of = classes_[moved];
    const Index from = of.home;
    const Index to = levels_.stopped_by(moved);
    if (from == to) continue;
    of.behind += clock_[to] - clock_[from];
    of.home = to;
    schedule(moved);
    refresh(from);
    refresh(to);
  }
}

void FlowClasses::count_waste() {
  levels_.take_idle(idle_);
  for (const Index k : idle_) {
    if (levels_.stops_any(k) || counted_idle_[k] != 0 || link_of_constraint_[k] == kNone) continue;
    if (levels_.residual(k) < kIdleRoom * levels_.capacity(k)) continue;
    counted_idle_[k] = 1;
    idle_passages_ += levels_.classes_on(k);
  }
  wasted_ += idle_passages_;
}

bool FlowClasses::complete(std::vector<std::uint32_t>& done) {
  for (Index k = 0; k < clock_.size(); ++k) {
    while (due_[k] * (1 - kSameInstant) <= clock_[k]) {
      const Index c = heap_[k].front().flow_class;
      Class& of = classes_[c];
      const std::uint32_t flow = member_[of.head++];
      done.push_back(flow);
      --left_;
      levels_.remove_flow(c);
      if (!levels_.uniform(c)) {
        for (const LinkId link : flows_.routes[flows_.route_of[flow]]) {
          const Index constraint = constraint_of_link_[link.index()];
          if (constraint != kNone) levels_.remove_passage(c, constraint);
        }
      }
      schedule(c);
      refresh(k);
    }
  }
  const bool fit = levels_.settle();
  if (fit) {
    follow_moves();
    count_waste();
  }
  return fit;
}

void FlowClasses::dissolve(std::vector<std::uint32_t>& present, std::span<double> remaining, std::span<double> rates,
                           std::span<double> levels) const {
  present.clear();
  for (const Class& of : classes_) {
    const double moved = clock_[of.home] - of.behind;
    const double rate = levels_.level(of.home);
    for (std::uint32_t i = of.head; i < of.end; ++i) {
      present.push_back(member_[i]);
      remaining[member_[i]] = std::max(0.0, member_remaining_[i] - moved);
      rates[member_[i]] = rate;
    }
  }
  std::sort(present.begin(), present.end());
  std::fill(levels.begin(), levels.end(), kInfinity);
  for (Index k = 0; k < link_of_constraint_.size(); ++k) {
    if (link_of_constraint_[k] != kNone && levels_.stops_any(k)) levels[link_of_constraint_[k]] = levels_.level(k);
  }
}

}  // namespace moesim
