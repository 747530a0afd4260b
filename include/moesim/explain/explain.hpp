#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/explain/resources.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// How far the step is moved to take a derivative: a resource 1 % better and 1 % worse.
inline constexpr double kSmallFactor = 1.01;
/// "Removed": so much better that it no longer counts, yet inside what the readers of the scenario accept.
inline constexpr double kRemovedFactor = 100;

/// What the step time does when one resource changes; every number is a run of the whole model on changed inputs.
struct Sensitivity {
  const Resource* resource = nullptr;
  std::vector<std::string> keys;    ///< of the scenario that hold it; empty: it is in the calibration
  std::vector<std::string> values;  ///< of these keys now
  /// -d ln(step time) / d ln(resource): per cent saved per 1 % better. Central difference over kSmallFactor; for whole
  /// numbers the secant of the next possible step upwards.
  double elasticity = 0;
  double step = kSmallFactor;                     ///< factor over which `elasticity` was taken
  std::optional<Seconds> doubled = std::nullopt;  ///< step time with twice of it; none: that is no valid scenario
  std::optional<Seconds> removed = std::nullopt;  ///< step time with kRemovedFactor times of it
  std::optional<double> busiest = std::nullopt;   ///< largest utilization of its links over the step
};

/// Links of one make: equal names but for the numbers, equal capacity.
struct LinkClass {
  std::string name;  ///< "host*/nic*->switch"
  LinkKind kind = LinkKind::pcie;
  BytesPerSecond capacity;
  std::size_t count = 0;
  double utilization_max = 0;  ///< bytes over the step / (capacity x step time)
  double utilization_mean = 0;
};

/// One bottleneck after the other: the resource with the largest elasticity is removed, then the next.
struct Removal {
  const Resource* resource = nullptr;
  double elasticity = 0;  ///< with everything before it removed
  Seconds step_time;      ///< once it is removed too
};

struct Explanation {
  Prediction prediction;
  std::vector<LinkClass> links;            ///< busiest first
  std::vector<Sensitivity> sensitivities;  ///< of the independent resources, largest elasticity first; then the others
  double elasticity_sum = 0;               ///< of the independent ones; 1 where the step time is differentiable
  Seconds all_doubled;                     ///< step time with all of them doubled: half
  std::vector<Removal> removals;
  const Resource* after_doubling = nullptr;  ///< largest elasticity once the first is doubled
  std::vector<std::string> sentences;
  std::vector<std::string> notes;  ///< what could not be varied, and why
};

/// Where the time of one variant of a scenario goes, and what would make it faster. Resources are changed through the
/// keys of the scenario, as `--set` does, and fixed times of fitted laws in the laws; then the model runs again.
/// @param variant its number in the file
/// @param predict the engine
/// @throws InputError when the scenario is wrong
[[nodiscard]] Explanation explain(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                  const ConfigRoots& roots, std::size_t variant,
                                  const std::function<Prediction(const Scenario&)>& predict);

}  // namespace moesim
