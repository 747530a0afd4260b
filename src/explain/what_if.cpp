#include "moesim/explain/what_if.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "moesim/analytic/predict.hpp"
#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"
#include "moesim/scenario/points.hpp"

namespace moesim {
namespace {

/// Where a line between two bandwidths misses the one in their middle by more, there is another one. At a kink (another
/// link takes over) the line misses by up to twice as much elsewhere.
constexpr double kMiss = 0.004;
constexpr int kOctaves = 3;       // of kBandwidthReach, on either side
constexpr int kMostHalvings = 7;  // of an octave: a jump has no line through it, however near its ends are
constexpr std::size_t kNumbers = kWhatIfNumbers.size();

using Numbers = std::array<double, kNumbers>;
using Predictions = std::vector<std::shared_ptr<const Prediction>>;

double at(const Numbers& numbers, WhatIfNumber which) { return numbers[static_cast<std::size_t>(which)]; }

double between(double a, double b, double share) {
  return a > 0 && b > 0 ? std::exp((1 - share) * std::log(a) + share * std::log(b)) : (1 - share) * a + share * b;
}

double spread_of(const Speedup& speedup) { return std::log(speedup.hi / speedup.value); }

Numbers numbers_of(const Prediction& baseline, const Prediction& one) {
  return {one.step_time.time.value,
          one.step_time.spread,
          one.all_to_all.value,
          &baseline == &one ? 0 : spread_of(speedup(baseline, one)),
          one.inference ? one.inference->prefill.time.value : 0,
          one.inference ? one.inference->decode_token.time.value : 0};
}

/// The scenario at any point; one per thread.
class PointModel {
 public:
  PointModel(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots,
             const WhatIfAxes& axes)
      : axes_(axes), loader_(file, overrides, roots, keys_of(axes)) {
    for (const WhatIfAxis& axis : axes.stops) {
      std::vector<PointValue>& values = values_.emplace_back();
      for (const std::string& stop : axis.stops)
        values.push_back(PointLoader::value({.text = stop, .file = axis.keys.front()}));
    }
    last_.resize(loader_.variants().size());
  }

  [[nodiscard]] const std::vector<std::string>& variants() const { return loader_.variants(); }

  /// @throws InputError when that is no scenario
  Predictions predict_at(const std::vector<std::size_t>& stop, double bandwidth) {
    std::vector<PointValue> laid;
    if (axes_.bandwidth) {
      const PointValue value = PointLoader::value({.text = exact_quantity(BytesPerSecond{bandwidth})});
      laid.insert(laid.end(), axes_.bandwidth->keys.size(), value);
    }
    for (std::size_t axis = 0; axis < stop.size(); ++axis) {
      laid.insert(laid.end(), axes_.stops[axis].keys.size(), values_[axis][stop[axis]]);
    }
    const auto scenarios = loader_.load(laid);
    Predictions all;
    for (std::size_t v = 0; v < scenarios.size(); ++v) {
      if (last_[v].first != scenarios[v]) {  // what the last point did not change is the same scenario
        last_[v] = {scenarios[v], std::make_shared<const Prediction>(predict(*scenarios[v]))};
      }
      all.push_back(last_[v].second);
    }
    return all;
  }

 private:
  static std::vector<std::string> keys_of(const WhatIfAxes& axes) {
    std::vector<std::string> keys;
    if (axes.bandwidth) keys = axes.bandwidth->keys;
    for (const WhatIfAxis& axis : axes.stops) keys.insert(keys.end(), axis.keys.begin(), axis.keys.end());
    return keys;
  }

