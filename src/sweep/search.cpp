#include "moesim/sweep/search.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>
#include <variant>

#include "moesim/analytic/step_time_bound.hpp"
#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/memory.hpp"

#include "sweep/search_space.hpp"

namespace moesim {
namespace {

constexpr double kEqual = 0.02;  // models within this of each other count as equally large

/// Lays settings over the scenario; keys in the order in which changing them is dear.
class Layouts {
 public:
  Layouts(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots,
          std::vector<std::string> keys, const std::string& variant)
      : keys_(std::move(keys)), loader_(file, overrides, roots, keys_) {
    const std::vector<std::string>& names = loader_.variants();
    const auto found = variant.empty() ? names.begin() : std::find(names.begin(), names.end(), variant);
    if (found == names.end()) {
      throw InputError(
          fmt::format("--variant {}: is no variant of the scenario (there are: {})", variant, fmt::join(names, ", ")));
    }
    variant_ = static_cast<std::size_t>(found - names.begin());
  }

  /// Null when it is no valid scenario.
  std::shared_ptr<const Scenario> load(const Settings& settings) {
    std::vector<PointValue> values(keys_.size());
    for (const auto& [key, text] : settings) {
      const auto place = std::find(keys_.begin(), keys_.end(), key);
      values[static_cast<std::size_t>(place - keys_.begin())] = value(text);
    }
    try {
      return loader_.load(values).at(variant_);
    } catch (const InputError& error) {
      if (!first_problem_) first_problem_ = error;
      return nullptr;
    }
  }

  [[nodiscard]] const std::optional<InputError>& first_problem() const { return first_problem_; }

 private:
  PointValue value(const std::string& text) {
    auto& known = values_[text];
    if (known == nullptr) known = PointLoader::value({.text = text, .file = "search"});
    return known;
  }

  std::vector<std::string> keys_;
  PointLoader loader_;
  std::size_t variant_ = 0;
  std::map<std::string, PointValue> values_;
  std::optional<InputError> first_problem_;
};

/// A layout that fits every cluster. The scenario's own is not looked at: it need not divide the GPUs that are
/// searched.
Settings one_rank() {
  return {{"parallelism.ranks", "1"}, {"parallelism.tp", "1"}, {"parallelism.etp", "1"}, {"parallelism.pp", "1"},
          {"parallelism.cp", "1"},    {"parallelism.ep", "1"}, {"parallelism.dp", "1"}};
}

Settings joined(const Settings& a, const Settings& b, const Settings& c) {
  Settings all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  return all;
}

bool no_worse(const FoundLayout& one, double time, double memory, int gpus) {
  return one.prediction->step_time.time.value <= time && one.prediction->memory.total.value <= memory &&
         one.gpus <= gpus;
}

class Search {
 public:
  Search(Layouts& layouts, const SearchOptions& options) : layouts_(layouts), options_(options) {}

  void add(const LayoutGroup& group, const Settings& structure) {
    result_.layouts += group.layouts.size();
    Candidate candidate{&group, structure, 0};
    if (!options_.exhaustive) {
      // Any layout of the group has its kernels; the first that is valid gives the bound.
      std::shared_ptr<const Scenario> scenario;
      for (const Settings& one : group.layouts) {
        scenario = layouts_.load(joined(structure, group.shared, one));
        if (scenario != nullptr) break;
      }
      if (scenario == nullptr) {
        result_.invalid += group.layouts.size();
        return;
      }
      candidate.bound = step_time_bound(*scenario).value;
    }
    candidates_.push_back(std::move(candidate));
  }

  SearchResult run() {
    std::stable_sort(candidates_.begin(), candidates_.end(), [&](const Candidate& a, const Candidate& b) {
      return value_of(a.bound, a.group->gpus) < value_of(b.bound, b.group->gpus);
    });
    for (const Candidate& candidate : candidates_) {
      if (beaten(candidate)) {
        result_.pruned += candidate.group->layouts.size();
        continue;
      }
      for (const Settings& own : candidate.group->layouts) try_layout(candidate, own);
    }
    if (options_.pareto) keep_front();
    return std::move(result_);
  }

  void want(const Prediction& base) { base_ = base; }

 private:
  struct Candidate {
    const LayoutGroup* group;
    Settings structure;
    double bound;  ///< of the step time [s]
  };

  [[nodiscard]] double value_of(double time, int gpus) const { return options_.gpu_time ? time * gpus : time; }

  /// Whether no layout of the group can be among the best.
  [[nodiscard]] bool beaten(const Candidate& candidate) const {
    if (options_.exhaustive || options_.pareto || result_.best.size() < options_.top) return false;
    return value_of(candidate.bound, candidate.group->gpus) >= result_.best.back().value;
  }

