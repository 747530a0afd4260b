#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <numeric>
#include <variant>

#include "moesim/base/quantity_text.hpp"
#include "moesim/explain/what_if.hpp"
#include "moesim/scenario/points.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {
namespace {

using Scenarios = std::vector<std::shared_ptr<const Scenario>>;

/// Stops of an axis at most: a grid of five axes has to stay small.
std::size_t most_stops(std::size_t variants) { return variants <= 2 ? 6 : variants <= 4 ? 4 : 3; }

bool sets_or_replaces(const PointLoader& loader, const std::string& variant, const std::string& key) {
  for (std::size_t end = key.find('.'); true; end = key.find('.', end + 1)) {
    if (loader.written(fmt::format("variants.{}.{}", variant, key.substr(0, end)))) return true;
    if (end == std::string::npos) return false;
  }
}

/// The key itself, or one of each variant when a variant would not take it from the shared part.
std::vector<std::string> keys_of(const PointLoader& loader, const std::string& key) {
  const std::vector<std::string>& variants = loader.variants();
  const auto own = [&](const std::string& variant) {
    return !variant.empty() && sets_or_replaces(loader, variant, key);
  };
  if (std::ranges::none_of(variants, own)) return {key};
  std::vector<std::string> keys;
  for (const std::string& variant : variants) keys.push_back(fmt::format("variants.{}.{}", variant, key));
  return keys;
}

/// The value of a key, when all variants have the same; as text.
std::optional<std::string> shared_value(PointLoader& loader, const std::string& key) {
  const auto first = loader.constant(key, 0);
  if (!first) return std::nullopt;
  for (std::size_t v = 1; v < loader.variants().size(); ++v) {
    const auto other = loader.constant(key, v);
    if (!other || other->text != first->text) return std::nullopt;
  }
  return first->text;
}

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `now` and of the candidates those nearest to it by ratio, `most` together, ascending.
WhatIfAxis axis_of(std::string name, std::string title, std::vector<std::string> keys, const std::string& now,
                   std::vector<double> candidates, std::size_t most) {
  const double here = number_of(now).value();
  std::erase_if(candidates, [here](double one) { return std::abs(one - here) <= 1e-12 * here; });
  std::ranges::stable_sort(candidates, {}, [here](double one) { return std::abs(std::log(one / here)); });
  candidates.resize(std::min(candidates.size(), most - 1));
  candidates.push_back(here);
  std::ranges::sort(candidates);
  WhatIfAxis axis{.name = std::move(name), .title = std::move(title), .keys = std::move(keys), .stops = {}};
  for (const double one : candidates) {
    if (one == here) axis.now = axis.stops.size();
    axis.stops.push_back(one == here ? now : fmt::format("{}", one));
  }
  return axis;
}

class Finder {
 public:
  Finder(PointLoader& loader, const Scenarios& scenarios)
      : loader_(loader), scenarios_(scenarios), most_(most_stops(scenarios.size())) {}

  WhatIfAxes run() {
    bandwidth();
    expert_parallelism();
    top_k();
    batch();
    low_rank_ratio();
    return std::move(axes_);
  }

 private:
  void leave_out(std::string title, std::string why) { axes_.absent.push_back({std::move(title), std::move(why)}); }

  void bandwidth() {
    const char* const title = "network bandwidth";
    const std::string key = "cluster.nic.bandwidth";
    const auto value = shared_value(loader_, key);
    const bool alone = std::ranges::all_of(scenarios_, [](const auto& one) {
      const Topology& topology = *one->cluster.topology;
      const int last = one->parallelism.world_size() - 1;
      return topology.host_of(RankId{static_cast<std::size_t>(last)}) == topology.host_of(RankId{0U});
    });
    if (alone) return leave_out(title, "all GPUs are in one machine");
    const auto rate = value ? parse_quantity<BytesPerSecond>(*value) : std::nullopt;
    if (!rate)
      return leave_out(title,
                       "the cluster has no one NIC bandwidth (its links are listed one by one, or variants differ)");
    axes_.bandwidth = BandwidthAxis{.keys = keys_of(loader_, key), .now = *rate};
  }

  /// Whether there are experts at all; else says so.
  bool has_experts(const char* title) {
    const bool all = std::ranges::all_of(scenarios_, [](const auto& one) { return one->model.moe.has_value(); });
    if (!all) leave_out(title, "the model is dense");
    return all;
  }

