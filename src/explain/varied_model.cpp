#include "explain/varied_model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

namespace moesim {
namespace {

/// SI value of a completed key: quantities carry their unit, counts do not.
double si_value(const std::string& text) {
  if (const auto time = parse_quantity<Seconds>(text)) return time->value;
  if (const auto rate = parse_quantity<BytesPerSecond>(text)) return rate->value;
  if (const auto rate = parse_quantity<FlopsPerSecond>(text)) return rate->value;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  MOESIM_ENSURES(error == std::errc{} && end == text.data() + text.size());
  return number;
}

bool is_flops(std::string_view key) { return key.find("peak") != std::string_view::npos; }

/// FLOPS that multiprocessors bring with them.
std::vector<std::string_view> keys_of(const Resource& resource) {
  std::vector<std::string_view> keys(resource.keys.begin(), resource.keys.end());
  if (resource.kind != ResourceKind::processors) return keys;
  for (const Resource& other : resources()) {
    if (!other.keys.empty() && is_flops(other.keys.front()))
      keys.insert(keys.end(), other.keys.begin(), other.keys.end());
  }
  return keys;
}

bool is_link_time(std::string_view coefficient) {
  constexpr std::array<std::string_view, 4> kTimes = {"startup", "startup_per_round", "simple_startup", "bend"};
  const std::string_view field = coefficient.substr(coefficient.rfind('.') + 1);
  return std::ranges::find(kTimes, field) != kTimes.end();
}

bool is_kernel_time(std::string_view coefficient) { return coefficient.ends_with("_s"); }

FittedLaw with_times(FittedLaw law, double factor, bool (*is_time)(std::string_view)) {
  for (auto& [name, value] : law.coefficients) {
    if (is_time(name)) value /= factor;
  }
  return law;
}

std::shared_ptr<const Scenario> with_laws(std::shared_ptr<const Scenario> scenario, double startup, double overhead) {
  if (startup == 1 && overhead == 1) return scenario;
  auto changed = std::make_shared<Scenario>(*scenario);
  if (const FittedLaw* law = scenario->cluster.collectives->law(); startup != 1 && law != nullptr) {
    Calibration calibration{.name = std::string(scenario->cluster.collectives->law_name()), .device = {}, .laws = {}};
    calibration.laws.push_back(with_startup(*law, startup));
    changed->cluster.collectives = std::make_shared<CollectiveModel>(
        scenario->cluster.topology, scenario->cluster.transport, std::move(calibration));
  }
  if (overhead != 1) {
    Calibration calibration = scenario->kernels->calibration();
    for (FittedLaw& law : calibration.laws) law = with_overhead(std::move(law), overhead);
    changed->kernels = std::make_shared<KernelModel>(scenario->kernels->device(), std::move(calibration));
  }
  return changed;
}

}  // namespace

FittedLaw with_startup(FittedLaw law, double factor) { return with_times(std::move(law), factor, is_link_time); }
FittedLaw with_overhead(FittedLaw law, double factor) { return with_times(std::move(law), factor, is_kernel_time); }

VariedModel::VariedModel(const std::filesystem::path& file, const std::vector<Override>& overrides,
                         const ConfigRoots& roots, std::size_t variant,
                         std::function<Prediction(const Scenario&)> predict)
    : variant_(variant), predict_(std::move(predict)), loader_(make_loader(file, overrides, roots)) {
  const std::shared_ptr<const Scenario> now = scenario();
  for (const Resource& resource : resources()) {
    Held held{.resource = &resource, .keys = {}, .texts = {}, .values = {}, .slots = {}};
    for (const std::string_view key : keys_of(resource)) {
      const auto text = loader_.constant(std::string(key), variant_);
      if (!text || si_value(text->text) == 0) continue;  // no such part, or nothing to gain from it
      held.keys.emplace_back(key);
      held.texts.push_back(text->text);
      held.values.push_back(si_value(text->text));
      held.slots.push_back(static_cast<std::size_t>(std::ranges::find(keys_, key) - keys_.begin()));
    }
    const bool fitted = (resource.kind == ResourceKind::startup && now->cluster.collectives->law() != nullptr) ||
                        (resource.kind == ResourceKind::overhead && !now->kernels->calibration().laws.empty());
    const bool there = !held.keys.empty() && held.keys.front() == resource.keys.front();
    if (fitted || there || (!held.keys.empty() && is_independent(resource.kind))) held_.push_back(std::move(held));
  }
}

PointLoader VariedModel::make_loader(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                     const ConfigRoots& roots) {
  for (const Resource& resource : resources()) {
    for (const std::string_view key : resource.keys) keys_.emplace_back(key);
  }
  // A variant may set the key itself: what is laid must lie over it.
  const std::string name = PointLoader(file, overrides, roots, {}).variants().at(variant_);
  std::vector<std::string> laid = keys_;
  if (!name.empty()) {
    for (std::string& key : laid) key = fmt::format("variants.{}.{}", name, key);
  }
  return {file, overrides, roots, laid};
}

std::string VariedModel::scaled(const Held& held, std::size_t key, double factor) const {
  const double value = held.values[key];
  const std::string& name = held.keys[key];
  switch (held.resource->kind) {
    case ResourceKind::delay:
      return exact_quantity(Seconds{value / factor});
    case ResourceKind::whole:
      return fmt::format("{}", std::lround(value * factor));
    case ResourceKind::processors:
      if (key == 0) return fmt::format("{}", std::lround(value * factor));
      [[fallthrough]];  // the rates that come with them
    default:
      return is_flops(name) ? exact_quantity(FlopsPerSecond{value * factor})
                            : exact_quantity(BytesPerSecond{value * factor});
  }
}

std::shared_ptr<const Scenario> VariedModel::scenario() {
  const std::vector<PointValue> none(keys_.size());
  return loader_.load(none).at(variant_);
}

Prediction VariedModel::run(const std::vector<double>& factors) {
  MOESIM_EXPECTS(factors.size() == held_.size());
  std::vector<PointValue> laid(keys_.size());
  double startup = 1;
  double overhead = 1;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    const Held& held = held_[i];
    if (factors[i] == 1) continue;
    if (held.resource->kind == ResourceKind::startup) startup = factors[i];
    if (held.resource->kind == ResourceKind::overhead) overhead = factors[i];
    for (std::size_t key = 0; key < held.keys.size(); ++key) {
      laid[held.slots[key]] = PointLoader::value({.text = scaled(held, key, factors[i]), .file = "explain"});
    }
  }
  return predict_(*with_laws(loader_.load(laid).at(variant_), startup, overhead));
}

double VariedModel::seconds(const std::vector<double>& factors) {
  const auto known = known_.find(factors);
  if (known != known_.end()) return known->second;
  return known_.emplace(factors, run(factors).step_time.time.value).first->second;
}

}  // namespace moesim