  void try_layout(const Candidate& candidate, const Settings& own) {
    if (beaten(candidate)) {
      ++result_.pruned;
      return;
    }
    Settings settings = joined(candidate.structure, candidate.group->shared, own);
    const std::shared_ptr<const Scenario> scenario = layouts_.load(settings);
    if (scenario == nullptr) {
      ++result_.invalid;
      return;
    }
    const MemoryPlan memory = plan_memory(*scenario);
    if (!memory.fits) {
      ++result_.too_large;
      return;
    }
    const int gpus = candidate.group->gpus;
    if (options_.pareto && !options_.exhaustive) {
      const bool dominated = std::any_of(front_.begin(), front_.end(), [&](const FoundLayout& one) {
        return no_worse(one, candidate.bound, memory.total.value, gpus);
      });
      const bool among_best =
          result_.best.size() < options_.top || value_of(candidate.bound, gpus) < result_.best.back().value;
      if (dominated && !among_best) {
        ++result_.pruned;
        return;
      }
    }
    FoundLayout found{.settings = std::move(settings), .gpus = gpus, .prediction = nullptr, .value = 0};
    try {
      found.prediction = std::make_shared<const Prediction>(predict(*scenario));
    } catch (const InputError&) {  // an exchange in two steps over machines with different numbers of ranks
      ++result_.invalid;
      return;
    }
    ++result_.predicted;
    if (!as_large(*found.prediction)) return;
    found.value = value_of(found.prediction->step_time.time.value, gpus);
    MOESIM_ENSURES(found.prediction->step_time.time.value >= candidate.bound * (1 - 1e-9));
    if (options_.pareto) add_to_front(found);
    const auto place = std::upper_bound(result_.best.begin(), result_.best.end(), found,
                                        [](const FoundLayout& a, const FoundLayout& b) { return a.value < b.value; });
    result_.best.insert(place, std::move(found));
    if (result_.best.size() > options_.top) result_.best.pop_back();
  }

  [[nodiscard]] bool as_large(const Prediction& prediction) const {
    const auto equal = [](double a, double b) { return std::abs(a - b) <= kEqual * b; };
    return !(options_.equal_parameters && !equal(prediction.parameters, base_.parameters)) &&
           !(options_.equal_flops && !equal(prediction.flops.value, base_.flops.value));
  }

  void add_to_front(const FoundLayout& found) {
    const double time = found.prediction->step_time.time.value;
    const double memory = found.prediction->memory.total.value;
    for (const FoundLayout& one : front_) {
      if (no_worse(one, time, memory, found.gpus)) return;
    }
    std::erase_if(front_, [&](const FoundLayout& one) {
      return no_worse(found, one.prediction->step_time.time.value, one.prediction->memory.total.value, one.gpus);
    });
    front_.push_back(found);
  }

  void keep_front() {
    std::stable_sort(front_.begin(), front_.end(), [](const FoundLayout& a, const FoundLayout& b) {
      return a.prediction->step_time.time < b.prediction->step_time.time;
    });
    result_.pareto = std::move(front_);
  }

  Layouts& layouts_;
  const SearchOptions& options_;
  std::vector<Candidate> candidates_;
  std::vector<FoundLayout> front_;
  Prediction base_;
  SearchResult result_;
};

}  // namespace

SearchResult search_layouts(const std::filesystem::path& file, const std::vector<Override>& overrides,
                            const ConfigRoots& roots, const SearchOptions& options) {
  std::vector<Override> on_one_rank = overrides;
  for (const auto& [key, text] : one_rank()) on_one_rank.push_back({fmt::format("{}={}", key, text)});
  const std::vector<Scenario> scenarios = load_scenario(file, on_one_rank, roots);
  const auto chosen = std::find_if(scenarios.begin(), scenarios.end(), [&](const Scenario& one) {
    return options.variant.empty() || one.variant == options.variant;
  });
  const Scenario& base = chosen != scenarios.end() ? *chosen : scenarios.front();
  std::vector<std::string> keys;
  for (const SearchKey& key : options.structure) keys.push_back(key.key);
  for (const char* key : {"parallelism.ranks", "parallelism.tp", "parallelism.etp", "parallelism.pp", "parallelism.cp",
                          "parallelism.ep", "parallelism.dp", "framework.all_to_all", "workload.micro_batch",
                          "workload.recompute", "parallelism.schedule", "parallelism.zero"}) {
    keys.emplace_back(key);
  }
  Layouts layouts(file, overrides, roots, keys, options.variant);
  Search search(layouts, options);
  if (options.equal_parameters || options.equal_flops) search.want(predict(base));
  const std::vector<int> counts =
      options.gpus.empty() ? std::vector<int>{base.cluster.topology->ranks()} : options.gpus;
  std::vector<std::vector<LayoutGroup>> groups;  // candidates point into them
  for (const Settings& structure : combinations(options.structure)) {
    // How many experts there are decides which degrees divide.
    const std::shared_ptr<const Scenario> model =
        structure.empty() ? nullptr : layouts.load(joined(structure, one_rank(), {}));
    for (const int gpus : counts) {
      groups.push_back(layout_groups(model != nullptr ? *model : base, gpus));
      for (const LayoutGroup& group : groups.back()) search.add(group, structure);
    }
  }
  SearchResult result = search.run();
  if (result.predicted == 0 && result.too_large == 0 && layouts.first_problem()) {
    throw InputError(layouts.first_problem()->diagnostics());
  }
  return result;
}

}  // namespace moesim