  void expert_parallelism() {
    const char* const title = "expert-parallel GPUs (EP)";
    const std::string key = "parallelism.ep";
    if (!has_experts(title)) return;
    const auto now = shared_value(loader_, key);
    if (!now) return leave_out(title, "variants differ in it");
    int most = 0;  // ep divides the experts, and the ranks that hold them
    for (const auto& one : scenarios_) {
      const Parallelism& layout = one->parallelism;
      most = std::gcd(most, std::gcd(one->model.moe->experts, layout.dp * layout.cp * layout.tp / layout.etp));
    }
    std::vector<double> candidates;
    for (int ep = 1; ep <= most; ++ep) {
      if (most % ep == 0) candidates.push_back(ep);
    }
    add(axis_of("ep", title, keys_of(loader_, key), *now, std::move(candidates), most_));
  }

  void top_k() {
    const char* const title = "experts of a token (top-k)";
    const std::string key = "model.moe.top_k";
    if (!has_experts(title)) return;
    const auto now = shared_value(loader_, key);
    if (!now) return leave_out(title, "variants differ in it");
    int most = scenarios_.front()->model.moe->experts;
    for (const auto& one : scenarios_) most = std::min(most, one->model.moe->experts);
    std::vector<double> candidates;
    for (const double k : {1, 2, 4, 8, 16}) {
      if (k <= most) candidates.push_back(k);
    }
    add(axis_of("top_k", title, keys_of(loader_, key), *now, std::move(candidates), most_));
  }

  void batch() {
    const bool training = scenarios_.front()->mode() == Mode::training;
    const std::string key = training ? "workload.global_batch" : "workload.batch";
    const char* const title = training ? "sequences of a step (global batch)" : "sequences at a time (batch)";
    const auto now = shared_value(loader_, key);
    if (!now) return leave_out(title, "variants differ in it");
    int share = 1;  // every data-parallel rank works on equally many whole micro-batches
    for (const auto& one : scenarios_) {
      const auto* work = std::get_if<TrainingWorkload>(&one->workload);
      share = std::lcm(share, one->parallelism.dp * (work == nullptr ? 1 : work->micro_batch));
    }
    std::vector<double> candidates;
    for (const double factor : {0.125, 0.25, 0.5, 2.0, 4.0, 8.0}) {
      const double batch = number_of(*now).value() * factor;
      if (batch >= share && std::fmod(batch, share) == 0) candidates.push_back(batch);
    }
    add(axis_of("batch", title, keys_of(loader_, key), *now, std::move(candidates), most_));
  }

  /// Of the variants whose tokens travel narrower than they are.
  void low_rank_ratio() {
    const char* const title = "width of the all-to-all over the model's (r)";
    const std::string key = "model.moe.low_rank_ratio";
    std::vector<std::string> keys;
    std::optional<std::string> now;
    for (std::size_t v = 0; v < scenarios_.size(); ++v) {
      const Model& model = scenarios_[v]->model;
      if (!model.moe || model.moe->payload_in >= model.hidden) continue;
      const auto value = loader_.constant(key, v);
      if (!value) return leave_out(title, "a variant gives its widths one by one");
      if (now && *now != value->text) return leave_out(title, "variants differ in it");
      now = value->text;
      const std::string& variant = loader_.variants()[v];
      keys.push_back(variant.empty() ? key : fmt::format("variants.{}.{}", variant, key));
    }
    if (!now) return leave_out(title, "no variant sends tokens narrower than they are");
    add(axis_of("low_rank_ratio", title, std::move(keys), *now, {0.0625, 0.125, 0.25, 0.375, 0.5, 0.75}, most_));
  }

  void add(WhatIfAxis axis) {
    if (axis.stops.size() > 1) return axes_.stops.push_back(std::move(axis));
    leave_out(axis.title, fmt::format("{} is the only value that is possible", axis.stops.front()));
  }

  PointLoader& loader_;
  const Scenarios& scenarios_;
  std::size_t most_;
  WhatIfAxes axes_;
};

}  // namespace

WhatIfAxes what_if_axes(const std::filesystem::path& file, const std::vector<Override>& overrides,
                        const ConfigRoots& roots) {
  PointLoader loader(file, overrides, roots, {});
  const Scenarios scenarios = loader.load({});
  return Finder(loader, scenarios).run();
}

}  // namespace moesim
