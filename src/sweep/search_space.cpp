#include "sweep/search_space.hpp"

#include <algorithm>
#include <string_view>
#include <variant>

namespace moesim {
namespace {

constexpr int kWidestTensor = 8;    // tensor parallelism stays inside a machine
constexpr int kWidestContext = 16;  // more than that splits sequences into crumbs
constexpr int kMostMicroBatch = 16;

std::vector<int> divisors(int number, int most) {
  std::vector<int> all;
  for (int candidate = 1; candidate <= std::min(number, most); ++candidate) {
    if (number % candidate == 0) all.push_back(candidate);
  }
  return all;
}

int attention_heads(const Model& model) {
  return std::visit([](const auto& attention) { return attention.heads; }, model.attention);
}

/// All-to-all algorithms in sets that leave the kernels alike: rows that are sent once to each machine are permuted
/// where they arrive.
std::vector<std::vector<std::string>> exchange_choices(int ep) {
  if (ep == 1) return {{}};
  return {{"flat", "hierarchical_2d"}, {"node_deduplicated"}};
}

/// Settings that change no kernel.
std::vector<Settings> communication_choices(const Scenario& scenario, int pp, const std::vector<std::string>& exchanges,
                                            int replicas) {
  const bool training = scenario.mode() == Mode::training;
  std::vector<SearchKey> keys;
  // Stages 2 and 3 split gradients and weights, which a pipeline holds on to over many micro-batches.
  if (training && replicas > 1) {
    keys.push_back({"parallelism.zero",
                    pp > 1 ? std::vector<std::string>{"0", "1"} : std::vector<std::string>{"0", "1", "2", "3"}});
  } else if (training) {
    keys.push_back({"parallelism.zero", {"0"}});
  }
  if (training && pp > 1) keys.push_back({"parallelism.schedule", {"1f1b", "zero_bubble_h1"}});
  if (!exchanges.empty()) keys.push_back({"framework.all_to_all", exchanges});
  return combinations(keys);
}

/// A layout's groups: one for each micro-batch and recomputation.
void add_groups(const Scenario& scenario, const LayoutGroup& layout, int sequences, std::vector<LayoutGroup>& groups) {
  if (scenario.mode() != Mode::training) {
    groups.push_back(layout);
    return;
  }
  for (const int micro_batch : divisors(sequences, kMostMicroBatch)) {
    for (const char* recompute : {"none", "selective", "full"}) {
      // Flash attention keeps no scores that could be made again.
      if (scenario.framework.flash_attention && std::string_view(recompute) == "selective") continue;
      LayoutGroup group = layout;
      group.shared.emplace_back("workload.micro_batch", std::to_string(micro_batch));
      group.shared.emplace_back("workload.recompute", recompute);
      groups.push_back(std::move(group));
    }
  }
}

}  // namespace

std::vector<Settings> combinations(const std::vector<SearchKey>& keys) {
  std::vector<Settings> all = {{}};
  for (const SearchKey& key : keys) {
    std::vector<Settings> longer;
    for (const Settings& shorter : all) {
      for (const std::string& value : key.values) {
        longer.push_back(shorter);
        longer.back().emplace_back(key.key, value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::vector<LayoutGroup> layout_groups(const Scenario& scenario, int gpus) {
  const Model& model = scenario.model;
  const auto* training = std::get_if<TrainingWorkload>(&scenario.workload);
  const int batch = training != nullptr ? training->global_batch : std::get<InferenceWorkload>(scenario.workload).batch;
  const int experts = model.moe ? model.moe->experts : 1;
  std::vector<LayoutGroup> groups;
  for (const int tp : divisors(gpus, kWidestTensor)) {
    if (attention_heads(model) % tp != 0) continue;
    for (const int pp : divisors(gpus / tp, model.layers)) {
      for (const int cp : divisors(gpus / (tp * pp), training != nullptr ? kWidestContext : 1)) {
        const int dp = gpus / (tp * pp * cp);
        if (batch % dp != 0) continue;
        for (const int ep : divisors(dp * cp * tp, experts)) {
          if (experts % ep != 0) continue;
          const Settings degrees = {
              {"parallelism.tp", std::to_string(tp)}, {"parallelism.pp", std::to_string(pp)},
              {"parallelism.cp", std::to_string(cp)}, {"parallelism.ep", std::to_string(ep)},
              {"parallelism.dp", std::to_string(dp)}, {"parallelism.ranks", std::to_string(gpus)}};
          for (const std::vector<std::string>& exchanges : exchange_choices(ep)) {
            add_groups(scenario, {gpus, degrees, communication_choices(scenario, pp, exchanges, dp * cp)}, batch / dp,
                       groups);
          }
        }
      }
    }
  }
  return groups;
}

}  // namespace moesim
