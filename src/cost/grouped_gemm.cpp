// One kernel over the products of all experts with fixed tiles (Triton's fused experts); see StreamedGroupLaw.

#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/gemm_law.hpp"

namespace moesim {
namespace {

constexpr Tile kSmallTile{16, 64};
constexpr Tile kLargeTile{64, 64};

}  // namespace

bool is_streamed_group(const FittedLaw& fitted) { return fitted.coefficients.contains("switch_rows"); }

StreamedGroupLaw streamed_group_law(const FittedLaw& fitted) {
  const StreamedGroupLaw law{.launch = fitted.coefficient("launch_s"),
                             .switch_rows = fitted.coefficient("switch_rows"),
                             .small_efficiency = fitted.coefficient("small_efficiency"),
                             .large_efficiency = fitted.coefficient("large_efficiency"),
                             .tile_epilogue = fitted.coefficient("tile_epilogue_s"),
                             .memory_efficiency = fitted.coefficient("memory_efficiency"),
                             .large_memory_factor = fitted.coefficient("large_memory_factor"),
                             .cache_speedup = fitted.coefficient("cache_speedup"),
                             .cache_share = fitted.coefficient("cache_share"),
                             .throttle = fitted.coefficient("throttle"),
                             .throttle_time = fitted.coefficient("throttle_time_s")};
  for (const double share :
       {law.small_efficiency, law.large_efficiency, law.memory_efficiency, law.large_memory_factor}) {
    if (!(share > 0 && share <= 1)) throw InputError("law " + fitted.name + ": efficiencies must lie in (0, 1]");
  }
  if (!(law.launch >= 0 && law.switch_rows >= 0 && law.tile_epilogue >= 0 && law.cache_speedup >= 1 &&
        law.cache_share > 0 && law.throttle >= 0 && law.throttle_time > 0)) {
    throw InputError("law " + fitted.name + ": times must not be negative, cache_speedup not below 1");
  }
  return law;
}

LawTime streamed_group_time(const StreamedGroupLaw& law, const Device& device, std::span<const double> rows, double n,
                            double k, DType dtype) {
  double total_rows = 0;
  double active = 0;
  for (const double count : rows) {
    MOESIM_EXPECTS(count >= 0);
    total_rows += count;
    active += count > 0 ? 1 : 0;
  }
  if (total_rows == 0 || n == 0 || k == 0) return {};

  const bool large = total_rows > law.switch_rows * static_cast<double>(rows.size());
  const Tile tile = large ? kLargeTile : kSmallTile;
  double tiles = 0;
  for (const double count : rows) tiles += std::ceil(count / tile.m);
  tiles *= std::ceil(n / tile.n);

  const double peak = device.matrix_peak(dtype).value > 0 ? device.matrix_peak(dtype).value : device.vector_peak.value;
  const double multiprocessors = device.multiprocessors;
  const double rate = peak / multiprocessors * (large ? law.large_efficiency : law.small_efficiency);
  double work = std::ceil(tiles / multiprocessors) *
                (2 * tile.m * tile.n * k / rate + law.tile_epilogue * tile.m * tile.n / (128 * 128));
  const double hot = work / law.throttle_time;
  work *= 1 + law.throttle * hot / (1 + hot);

  // The weights of all experts do not stay in the cache; inputs and results do while everything fits.
  const double element = bytes_per_element(dtype);
  const double weights = element * active * n * k;
  const double rest = element * total_rows * (n + k);
  const double hit = cached_share(weights + rest, law.cache_share * device.l2_cache.value);
  const double memory_rate =
      device.memory_bandwidth.value * law.memory_efficiency * (large ? law.large_memory_factor : 1);
  const double memory = (weights + (1 - hit) * rest + hit * rest / law.cache_speedup) / memory_rate;

  const double floor = 2 * total_rows * n * k / peak;
  const double seconds = std::max(law.launch + soft_max(work, memory, kOverlapPower), floor);
  if (seconds < 2 * law.launch) return {seconds, Bound::launch, "launch"};
  if (memory > work) return {seconds, Bound::memory, "memory"};
  return {seconds, Bound::compute, "compute"};
}

}  // namespace moesim