  const WhatIfAxes& axes_;
  PointLoader loader_;
  std::vector<std::vector<PointValue>> values_;                                                      ///< [axis][stop]
  std::vector<std::pair<std::shared_ptr<const Scenario>, std::shared_ptr<const Prediction>>> last_;  ///< by variant
};

std::vector<std::size_t> stops_of(const std::vector<WhatIfAxis>& axes, std::size_t point) {
  std::vector<std::size_t> stop(axes.size());
  for (std::size_t axis = axes.size(); axis-- > 0;) {
    stop[axis] = point % axes[axis].stops.size();
    point /= axes[axis].stops.size();
  }
  return stop;
}

/// One stop of the first axis with everything in it.
class LayerBuilder {
 public:
  /// @param first point of the layer
  LayerBuilder(PointModel& model, const WhatIfAxes& axes, std::size_t first, std::size_t points)
      : model_(model), axes_(axes), first_(first), points_(points), why_(points), plans_(points) {}

  void run() {
    find_probes();
    for (const double bandwidth : bandwidths()) {
      layer_.bandwidths.push_back(bandwidth);
      for (std::size_t point = 0; point < points_; ++point) add(point, bandwidth);
    }
  }

  [[nodiscard]] const WhatIfLayer& layer() const { return layer_; }
  [[nodiscard]] const std::vector<std::string>& why() const { return why_; }
  [[nodiscard]] const std::vector<std::vector<WhatIfPlan>>& plans() const { return plans_; }

 private:
  /// The outermost points that are valid: what a line misses is seen there first.
  void find_probes() {
    const double bandwidth = axes_.bandwidth ? axes_.bandwidth->now.value : 0;
    for (std::size_t point = 0; point < points_; ++point) {
      const std::vector<std::size_t> stop = stops_of(axes_.stops, first_ + point);
      bool outermost = true;
      for (std::size_t axis = 1; axis < stop.size(); ++axis) {
        const std::size_t last = axes_.stops[axis].stops.size() - 1;
        outermost = outermost && (stop[axis] == 0 || stop[axis] == last || stop[axis] == axes_.stops[axis].now);
      }
      if (outermost && !numbers(point, bandwidth).empty()) probes_.push_back(point);
    }
  }

  [[nodiscard]] std::vector<double> bandwidths() {
    if (!axes_.bandwidth) return {0};
    std::vector<double> all;
    const double now = axes_.bandwidth->now.value;
    double from = now / kBandwidthReach;
    std::vector<std::vector<Numbers>> left = probe(from);
    all.push_back(from);
    for (int octave = -kOctaves; octave < kOctaves; ++octave) {
      const double to = now * std::exp2(octave + 1);
      std::vector<std::vector<Numbers>> right = probe(to);
      halve(from, left, to, right, 0, all);
      all.push_back(to);
      from = to;
      left = std::move(right);
    }
    return all;
  }

  [[nodiscard]] std::vector<std::vector<Numbers>> probe(double bandwidth) {
    std::vector<std::vector<Numbers>> all;
    for (const std::size_t point : probes_) all.push_back(numbers(point, bandwidth));
    return all;
  }

  void halve(double from, const std::vector<std::vector<Numbers>>& left, double to,
             const std::vector<std::vector<Numbers>>& right, int depth, std::vector<double>& all) {
    if (depth == kMostHalvings) return;
    const double middle = std::sqrt(from * to);
    const std::vector<std::vector<Numbers>> here = probe(middle);
    bool straight = true;
    for (std::size_t p = 0; p < here.size(); ++p) {
      for (std::size_t v = 0; v < std::min({here[p].size(), left[p].size(), right[p].size()}); ++v) {
        const double time = at(here[p][v], WhatIfNumber::step_time);
        for (const WhatIfNumber which : {WhatIfNumber::step_time, WhatIfNumber::all_to_all}) {
          const double line = between(at(left[p][v], which), at(right[p][v], which), 0.5);
          straight = straight && std::abs(line - at(here[p][v], which)) <= kMiss * time;
        }
      }
    }
    if (straight) return;
    halve(from, left, middle, here, depth + 1, all);
    all.push_back(middle);
    halve(middle, here, to, right, depth + 1, all);
  }

