#include "moesim/sim/flow_network.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "flow_classes.hpp"
#include "progressive_filling.hpp"

namespace moesim {
namespace {

constexpr double kSameInstant = 1e-12;      ///< completions this close, relative to the time to them, are one instant
constexpr double kClockResolution = 1e-15;  ///< relative to the time since the beginning
/// Below this number of flows a fresh solve costs less than classes.
constexpr std::size_t kFewFlows = 24;
constexpr double kLeastMargin = 4;

std::vector<double> values(std::span<const BytesPerSecond> rates) {
  std::vector<double> plain;
  plain.reserve(rates.size());
  for (const BytesPerSecond rate : rates) plain.push_back(rate.value);
  return plain;
}

/// How the rates are known: not at all (flows began), by a fresh solve, or by classes that are kept up to date.
enum class Rates { stale, fresh, classes };

}  // namespace

struct FlowNetwork::State {
  State(std::vector<double> capacities, RouteList given) : filling(std::move(capacities)), routes(std::move(given)) {
    begun.assign(filling.capacities().size(), 0);
  }

  ProgressiveFilling filling;
  RouteList routes;
  double now = 0;

  // by flow
  std::vector<std::uint32_t> route_of;
  std::vector<double> remaining;  ///< at the last solve
  std::vector<double> rate;
  std::vector<double> cap;  ///< empty until a flow has one
  std::vector<std::uint32_t> free_ids;

  std::vector<std::uint32_t> present;  ///< flows under way when the rates were last fresh; in classes: see there
  std::vector<std::uint32_t> at_once;  ///< done as soon as anybody asks
  std::vector<double> begun;           ///< by link: bytes of all flows so far
  std::vector<double> levels;          ///< by link

  Rates rates = Rates::fresh;
  double next = kInfinity;
  double solved_at = 0;           ///< time of `remaining` when rates are fresh
  double until_next = kInfinity;  ///< from then on, when rates are fresh
  int fresh_steps = 0;            ///< completions by fresh solves since a flow began
  bool productive = true;         ///< the last of them ended a good part of the flows
  std::optional<FlowClasses> classes;
  double margin = kLeastMargin;
  std::size_t class_steps = 0;

  [[nodiscard]] ProgressiveFilling::Flows flows() const { return {routes, route_of, cap}; }

  /// Brings `remaining` up to now and forgets the rates.
  void settle_remaining() {
    if (classes) {
      levels.resize(begun.size());
      classes->dissolve(present, remaining, rate, levels);
      classes.reset();
    } else if (rates == Rates::fresh) {
      for (const std::uint32_t f : present) remaining[f] = std::max(0.0, remaining[f] - rate[f] * (now - solved_at));
    }
    solved_at = now;
    rates = Rates::stale;
  }

  void find_next_by_flows() {
    double soonest = kInfinity;
    for (const std::uint32_t f : present) soonest = std::min(soonest, remaining[f] / rate[f]);
    until_next = soonest;
    next = now + soonest;
  }

  void make_classes() {
    classes.emplace(FlowClasses::Snapshot{.flows = flows(),
                                          .present = present,
                                          .remaining = remaining,
                                          .rates = rate,
                                          .levels = levels,
                                          .capacities = filling.capacities()},
                    margin);
    rates = Rates::classes;
    class_steps = 0;
    next = now + classes->until_next();
  }

  void solve() {
    if (rates != Rates::stale) return;
    filling.solve(flows(), present, rate);
    solved_at = now;
    if (present.size() > kFewFlows && (fresh_steps >= 3 || (fresh_steps > 0 && !productive))) {
      levels = filling.levels();
      make_classes();
    } else {
      rates = Rates::fresh;
      find_next_by_flows();
    }
  }

  void finish(std::uint32_t f, std::vector<FlowId>& done) {
    free_ids.push_back(f);
    done.emplace_back(f);
  }

