#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/scenario/load.hpp"

namespace moesim {

/// A key of the scenario (or one key of each variant) that somebody may want to turn, with the values it can take.
struct WhatIfAxis {
  std::string name;                ///< "top_k"
  std::string title;               ///< for people
  std::vector<std::string> keys;   ///< set together, as `--set` does
  std::vector<std::string> stops;  ///< values as `--set` takes them, ascending
  std::size_t now = 0;             ///< the stop that the scenario has
};

/// The one axis without stops. It goes from now / kBandwidthReach to now * kBandwidthReach.
struct BandwidthAxis {
  std::vector<std::string> keys;
  BytesPerSecond now;
};
inline constexpr double kBandwidthReach = 8;

struct AbsentAxis {
  std::string title;
  std::string why;
};

struct WhatIfAxes {
  std::optional<BandwidthAxis> bandwidth;
  std::vector<WhatIfAxis> stops;   ///< slowest first; expert parallelism, if it is there, is the first
  std::vector<AbsentAxis> absent;  ///< that do not apply to this scenario
};

/// Numbers of one variant at one point, in the order of the grid.
enum class WhatIfNumber { step_time, spread, all_to_all, speedup_spread, prefill, decode_token };
inline constexpr std::array<std::string_view, 6> kWhatIfNumbers = {
    "step_time_s",     ///< [s]
    "spread",          ///< its 90 % interval is time / exp(spread) to time * exp(spread)
    "all_to_all_s",    ///< on the critical path [s]
    "speedup_spread",  ///< the same of the speed-up over the first variant
    "prefill_s",       ///< inference, else 0 [s]
    "decode_token_s"   ///< inference, else 0 [s]
};

/// What does not depend on the bandwidth: one variant at one point of the stops.
struct WhatIfPlan {
  double memory = 0;    ///< of the fullest GPU [B]
  double capacity = 0;  ///< of a GPU [B]
  double tokens = 0;    ///< of a step: tokens per second x step time
};

/// Points that share their bandwidths: those of one stop of the first axis.
struct WhatIfLayer {
  std::vector<double> bandwidths;  ///< ascending [B/s]; one 0 when there is no such axis
  std::vector<float> numbers;      ///< [bandwidth][point of the layer][variant][WhatIfNumber]
};

/// Largest differences between the grid, interpolated, and whole predictions at random bandwidths.
struct WhatIfError {
  std::size_t points = 0;
  double step_time = 0;   ///< relative
  double speedup = 0;     ///< relative
  double all_to_all = 0;  ///< of the step time
};

/// The model at every combination of stops, and at bandwidths dense enough to interpolate between.
struct WhatIf {
  WhatIfAxes axes;
  std::vector<std::string> variants;
  std::vector<std::string> reasons;  ///< why points are no valid scenarios
  std::vector<int> reason_of;        ///< by point: index into reasons; -1: valid
  std::vector<WhatIfPlan> plans;     ///< [point][variant]
  std::vector<WhatIfLayer> layers;   ///< by stop of the first axis
  WhatIfError error;

  [[nodiscard]] std::size_t points_per_layer() const { return reason_of.size() / layers.size(); }
  /// Stops -> number of the point. @param stop by axis
  [[nodiscard]] std::size_t point(const std::vector<std::size_t>& stop) const;
  /// Between two bandwidths of the grid: straight in log-log, or in the value where that is 0 at one of them.
  /// @pre the point is valid, the bandwidth within the axis (ignored without one)
  [[nodiscard]] double number(std::size_t point, std::size_t variant, WhatIfNumber number, double bandwidth) const;
};

struct WhatIfOptions {
  int jobs = 1;                               ///< threads
  std::size_t check_points = 60;              ///< random points at which the error is measured
  std::function<void(double)> progress = {};  ///< share of the work that is done
};

/// Axes that apply to a scenario, and why others do not. @throws InputError when the scenario is wrong
[[nodiscard]] WhatIfAxes what_if_axes(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                      const ConfigRoots& roots);

/// Evaluates the grid in closed form. Bandwidths are added where a straight line would miss by more than 0.4 %.
/// The same for any number of threads.
[[nodiscard]] WhatIf what_if(const std::filesystem::path& file, const std::vector<Override>& overrides,
                             const ConfigRoots& roots, WhatIfAxes axes, const WhatIfOptions& options);

}  // namespace moesim