  /// By variant; empty when the point is no scenario.
  std::vector<Numbers> numbers(std::size_t point, double bandwidth) {
    try {
      const Predictions all = model_.predict_at(stops_of(axes_.stops, first_ + point), bandwidth);
      std::vector<Numbers> each;
      for (const auto& one : all) each.push_back(numbers_of(*all.front(), *one));
      if (plans_[point].empty()) {
        for (const auto& one : all) {
          plans_[point].push_back({.memory = one->memory.total.value,
                                   .capacity = one->memory.capacity.value,
                                   .tokens = one->tokens_per_s * one->step_time.time.value});
        }
      }
      return each;
    } catch (const InputError& error) {
      const Diagnostic& first = error.diagnostics().front();
      why_[point] = first.key.empty() ? first.message : fmt::format("{}: {}", first.key, first.message);
    } catch (const ContractViolation& violation) {  // one corner of a grid must not take the page with it
      why_[point] = fmt::format("the model breaks one of its own laws here ({})", violation.what());
    }
    return {};
  }

  void add(std::size_t point, double bandwidth) {
    std::vector<Numbers> each = numbers(point, bandwidth);
    each.resize(model_.variants().size(), Numbers{});
    for (const Numbers& one : each) {
      for (const double number : one) layer_.numbers.push_back(static_cast<float>(number));
    }
  }

