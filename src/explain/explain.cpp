#include "moesim/explain/explain.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "explain/link_classes.hpp"
#include "explain/sentences.hpp"
#include "explain/varied_model.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostRemovals = 4;
/// A step that gets shorter by less than this when a resource is a hundred times better has no further bottleneck
/// there.
constexpr double kNegligible = 1e-3;

using Held = VariedModel::Held;
using Factors = std::vector<double>;

Factors with(Factors factors, std::size_t index, double factor) {
  factors[index] *= factor;
  return factors;
}

/// nullopt: that is no valid scenario (a limit of the reader, or a law of the device).
std::optional<Seconds> try_seconds(VariedModel& model, const Factors& factors) {
  try {
    return Seconds{model.seconds(factors)};
  } catch (const InputError&) {
    return std::nullopt;
  }
}

/// -d ln t / d ln f by a central difference around `at`.
double central(VariedModel& model, const Factors& at, std::size_t index) {
  const double better = model.seconds(with(at, index, kSmallFactor));
  const double worse = model.seconds(with(at, index, 1 / kSmallFactor));
  return std::log(worse / better) / (2 * std::log(kSmallFactor));
}

/// Next step upwards of a whole number, as a factor: one more, or 5 % of many.
double next_step(double count) { return (count + std::max(1.0, std::round(0.05 * count))) / count; }

/// The same where only some values are possible: from `at` one step up.
Sensitivity secant(VariedModel& model, const Held& held, const Factors& at, std::size_t index, Sensitivity result) {
  result.step = held.resource->kind == ResourceKind::whole ? 2 : next_step(held.values.front());
  const auto more = try_seconds(model, with(at, index, result.step));
  result.elasticity = more ? std::log(model.seconds(at) / more->value) / std::log(result.step) : 0;
  return result;
}

std::optional<double> busiest_of(const Resource& resource, const std::vector<LinkClass>& links) {
  std::optional<double> busiest;
  for (const LinkClass& link : links) {
    const bool of_hub = resource.name == "pcie_bandwidth" && link.kind == LinkKind::ideal;  // box.pcie of a hub
    if (!of_hub && resource.links != link.kind) continue;
    busiest = std::max(busiest.value_or(0), link.utilization_max);
  }
  return busiest;
}

Sensitivity sensitivity(VariedModel& model, const std::vector<LinkClass>& links, std::size_t index) {
  const Held& held = model.held()[index];
  const Factors now(model.held().size(), 1);
  Sensitivity result{.resource = held.resource, .keys = held.keys, .values = held.texts};
  if (is_independent(held.resource->kind)) {
    result.elasticity = central(model, now, index);
    result.removed = try_seconds(model, with(now, index, kRemovedFactor));
  } else {
    result = secant(model, held, now, index, std::move(result));
  }
  result.doubled = try_seconds(model, with(now, index, 2));
  result.busiest = busiest_of(*held.resource, links);
  return result;
}

/// The independent resource with the largest elasticity around `at`, of those that `at` has not removed.
std::pair<std::size_t, double> binding(VariedModel& model, const Factors& at) {
  std::pair<std::size_t, double> largest{model.held().size(), 0};
  for (std::size_t i = 0; i < model.held().size(); ++i) {
    if (!is_independent(model.held()[i].resource->kind) || at[i] >= kRemovedFactor) continue;
    const double elasticity = central(model, at, i);
    if (elasticity > largest.second) largest = {i, elasticity};
  }
  return largest;
}

std::vector<Removal> removals(VariedModel& model, Seconds step_time) {
  std::vector<Removal> chain;
  Factors at(model.held().size(), 1);
  while (chain.size() < kMostRemovals) {
    const auto [index, elasticity] = binding(model, at);
    if (index == model.held().size()) break;
    at[index] = kRemovedFactor;
    const auto left = try_seconds(model, at);
    if (!left || left->value > step_time.value * (1 - kNegligible)) break;
    chain.push_back({.resource = model.held()[index].resource, .elasticity = elasticity, .step_time = *left});
    step_time = *left;
  }
  return chain;
}

void note_limits(Explanation& explanation, const VariedModel& model, const Scenario& scenario) {
  const auto has = [&](LinkKind kind) {
    return std::ranges::any_of(model.held(), [kind](const Held& held) { return held.resource->links == kind; });
  };
  for (const LinkClass& link : explanation.links) {
    if (has(link.kind) || link.kind == LinkKind::ideal || (link.kind == LinkKind::fabric && has(LinkKind::nic)))
      continue;
    explanation.notes.push_back(
        fmt::format("Links {} of cluster {} are listed one by one in its file: they are not among the resources",
                    link.name, scenario.cluster.name));
  }
}

}  // namespace

Explanation explain(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots,
                    std::size_t variant, const std::function<Prediction(const Scenario&)>& predict) {
  VariedModel model(file, overrides, roots, variant, predict);
  const std::shared_ptr<const Scenario> scenario = model.scenario();
  const Factors now(model.held().size(), 1);

  Explanation explanation;
  explanation.prediction = model.run(now);
  const Seconds step_time = explanation.prediction.step_time.time;
  explanation.links = link_classes(*scenario->cluster.topology, explanation.prediction.link_bytes, step_time);

  Factors doubled = now;
  for (std::size_t i = 0; i < model.held().size(); ++i) {
    explanation.sensitivities.push_back(sensitivity(model, explanation.links, i));
    if (!is_independent(model.held()[i].resource->kind)) continue;
    doubled[i] = 2;
    explanation.elasticity_sum += explanation.sensitivities.back().elasticity;
  }
  explanation.all_doubled = {model.seconds(doubled)};
  std::ranges::stable_sort(explanation.sensitivities, [](const Sensitivity& a, const Sensitivity& b) {
    const bool first = is_independent(a.resource->kind);
    return first != is_independent(b.resource->kind) ? first : a.elasticity > b.elasticity;
  });

  explanation.removals = removals(model, step_time);
  if (const auto first = binding(model, now).first; first < now.size()) {
    const auto next = binding(model, with(now, first, 2)).first;
    if (next < now.size()) explanation.after_doubling = model.held()[next].resource;
  }
  note_limits(explanation, model, *scenario);
  explanation.sentences = sentences(explanation);
  return explanation;
}

}  // namespace moesim
