#include "water_levels.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace moesim {
namespace {

/// Levels this close may stand in either order: above rounding, so that equal ones do not change places for ever.
constexpr double kInOrder = 1 - 1e-12;
/// A link without flows of its own takes some over when it is overloaded by more. Larger than the tolerance above, so
/// that it then finds its place.
constexpr double kOverload = -2e-12;
/// Runs that are closer than this are joined: some zeros cost less than another run.
constexpr std::uint32_t kGap = 8;

/// The inner loop of all: what a changed level takes from the residuals of other links.
inline __attribute__((always_inline)) void pass_on_loop(double change, const float* passages, double* residual,
                                                        std::size_t count) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) residual[i] -= static_cast<double>(passages[i]) * change;
}

#if defined(__x86_64__)
// The same operations on every number, so the same bits; only more of them at a time.
__attribute__((target("avx2"))) void pass_on_wide(double change, const float* passages, double* residual,
                                                  std::size_t count) {
  pass_on_loop(change, passages, residual, count);
}
const bool kWide = static_cast<int>(__builtin_cpu_supports("avx2")) != 0;
#endif

void pass_on(double change, const float* passages, double* residual, std::size_t count) {
#if defined(__x86_64__)
  if (kWide) return pass_on_wide(change, passages, residual, count);
#endif
  pass_on_loop(change, passages, residual, count);
}

}  // namespace

WaterLevels::Index WaterLevels::add_link(double capacity, double level) {
  capacity_.push_back(capacity);
  shown_.push_back(level);
  level_.push_back(level == kInfinity ? 0 : level);
  is_cap_.push_back(0);
  return static_cast<Index>(capacity_.size() - 1);
}

WaterLevels::Index WaterLevels::add_cap(double rate) {
  const Index cap = add_link(rate, rate);
  is_cap_.back() = 1;
  return cap;
}

WaterLevels::Index WaterLevels::add_class(std::uint32_t flows, double rate_limit) {
  const auto end = static_cast<Index>(entries_.size());
  classes_.push_back({.first = end, .last = end, .flows = flows, .uniform = true, .rate_limit = rate_limit});
  return static_cast<Index>(classes_.size() - 1);
}

void WaterLevels::add_passages(Index constraint, double passages, bool stops) {
  entries_.push_back({.constraint = constraint,
                      .flow_class = static_cast<Index>(classes_.size() - 1),
                      .passages = static_cast<float>(passages),
                      .stops = stops});
  classes_.back().last = static_cast<Index>(entries_.size());
  classes_.back().uniform = classes_.back().uniform && stops;
}

/// Which constraints a constraint may push: those on the way of the classes that it may stop.
void WaterLevels::find_runs() {
  const std::size_t n = capacity_.size();
  const std::size_t words = (n + 63) / 64;
  std::vector<std::uint64_t> pushed(n * words, 0);
  for (const Class& of : classes_) {
    for (Index e = of.first; e < of.last; ++e) {
      if (!entries_[e].stops) continue;
      std::uint64_t* row = pushed.data() + entries_[e].constraint * words;
      for (Index other = of.first; other < of.last; ++other) {
        const Index k = entries_[other].constraint;
        if (other != e) row[k / 64] |= std::uint64_t{1} << (k % 64);
      }
    }
  }
  Index at = 0;
  for (std::size_t k = 0; k < n; ++k) {
    first_run_.push_back(static_cast<Index>(runs_.size()));
    for (std::size_t w = 0; w < words; ++w) {
      for (std::uint64_t bits = pushed[k * words + w]; bits != 0; bits &= bits - 1) {
        const Index other = static_cast<Index>(w * 64) + static_cast<Index>(std::countr_zero(bits));
        if (runs_.size() > first_run_.back() && other < runs_.back().last + kGap) {
          at += other + 1 - runs_.back().last;
          runs_.back().last = other + 1;
        } else {
          runs_.push_back({.first = other, .last = other + 1, .at = at++});
        }
      }
    }
  }
  first_run_.push_back(static_cast<Index>(runs_.size()));
  passages_.assign(at, 0);
}