  PointModel& model_;
  const WhatIfAxes& axes_;
  std::size_t first_;
  std::size_t points_;
  std::vector<std::size_t> probes_;  ///< within the layer
  std::vector<std::string> why_;     ///< by point; empty: valid
  std::vector<std::vector<WhatIfPlan>> plans_;
  WhatIfLayer layer_;
};

std::size_t count_points(const std::vector<WhatIfAxis>& axes) {
  std::size_t points = 1;
  for (const WhatIfAxis& axis : axes) points *= axis.stops.size();
  return points;
}

/// Puts a layer where it belongs. Layers are put in order, so that reasons are numbered the same however they were
/// made.
void put(WhatIf& all, std::size_t number, const LayerBuilder& built) {
  const std::size_t points = built.why().size();
  const std::size_t variants = all.variants.size();
  all.layers[number] = built.layer();
  for (std::size_t point = 0; point < points; ++point) {
    const std::string& why = built.why()[point];
    const std::size_t place = number * points + point;
    if (!why.empty()) {
      const auto known = std::ranges::find(all.reasons, why);
      all.reason_of[place] = static_cast<int>(known - all.reasons.begin());
      if (known == all.reasons.end()) all.reasons.push_back(why);
    }
    for (std::size_t v = 0; v < built.plans()[point].size(); ++v)
      all.plans[place * variants + v] = built.plans()[point][v];
  }
}

/// Whole predictions at random points and bandwidths against the grid.
WhatIfError measure_error(const WhatIf& grid, PointModel& model, std::size_t points) {
  WhatIfError error;
  std::vector<std::size_t> valid;
  for (std::size_t point = 0; point < grid.reason_of.size(); ++point) {
    if (grid.reason_of[point] < 0) valid.push_back(point);
  }
  if (valid.empty()) return error;
  std::mt19937_64 random(1);  // the same points every time
  const auto uniform = [&random] { return static_cast<double>(random() >> 11U) * 0x1p-53; };
  const double reach = std::log2(kBandwidthReach);
  for (; error.points < points; ++error.points) {
    const std::size_t point = valid[static_cast<std::size_t>(uniform() * static_cast<double>(valid.size()))];
    const double bandwidth =
        grid.axes.bandwidth ? grid.axes.bandwidth->now.value * std::exp2(reach * (2 * uniform() - 1)) : 0;
    const Predictions all = model.predict_at(stops_of(grid.axes.stops, point), bandwidth);
    const double first = grid.number(point, 0, WhatIfNumber::step_time, bandwidth);
    for (std::size_t v = 0; v < all.size(); ++v) {
      const double whole = all[v]->step_time.time.value;
      const double time = grid.number(point, v, WhatIfNumber::step_time, bandwidth);
      const double exchange = grid.number(point, v, WhatIfNumber::all_to_all, bandwidth);
      error.step_time = std::max(error.step_time, std::abs(time / whole - 1));
      error.all_to_all = std::max(error.all_to_all, std::abs(exchange - all[v]->all_to_all.value) / whole);
      const double ratio = all.front()->step_time.time.value / whole;
      error.speedup = std::max(error.speedup, std::abs(first / time / ratio - 1));
    }
  }
  return error;
}

}  // namespace

std::size_t WhatIf::point(const std::vector<std::size_t>& stop) const {
  MOESIM_EXPECTS(stop.size() == axes.stops.size());
  std::size_t number = 0;
  for (std::size_t axis = 0; axis < stop.size(); ++axis) number = number * axes.stops[axis].stops.size() + stop[axis];
  return number;
}

double WhatIf::number(std::size_t point, std::size_t variant, WhatIfNumber number, double bandwidth) const {
  MOESIM_EXPECTS(point < reason_of.size() && reason_of[point] < 0);
  const std::size_t points = points_per_layer();
  const WhatIfLayer& layer = layers[point / points];
  const auto value = [&](std::size_t node) {
    return static_cast<double>(layer.numbers[((node * points + point % points) * variants.size() + variant) * kNumbers +
                                             static_cast<std::size_t>(number)]);
  };
  if (layer.bandwidths.size() == 1) return value(0);
  const auto above = std::ranges::upper_bound(layer.bandwidths, bandwidth);
  const auto right = std::clamp<std::ptrdiff_t>(above - layer.bandwidths.begin(), 1,
                                                static_cast<std::ptrdiff_t>(layer.bandwidths.size()) - 1);
  const auto node = static_cast<std::size_t>(right);
  const double from = layer.bandwidths[node - 1];
  const double to = layer.bandwidths[node];
  return between(value(node - 1), value(node), std::clamp(std::log(bandwidth / from) / std::log(to / from), 0.0, 1.0));
}

WhatIf what_if(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots,
               WhatIfAxes axes, const WhatIfOptions& options) {
  WhatIf grid{
      .axes = std::move(axes), .variants = {}, .reasons = {}, .reason_of = {}, .plans = {}, .layers = {}, .error = {}};
  PointModel model(file, overrides, roots, grid.axes);
  grid.variants = model.variants();
  const std::size_t points = count_points(grid.axes.stops);
  const std::size_t layers = grid.axes.stops.empty() ? 1 : grid.axes.stops.front().stops.size();
  grid.reason_of.assign(points, -1);
  grid.plans.resize(points * grid.variants.size());
  grid.layers.resize(layers);

  std::vector<std::optional<LayerBuilder>> built(layers);
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  std::size_t done = 0;
  const auto work = [&](PointModel& own) {
    try {
      for (std::size_t layer = next++; layer < layers; layer = next++) {
        built[layer].emplace(own, grid.axes, layer * points / layers, points / layers).run();
        const std::scoped_lock lock(mutex);
        ++done;
        if (options.progress) options.progress(static_cast<double>(done) / static_cast<double>(layers));
      }
    } catch (...) {
      const std::scoped_lock lock(mutex);
      failure = std::current_exception();
      next = layers;
    }
  };
  {
    std::vector<PointModel> others;
    others.reserve(static_cast<std::size_t>(std::max(options.jobs, 1)));
    for (std::size_t i = 1; i < std::min(layers, static_cast<std::size_t>(std::max(options.jobs, 1))); ++i) {
      others.emplace_back(file, overrides, roots, grid.axes);
    }
    std::vector<std::jthread> threads;
    for (PointModel& other : others) threads.emplace_back([&work, &other] { work(other); });
    work(model);
  }
  if (failure) std::rethrow_exception(failure);
  for (std::size_t layer = 0; layer < layers; ++layer) put(grid, layer, *built[layer]);
  grid.error = measure_error(grid, model, options.check_points);
  return grid;
}

}  // namespace moesim