  void complete_fresh(std::vector<FlowId>& done) {
    // The step as it was computed: the difference of two times has lost digits. What the clock cannot tell apart from
    // it ends with it.
    const double step = until_next;
    const double due = step * (1 + kSameInstant) + kClockResolution * now;
    const std::size_t before = present.size();
    std::size_t kept = 0;
    for (const std::uint32_t f : present) {
      if (remaining[f] <= rate[f] * due) {
        finish(f, done);
      } else {
        remaining[f] -= rate[f] * step;
        present[kept++] = f;
      }
    }
    present.resize(kept);
    solved_at = now;
    rates = Rates::stale;
    ++fresh_steps;
    productive = (before - kept) * 1000 > before;
  }

  void complete_classes(std::vector<FlowId>& done) {
    std::vector<std::uint32_t> ended;
    const bool fit = classes->complete(ended);
    for (const std::uint32_t f : ended) finish(f, done);
    ++class_steps;
    if (fit && classes->left() > 0 && !classes->wasteful()) {
      next = now + classes->until_next();
      return;
    }
    const bool wasteful = fit && classes->wasteful();
    // Making classes costs some 20 visits of a constraint per flow; an event visits every constraint about once.
    const std::size_t worth = class_steps * classes->constraints() / (20 * (classes->left() + 1));
    settle_remaining();
    if (!wasteful && worth < 1) margin *= 4;
    if (wasteful || worth > 4) margin = std::max(kLeastMargin, margin / 2);
    if (wasteful) make_classes();
    if (present.empty()) {
      rates = Rates::fresh;
      next = kInfinity;
    }
  }
};

std::vector<BytesPerSecond> link_capacities(const Topology& topology) {
  std::vector<BytesPerSecond> capacities;
  capacities.reserve(topology.links().size());
  for (const Link& link : topology.links()) capacities.push_back(link.capacity);
  return capacities;
}

FlowNetwork::FlowNetwork(std::span<const BytesPerSecond> capacities, RouteList routes)
    : state_(std::make_unique<State>(values(capacities), std::move(routes))) {}
FlowNetwork::FlowNetwork(FlowNetwork&&) noexcept = default;
FlowNetwork& FlowNetwork::operator=(FlowNetwork&&) noexcept = default;
FlowNetwork::~FlowNetwork() = default;

RouteList& FlowNetwork::routes() { return state_->routes; }
Seconds FlowNetwork::now() const { return {state_->now}; }

std::size_t FlowNetwork::active() const {
  const State& s = *state_;
  return s.at_once.size() + (s.classes ? s.classes->left() : s.present.size());
}

FlowId FlowNetwork::start(std::size_t route, Bytes size, BytesPerSecond rate_cap) {
  State& s = *state_;
  MOESIM_EXPECTS(route < s.routes.size() && size.value >= 0 && rate_cap.value > 0);
  auto f = static_cast<std::uint32_t>(s.rate.size());
  if (s.free_ids.empty()) {
    s.route_of.push_back(0);
    s.remaining.push_back(0);
    s.rate.push_back(0);
    if (!s.cap.empty()) s.cap.push_back(kInfinity);
  } else {
    f = s.free_ids.back();
    s.free_ids.pop_back();
  }
  if (s.rates != Rates::stale) s.settle_remaining();
  s.route_of[f] = static_cast<std::uint32_t>(route);
  s.remaining[f] = size.value;
  if (rate_cap < kNoCap && s.cap.empty()) s.cap.assign(s.rate.size(), kInfinity);
  if (!s.cap.empty()) s.cap[f] = rate_cap.value;
  for (const LinkId link : s.routes[route]) s.begun[link.index()] += size.value;
  const bool unhindered = s.routes[route].empty() && !(rate_cap < kNoCap);
  (size.value <= 0 || unhindered ? s.at_once : s.present).push_back(f);
  s.fresh_steps = 0;
  return FlowId{f};
}

Seconds FlowNetwork::next_completion() {
  State& s = *state_;
  if (!s.at_once.empty()) return {s.now};
  s.solve();
  return {s.next};
}

void FlowNetwork::advance(Seconds to, std::vector<FlowId>& done) {
  State& s = *state_;
  const Seconds next = next_completion();
  MOESIM_EXPECTS(to.value >= s.now && to <= next);
  if (!s.at_once.empty()) {
    for (const std::uint32_t f : std::exchange(s.at_once, {})) s.finish(f, done);
    return;
  }
  const bool completes = to == next && next.value < kInfinity;
  if (s.rates == Rates::classes) s.classes->advance(completes ? s.classes->until_next() : to.value - s.now);
  s.now = to.value;
  if (!completes) return;
  if (s.rates == Rates::classes) {
    s.complete_classes(done);
  } else {
    s.complete_fresh(done);
  }
}

BytesPerSecond FlowNetwork::rate(FlowId flow) {
  State& s = *state_;
  if (s.classes) {
    s.settle_remaining();
    s.fresh_steps = 0;
  }
  s.solve();
  return {s.rate[flow.index()]};
}

std::vector<Bytes> FlowNetwork::link_bytes() {
  State& s = *state_;
  std::vector<std::uint32_t> present = s.present;
  std::vector<double> remaining = s.remaining;
  if (s.classes) {
    std::vector<double> rates(s.rate);
    std::vector<double> levels(s.begun.size());
    s.classes->dissolve(present, remaining, rates, levels);
  } else if (s.rates == Rates::fresh) {
    for (const std::uint32_t f : present)
      remaining[f] = std::max(0.0, remaining[f] - s.rate[f] * (s.now - s.solved_at));
  }
  std::vector<Bytes> bytes;
  for (const double begun : s.begun) bytes.push_back({begun});
  for (const std::uint32_t f : present) {
    for (const LinkId link : s.routes[s.route_of[f]]) bytes[link.index()] += Bytes{-remaining[f]};
  }
  return bytes;
}

void FlowSet::add(const Path& path, Bytes size, Seconds start) {
  routes.add(path.links);
  begin.push_back(start + path.latency);
  bytes.push_back(size);
}

FlowTimes run_flows(std::span<const BytesPerSecond> capacities, FlowSet flows) {
  const std::size_t count = flows.bytes.size();
  MOESIM_EXPECTS(flows.routes.size() == count && flows.begin.size() == count);
  MOESIM_EXPECTS(flows.caps.empty() || flows.caps.size() == count);
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  const auto sooner = [&flows](std::uint32_t a, std::uint32_t b) { return flows.begin[a] < flows.begin[b]; };
  if (!std::is_sorted(order.begin(), order.end(), sooner)) std::stable_sort(order.begin(), order.end(), sooner);

  FlowNetwork network(capacities, std::move(flows.routes));
  FlowTimes times{.end = std::vector<Seconds>(count), .makespan = {}};
  std::vector<std::uint32_t> index_of;  // by FlowId: position in the set
  std::vector<FlowId> done;
  for (std::size_t started = 0; started < count || network.active() > 0;) {
    const Seconds completion = network.next_completion();
    const bool begins = started < count && flows.begin[order[started]] <= completion;
    const Seconds at = begins ? std::max(flows.begin[order[started]], network.now()) : completion;
    done.clear();
    network.advance(at, done);
    for (const FlowId flow : done) times.end[index_of[flow.index()]] = at;
    if (!done.empty()) times.makespan = std::max(times.makespan, at);
    while (begins && started < count && flows.begin[order[started]] <= at) {
      const std::uint32_t f = order[started++];
      const FlowId id = network.start(f, flows.bytes[f], flows.caps.empty() ? FlowNetwork::kNoCap : flows.caps[f]);
      if (id.index() >= index_of.size()) index_of.resize(id.index() + 1);
      index_of[id.index()] = f;
    }
  }
  return times;
}

FlowSet all_to_all_flows(const PathTable& paths, const std::vector<RankId>& group, const std::vector<double>& bytes) {
  const std::size_t ranks = group.size();
  MOESIM_EXPECTS(bytes.size() == ranks * ranks);
  FlowSet flows;
  for (std::size_t i = 0; i < ranks; ++i) {
    for (std::size_t j = 0; j < ranks; ++j) {
      if (i != j) flows.add(paths.path(group[i], group[j]), {bytes[i * ranks + j]});
    }
  }
  return flows;
}

}  // namespace moesim