float& WaterLevels::passages(Index stopping, Index passed) {
  const auto begin = runs_.begin() + first_run_[stopping];
  const auto end = runs_.begin() + first_run_[stopping + 1];
  const auto run = std::upper_bound(begin, end, passed, [](Index k, const Run& of) { return k < of.first; }) - 1;
  return passages_[run->at + passed - run->first];
}

void WaterLevels::start() {
  const std::size_t n = capacity_.size();
  residual_ = capacity_;
  own_.assign(n, 0);
  limit_.assign(n, kInfinity);
  present_.assign(n, 0);
  position_.resize(n);
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), Index{0});
  std::stable_sort(order_.begin(), order_.end(), [this](Index a, Index b) { return shown_[a] < shown_[b]; });
  for (std::size_t i = 0; i < n; ++i) position_[order_[i]] = static_cast<Index>(i);
  find_runs();

  first_on_.assign(n + 1, 0);
  for (const Entry& entry : entries_) ++first_on_[entry.constraint + 1];
  for (std::size_t k = 0; k < n; ++k) {
    present_[k] = first_on_[k + 1];
    first_on_[k + 1] += first_on_[k];
  }
  class_on_.resize(entries_.size());
  std::vector<Index> next(first_on_.begin(), first_on_.end() - 1);
  for (const Entry& entry : entries_) class_on_[next[entry.constraint]++] = entry.flow_class;

  for (const Class& flow_class : classes_) {
    Index by = kNone;
    for (Index e = flow_class.first; e < flow_class.last; ++e) {
      const Index k = entries_[e].constraint;
      if (entries_[e].stops && (by == kNone || position_[k] < position_[by])) by = k;
    }
    stopped_by_.push_back(by);
    limit_[by] = std::min(limit_[by], flow_class.rate_limit);
    for (Index e = flow_class.first; e < flow_class.last; ++e) {
      const Index k = entries_[e].constraint;
      if (k == by) {
        own_[k] += static_cast<double>(entries_[e].passages);
      } else {
        residual_[k] -= static_cast<double>(entries_[e].passages) * level_[by];
        passages(by, k) += entries_[e].passages;
      }
    }
  }
  dirty_from_ = 0;
}

bool WaterLevels::shares_classes(Index stopping, Index passed) const {
  const auto begin = runs_.begin() + first_run_[stopping];
  const auto end = runs_.begin() + first_run_[stopping + 1];
  const auto run = std::upper_bound(begin, end, passed, [](Index k, const Run& of) { return k < of.first; });
  if (run == begin || passed >= (run - 1)->last) return false;
  return passages_[(run - 1)->at + passed - (run - 1)->first] > 0;
}

void WaterLevels::take_off(Index entry, float count) {
  Entry& of = entries_[entry];
  const Index by = stopped_by_[of.flow_class];
  of.passages -= count;
  if (of.passages <= 0) --present_[of.constraint];
  if (of.constraint == by) {
    own_[by] -= static_cast<double>(count);
    if (own_[by] <= 0) idle_.push_back(by);
  } else {
    residual_[of.constraint] += static_cast<double>(count) * level_[by];
    passages(by, of.constraint) -= count;
  }
  dirty_from_ = std::min(dirty_from_, static_cast<std::size_t>(position_[of.constraint]));
}

void WaterLevels::remove_flow(Index flow_class) {
  Class& of = classes_[flow_class];
  for (Index e = of.first; e < of.last; ++e) {
    if (entries_[e].stops) take_off(e, entries_[e].passages / static_cast<float>(of.flows));
  }
  --of.flows;
}

void WaterLevels::remove_passage(Index flow_class, Index constraint) {
  Index e = classes_[flow_class].first;
  while (entries_[e].constraint != constraint) ++e;
  if (!entries_[e].stops) take_off(e, 1);
}

/// Level that the constraint would have, given the levels that others passed on to it.
double WaterLevels::key(Index constraint) const {
  if (is_cap_[constraint] != 0) return capacity_[constraint];
  return own_[constraint] > 0 ? residual_[constraint] / own_[constraint] : kInfinity;
}

