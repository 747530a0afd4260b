#include "moesim/sweep/solve.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr int kSamples = 33;
constexpr double kWidth = 1e-7;  // relative; narrower than nine digits is nobody's business

/// Values of the range, in equal ratios where that is possible.
std::vector<double> sampled(double from, double to, bool whole) {
  std::vector<double> values;
  for (int i = 0; i < kSamples; ++i) {
    const double share = static_cast<double>(i) / (kSamples - 1);
    double value = from > 0 ? from * std::pow(to / from, share) : from + (to - from) * share;
    if (i == kSamples - 1) value = to;
    if (whole) value = std::round(value);
    if (values.empty() || value > values.back()) values.push_back(value);
  }
  if (!whole) return values;
  // Degrees that divide are few: all whole numbers when there are not too many, powers of two in any case.
  constexpr double kAll = 512;
  for (double value = std::ceil(from); value <= to && to - from <= kAll; ++value) values.push_back(value);
  for (double value = 1; value <= to; value *= 2) {
    if (value >= from) values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

Solver::Solver(const SweepPlan& plan, SolveProblem problem)
    : plan_(plan), problem_(std::move(problem)), evaluator_(plan, {problem_.key}) {}

std::optional<Solver::Sample> Solver::sample(const GridPoint& point, double x) {
  const std::optional<std::string> text = write_value(Number{x, problem_.from.dimension});
  if (!text) return std::nullopt;
  try {
    const auto all = evaluator_.predict(point, {PointLoader::value({.text = *text, .file = "solve"})});
    return Sample{x, all[plan_.baseline], all[problem_.variant]};
  } catch (const InputError& error) {
    for (const Diagnostic& problem : error.diagnostics()) {
      if (problem.file == "solve" && problem.message.starts_with("must be a whole number")) whole_ = true;
    }
    return std::nullopt;
  }
}

double Solver::distance(const Sample& sample, End end) const {
  if (problem_.column->of == nullptr) {
    const Speedup compared = speedup(*sample.baseline, *sample.other);
    if (end == End::lo) return compared.lo - problem_.target;
    if (end == End::hi) return compared.hi - problem_.target;
    return problem_.column->of_speedup(compared) - problem_.target;
  }
  return problem_.column->of(*sample.other).value_or(std::nan("")) - problem_.target;
}

Crossing Solver::cross(const GridPoint& point, const std::vector<Sample>& samples, End end) {
  Crossing crossing;
  if (samples.empty()) return crossing;
  const auto above = [&](const Sample& one) { return distance(one, end) > 0; };
  std::size_t first = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (above(samples[i]) == above(samples[i - 1])) continue;
    if (crossing.crossings == 0) first = i;
    ++crossing.crossings;
  }
  if (crossing.crossings == 0) {
    crossing.kind = above(samples.front()) ? Crossing::Kind::above : Crossing::Kind::below;
    return crossing;
  }
  crossing.kind = Crossing::Kind::found;
  Sample left = samples[first - 1];
  Sample right = samples[first];
  crossing.rising = above(right);
  while (!whole_ && right.x - left.x > kWidth * std::max(std::abs(left.x), std::abs(right.x))) {
    const double middle = left.x > 0 ? std::sqrt(left.x * right.x) : 0.5 * (left.x + right.x);
    if (middle <= left.x || middle >= right.x) break;
    std::optional<Sample> between = sample(point, middle);
    if (!between) break;  // no valid scenario in between: the crossing is somewhere there
    (above(*between) == crossing.rising ? right : left) = *std::move(between);
  }
  crossing.at = right.x;
  return crossing;
}

std::optional<Solver::Sample> Solver::edge_between(const GridPoint& point, double left, double right, bool left_valid) {
  std::optional<Sample> edge;
  for (int i = 0; i < 30; ++i) {
    const double middle = 0.5 * (left + right);
    std::optional<Sample> between = sample(point, middle);
    (between.has_value() == left_valid ? left : right) = middle;
    if (between) edge = std::move(between);
  }
  return edge;
}

Solution Solver::solve(const GridPoint& point) {
  const auto samples_of = [&](bool whole) {
    std::vector<Sample> samples;
    double last = 0;
    bool last_valid = false;
    bool first = true;
    for (const double x : sampled(problem_.from.value, problem_.to.value, whole)) {
      std::optional<Sample> one = sample(point, x);
      // The range may reach beyond what the key can take (r up to 1): then up to its edge.
      if (!whole && !whole_ && !first && one.has_value() != last_valid) {
        if (auto edge = edge_between(point, last, x, last_valid)) samples.push_back(*std::move(edge));
      }
      first = false;
      last = x;
      last_valid = one.has_value();
      if (one) samples.push_back(*std::move(one));
    }
    return samples;
  };
  const bool known = whole_;
  std::vector<Sample> samples = samples_of(whole_);
  if (whole_ && !known) samples = samples_of(true);  // it turned out on the way
  Solution solution{.value = cross(point, samples, End::value), .of_lo = {}, .of_hi = {}};
  if (problem_.column->of == nullptr) {
    solution.of_lo = cross(point, samples, End::lo);
    solution.of_hi = cross(point, samples, End::hi);
  }
  return solution;
}

std::string solve_table(const SweepPlan& plan, const SolveProblem& problem) {
  Solver solver(plan, problem);
  SweepEvaluator cells(plan);
  const std::string unit(column_suffix(problem.from));
  std::string table;
  for (const GridAxis& axis : plan.grid.axes()) table += axis.column + ",";
  for (const DerivedKey& key : plan.grid.derived()) table += key.name + ",";
  table +=
      fmt::format("{}{},{}_lo{},{}_hi{},beyond,crossings\n", problem.key, unit, problem.key, unit, problem.key, unit);
  GridPoint point;
  std::string why;
  for (std::uint64_t number = 0; number < plan.grid.size(); ++number) {
    if (plan.grid.decode(number, point, why) != PointFate::valid) continue;
    const Solution solution = solver.solve(point);
    cells.append_point(table, point);
    if (!point.index.empty() || !point.derived.empty()) table += ',';
    const auto add = [&](const std::optional<Crossing>& crossing) {
      if (crossing && crossing->kind == Crossing::Kind::found) append_number(table, crossing->at);
      table += ',';
    };
    // The two ends of the interval cross in one order or the other, as the column rises or falls.
    const bool swap = solution.of_lo && solution.of_hi && solution.of_lo->kind == Crossing::Kind::found &&
                      solution.of_hi->kind == Crossing::Kind::found && solution.of_lo->at > solution.of_hi->at;
    const bool one_sided =
        solution.of_lo && solution.of_hi &&
        (solution.of_lo->kind != Crossing::Kind::found || solution.of_hi->kind != Crossing::Kind::found);
    const Crossing& value = solution.value;
    add(value);
    if (one_sided) {
      // Only one end crosses within the range. It is the lower end of the key where the column rises through its
      // upper end first, or falls through its lower end first; the other end is beyond the range.
      const Crossing& known = solution.of_lo->kind == Crossing::Kind::found ? *solution.of_lo : *solution.of_hi;
      const bool lower = known.kind == Crossing::Kind::found && known.rising == (&known == &*solution.of_hi);
      add(lower ? std::optional(known) : std::nullopt);
      add(lower ? std::nullopt : std::optional(known));
    } else {
      add(swap ? solution.of_hi : solution.of_lo);
      add(swap ? solution.of_lo : solution.of_hi);
    }
    switch (value.kind) {
      case Crossing::Kind::found:
        table += value.rising ? "above" : "below";
        break;
      case Crossing::Kind::above:
        table += "always above";
        break;
      case Crossing::Kind::below:
        table += "always below";
        break;
      case Crossing::Kind::undefined:
        table += "no valid scenario";
        break;
    }
    table += fmt::format(",{}\n", value.crossings);
  }
  return table;
}

}  // namespace moesim
