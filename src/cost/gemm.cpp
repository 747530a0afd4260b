// Matrix products. A tile of the result is computed by one thread block; the library takes the tile shape and the
// number of parts of the reduction that are fastest, so the law takes the minimum over both. Formula by formula:
// docs/theory_kernels.md.

#include <algorithm>
#include <cmath>
#include <optional>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/gemm_law.hpp"

namespace moesim {
namespace {

// Tiles of a library with two kernels for groups, each in clusters of two tiles along the rows.
constexpr std::array<std::size_t, 2> kPairedTiles = {3, 1};
static_assert(kTiles[kPairedTiles[0]].m == 64 && kTiles[kPairedTiles[0]].n == 128);
constexpr std::size_t kWideTile = 0;  // the larger of them, turned
static_assert(kTiles[kWideTile].m == 256 && kTiles[kWideTile].n == 128);
static_assert(kTiles[kPairedTiles[1]].m == 128 && kTiles[kPairedTiles[1]].n == 256);
constexpr std::array kSplits = {1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0};
constexpr double kReductionStep = 32;  // elements of the reduction that a block loads at once
constexpr double kShortestPart = 128;  // of a split reduction
// Accumulators that fit a multiprocessor; smaller tiles share it, up to four.
constexpr double kResidentArea = 256 * 128;
constexpr double kMostResident = 4;
constexpr double kCacheRounds = 6;  // passes over the weights in which they compete for the cache
constexpr double kSplitWaves = 4;   // waves of tiles beyond which no library splits the reduction

/// Smallest integer >= x, 0 <= x < 2^51. std::ceil is a call on the baseline processor, and this runs a hundred times a
/// product; so written, the loops below become vector instructions. Adding 2^52 leaves no bits for a fraction.
double round_up(double x) {
  constexpr double no_fraction = 4503599627370496.0;
  const double nearest = (x + no_fraction) - no_fraction;
  return nearest + (nearest < x ? 1.0 : 0.0);
}

struct TileConstants {
  double area;       ///< in tiles of 128 x 128
  double per_round;  ///< 1 / resident tiles
  double inverse_m;
  double inverse_n;
};
constexpr std::array<TileConstants, kTiles.size()> tile_constants() {
  std::array<TileConstants, kTiles.size()> constants{};
  for (std::size_t i = 0; i < kTiles.size(); ++i) {
    const double area = kTiles[i].m * kTiles[i].n;
    double resident = kResidentArea / area;  // powers of two: exact
    if (resident > kMostResident) resident = kMostResident;
    if (resident < 1) resident = 1;
    constants[i] = {area / (128 * 128), 1 / resident, 1 / kTiles[i].m, 1 / kTiles[i].n};
  }
  return constants;
}
constexpr auto kTileConstants = tile_constants();

/// Tiles of the n-th paired shape along the rows of one product.
double pairs(double rows, std::size_t n) { return 2 * round_up(rows * kTileConstants[kPairedTiles[n]].inverse_m / 2); }

double fourth_power(double x) { return x * x * x * x; }

}  // namespace

GemmKernel::GemmKernel(const GemmLaw& coefficients, const Device& device, DType dtype)
    : law(coefficients),
      multiprocessors(device.multiprocessors),
      peak(device.matrix_peak(dtype).value > 0 ? device.matrix_peak(dtype).value : device.vector_peak.value),
      element(bytes_per_element(dtype)),
      memory_rate(device.memory_bandwidth.value * law.memory_efficiency),
      cache_rate(memory_rate * law.cache_speedup),
      cache_bytes(device.l2_cache.value * law.cache_share) {
  for (std::size_t i = 0; i < kTiles.size(); ++i) {
    const Tile& tile = kTiles[i];
    const double compute = 2 * tile.m * tile.n * multiprocessors / (peak * law.compute_efficiency);
    const double feed = element * (tile.m + tile.n) * 100 * multiprocessors / (law.cache_rate * peak);
    seconds_per_element[i] = soft_max(compute, feed, law.tile_power);
  }
}

LawTime GemmKernel::time(double rows, double n, double k, double count, Bytes result) const {
  MOESIM_EXPECTS(rows >= 0 && n >= 0 && k >= 0);
  Group group{.rows = rows * count, .products = rows > 0 ? count : 0, .result = result.value};
  for (std::size_t i = 0; i < kTiles.size(); ++i) {
    group.row_tiles[i] = count * round_up(rows * kTileConstants[i].inverse_m);
  }
  group.pair_tiles = {count * pairs(rows, 0), count * pairs(rows, 1)};
  return time(group, n, k);
}

LawTime GemmKernel::time(std::span<const double> rows, double n, double k, Bytes result) const {
  Group group{.result = result.value};
  for (const double count : rows) {
    MOESIM_EXPECTS(count >= 0);
    group.rows += count;
    group.products += count > 0 ? 1 : 0;
    for (std::size_t i = 0; i < kTiles.size(); ++i) group.row_tiles[i] += round_up(count * kTileConstants[i].inverse_m);
    for (std::size_t i = 0; i < kPairedTiles.size(); ++i) group.pair_tiles[i] += pairs(count, i);
  }
  return time(group, n, k);
}

std::array<double, kTiles.size()> GemmKernel::waves_of(const Group& group, double n) const {
  std::array<double, kTiles.size()> waves;
  for (std::size_t i = 0; i < kTiles.size(); ++i) {
    waves[i] = group.row_tiles[i] * round_up(n * kTileConstants[i].inverse_n) / multiprocessors;
  }
  return waves;
}

LawTime GemmKernel::time(const Group& given, double n, double k) const {
  if (given.rows == 0 || n == 0 || k == 0) return {};
  Group group = given;
  std::optional<std::size_t> only;
  if (law.small_rows > 0) {
    const std::size_t pair = group.rows <= law.small_rows * group.products || n <= law.small_rows ? 0 : 1;
    only = kPairedTiles[pair];
    group.row_tiles[*only] = group.pair_tiles[pair];
  }

  // Bytes from memory and from the cache. Inputs and results that fit the cache stay in it from one kernel to the next
  // (layers run over what the one before has just written); weights, only while several layers' fit.
  const auto [a, b, c] = product_bytes(group.rows, group.products, n, k, element, group.result);
  const double result = group.result > 0 ? group.result : element;
  const double epilogue = law.tile_epilogue * result / element;
  const double cached_weights = law.cold_weights > 0 ? 0 : cached_share(a + c + kCacheRounds * b, cache_bytes);
  const double from_memory = (1 - cached_share(a + b + c, cache_bytes)) * (a + c) + (1 - cached_weights) * b;
  const double from_cache = a + b + c - from_memory;
  const double memory_time =
      stream_time(from_memory, memory_rate / law.memory_efficiency, law.memory_efficiency, law.memory_bend);

  std::array<double, kTiles.size()> waves_unsplit = waves_of(group, n);
  if (law.paired_columns > 0) {
    only = kWideTile;
    waves_unsplit[kWideTile] =
        group.row_tiles[kWideTile] * 2 * round_up(n / (2 * kTiles[kWideTile].n)) / multiprocessors;
  }
  const double fewest_waves = *std::ranges::min_element(waves_unsplit);

  double fastest = 0;
  double fastest_work = 0;
  double fastest_memory = 0;
  double fastest_waves = 0;
  for (const double split : kSplits) {
    // CORRECTNESS: more rows or columns only ever drop this choice, so the time does not fall when a product grows.
    if (split > 1 && (only || fewest_waves > kSplitWaves)) break;
    // Partial results of a split are written and read in fp32.
    const double partials = split > 1 ? 8 * group.rows * n * split : 0;
    const double memory = memory_time + (from_cache + partials) / cache_rate;
    const double start = law.launch + (split > 1 ? law.split_launch : 0);
    if (split > 1 && start + memory >= fastest) break;  // and so for every further split: exact
    double part = kReductionStep * round_up(k / (split * kReductionStep));
    if (split > 1) part = std::max(part, kShortestPart);
    std::array<double, kTiles.size()> candidates;
    for (std::size_t i = 0; i < kTiles.size(); ++i) {
      const TileConstants& tile = kTileConstants[i];
      const double per_multiprocessor = waves_unsplit[i] * split;
      const double waves = round_up(per_multiprocessor);
      const double at_least_one = per_multiprocessor > 1.0 ? per_multiprocessor : 1.0;
      const double smooth_waves = waves + law.wave_smoothing * (at_least_one - waves);
      const double rounds = round_up(waves * tile.per_round);
      const double busy = smooth_waves * (seconds_per_element[i] * part + epilogue * tile.area);
      const double latency = rounds * part * law.step_latency;
      candidates[i] = (busy > latency ? busy : latency) + rounds * law.round_prologue;
    }
    const auto best = only.value_or(
        static_cast<std::size_t>(std::distance(candidates.begin(), std::ranges::min_element(candidates))));
    double work = candidates[best];
    const double work_waves = waves_unsplit[best] * split;
    const double hot = work / law.throttle_time;
    work *= 1 + law.throttle * hot / (1 + hot);
    const double body = law.overlap_power == GemmLaw{}.overlap_power
                            ? std::sqrt(std::sqrt(fourth_power(work) + fourth_power(memory)))
                            : soft_max(work, memory, law.overlap_power);
    const double total = start + body;
    if (fastest == 0 || total < fastest) {
      fastest = total;
      fastest_work = work;
      fastest_memory = memory;
      fastest_waves = work_waves;
    }
  }

  const double floor = 2 * group.rows * n * k / peak;
  const double seconds = std::max(fastest, floor);
  if (fastest < 2 * law.launch) return {.seconds = seconds};
  if (fastest_memory > fastest_work) return {seconds, Bound::memory, "memory"};
  return {seconds, Bound::compute, fastest_waves <= kSplitWaves ? "few_waves" : "compute"};
}

GemmLaw gemm_law(const FittedLaw& fitted) {
  const GemmLaw law{.launch = fitted.coefficient("launch_s"),
                    .split_launch = fitted.coefficient("split_launch_s"),
                    .compute_efficiency = fitted.coefficient("compute_efficiency"),
                    .cache_rate = fitted.coefficient("cache_rate"),
                    .tile_power = fitted.coefficient("tile_power"),
                    .tile_epilogue = fitted.coefficient("tile_epilogue_s"),
                    .round_prologue = fitted.coefficient("round_prologue_s"),
                    .step_latency = fitted.coefficient("step_latency_s"),
                    .wave_smoothing = fitted.coefficient("wave_smoothing"),
                    .memory_efficiency = fitted.coefficient("memory_efficiency"),
                    .cache_speedup = fitted.coefficient_or("cache_speedup", 1),
                    .cache_share = fitted.coefficient_or("cache_share", 0),
                    .cold_weights = fitted.coefficient_or("cold_weights", 0),
                    .throttle = fitted.coefficient("throttle"),
                    .throttle_time = fitted.coefficient("throttle_time_s"),
                    .small_rows = fitted.coefficient_or("small_rows", 0),
                    .paired_columns = fitted.coefficient_or("paired_columns", 0),
                    .memory_bend = fitted.coefficient_or("memory_bend", 0),
                    .overlap_power = fitted.coefficient_or("overlap_power", GemmLaw{}.overlap_power)};
  const bool fractions = law.compute_efficiency > 0 && law.compute_efficiency <= 1 && law.memory_efficiency > 0 &&
                         law.memory_efficiency <= 1 && law.wave_smoothing >= 0 && law.wave_smoothing <= 1;
  const bool positive = law.cache_rate > 0 && law.tile_power > 0 && law.cache_share >= 0 && law.throttle_time > 0 &&
                        law.cache_speedup >= 1 && law.overlap_power >= 1;
  const bool not_negative = law.launch >= 0 && law.split_launch >= 0 && law.tile_epilogue >= 0 &&
                            law.round_prologue >= 0 && law.step_latency >= 0 && law.throttle >= 0 &&
                            law.small_rows >= 0 && law.paired_columns >= 0 && law.memory_bend >= 0 &&
                            law.memory_bend < 1;
  if (!(fractions && positive && not_negative)) {
    throw InputError(
        "law " + fitted.name +
        ": coefficients out of range (efficiencies and wave_smoothing in (0, 1], cache_speedup >= 1, times >= 0)");
  }
  return law;
}

}  // namespace moesim