/// The class is stopped by `to` instead of `from` from now on. Residuals hold the levels as last passed on.
void WaterLevels::move(Index flow_class, Index from, Index to) {
  if (own_[to] <= 0) {
    level_[to] = is_cap_[to] != 0 ? capacity_[to] : level_[from];
    limit_[to] = kInfinity;
  }
  Class& of = classes_[flow_class];
  for (Index e = of.first; e < of.last; ++e) {
    const Index k = entries_[e].constraint;
    const float count = entries_[e].passages;
    const auto exact = static_cast<double>(count);
    if (k != from) passages(from, k) -= count;
    if (k != to) passages(to, k) += count;
    residual_[k] += exact * ((k == from ? 0 : level_[from]) - (k == to ? 0 : level_[to]));
    if (k == to) own_[k] += exact;
    if (k != from) continue;
    own_[k] -= exact;
    if (own_[k] <= 0) idle_.push_back(k);
  }
  stopped_by_[flow_class] = to;
  limit_[to] = std::min(limit_[to], of.rate_limit);
  moved_.push_back(flow_class);
}

/// `to` has come to stand below `from`: it stops the classes of `from` that pass it.
bool WaterLevels::take_over(Index from, Index to) {
  if (!shares_classes(from, to)) return true;
  for (Index i = first_on_[to]; i < first_on_[to + 1]; ++i) {
    const Index flow_class = class_on_[i];
    if (stopped_by_[flow_class] != from) continue;
    Index e = classes_[flow_class].first;
    while (entries_[e].constraint != to) ++e;
    if (entries_[e].passages <= 0) continue;
    if (!entries_[e].stops) return false;
    const float left = passages(from, to) - entries_[e].passages;
    move(flow_class, from, to);
    if (left <= 0) break;
  }
  return true;
}

/// A link that stopped nobody has more than it can carry: it stops the fastest of its classes.
bool WaterLevels::relieve(Index overloaded) {
  Index fastest = kNone;
  for (Index i = first_on_[overloaded]; i < first_on_[overloaded + 1]; ++i) {
    const Index by = stopped_by_[class_on_[i]];
    if (!shares_classes(by, overloaded)) continue;
    if (fastest == kNone || level_[by] > level_[fastest]) fastest = by;
  }
  return fastest != kNone && take_over(fastest, overloaded);
}

bool WaterLevels::sweep() {
  // More steps than it takes to reverse the order twice: rounding has then defeated the tolerances.
  std::size_t steps_left = 1000 + 2 * order_.size() * order_.size();
  for (std::size_t i = dirty_from_; i < order_.size();) {
    if (--steps_left == 0) return false;
    const Index k = order_[i];
    if (own_[k] <= 0 && is_cap_[k] == 0 && residual_[k] < kOverload * capacity_[k] && !relieve(k)) return false;
    const double level = key(k);
    if (i > 0 && level < shown_[order_[i - 1]] * kInOrder) {
      const Index above = order_[i - 1];
      order_[i - 1] = k;
      order_[i] = above;
      position_[k] = static_cast<Index>(i - 1);
      position_[above] = static_cast<Index>(i);
      if (own_[above] > 0 && !take_over(above, k)) return false;
      --i;
      continue;
    }
    shown_[k] = level;
    ++i;
    if (own_[k] <= 0) continue;
    if (level > limit_[k]) return false;
    const double change = level - level_[k];
    if (change == 0) continue;
    level_[k] = level;
    for (Index r = first_run_[k]; r < first_run_[k + 1]; ++r) {
      const Run run = runs_[r];
      pass_on(change, passages_.data() + run.at, residual_.data() + run.first, run.last - run.first);
    }
  }
  return true;
}

bool WaterLevels::settle() {
  const bool settled = dirty_from_ >= order_.size() || sweep();
  dirty_from_ = order_.size();
  return settled;
}

void WaterLevels::take_moved(std::vector<Index>& into) {
  into.clear();
  std::swap(into, moved_);
}

void WaterLevels::take_idle(std::vector<Index>& into) {
  into.clear();
  std::swap(into, idle_);
}

}  // namespace moesim
