#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include "moesim/cost/kernels.hpp"

namespace moesim {

/// (a^p + b^p)^(1/p): max(a, b) for large p, the sum for p = 1; never below max(a, b).
[[nodiscard]] inline double soft_max(double a, double b, double power) {
  const double larger = a > b ? a : b;
  if (larger <= 0) return 0;
  const double ratio = (a > b ? b : a) / larger;
  return larger * std::pow(1 + std::pow(ratio, power), 1 / power);
}

/// Power with which computing and memory traffic of a kernel hide each other, where no fit says otherwise.
inline constexpr double kOverlapPower = 4;

/// Bytes of a stream that reaches a law's share of the bandwidth; longer ones reach more.
inline constexpr double kBentBytes = 1 << 27;
/// Seconds for `bytes` at efficiency (bytes / kBentBytes)^bend of the bandwidth, at most all of it. Grows with bytes.
[[nodiscard]] inline double stream_time(double bytes, double bandwidth, double efficiency, double bend) {
  if (bytes <= 0) return 0;
  if (bend > 0) efficiency = std::min(efficiency * std::pow(bytes / kBentBytes, bend), 1.0);
  return bytes / (bandwidth * efficiency);
}

/// What a law says of one kernel: its time, what decides it, and the part of the law's range (the residuals of a fit
/// are collected by these regions: spreads of the calibration carry their names).
struct LawTime {
  double seconds = 0;
  Bound bound = Bound::launch;
  std::string_view region = "launch";
};

/// Coefficients of a memory-bound kernel: t = soft_max(overhead, max(bytes / rate, rows x row); power), where rate is
/// efficiency x bandwidth, `cache_speedup` times that for buffers that fit into `cache_share` of the L2 cache. What is
/// read again counts as far as its source does not fit into `again_share` of the cache.
struct MemoryLaw {
  double overhead = 0;    ///< [s] of a launch that moves nothing
  double efficiency = 1;  ///< of the data sheet's bandwidth, in (0, 1]
  double power = 1;
  double cache_speedup = 1;  ///< >= 1
  double cache_share = 0;    ///< 0: the samples were taken with a cold cache
  double bend = 0;           ///< power with which the efficiency grows with the bytes
  double row = 0;            ///< [s] per row: a block each, whatever its width
  double again_share = 1;
};
[[nodiscard]] MemoryLaw memory_law(const FittedLaw& fitted);
[[nodiscard]] LawTime memory_kernel_time(const MemoryLaw& law, const Device& device, const MemoryShape& shape);

/// The router's decision (src/cost/router.cpp). With rows = tokens x top_k,
///   small  = overhead + (rows > block_sort_rows: block_sort + block_sort_row x rows)
///                     + (rows > device_sort_rows: device_sort, and the rows above cost `row` alone)
///   passes = tokens (token + experts x score) + rows x row
///   t      = soft_max(small, passes; power), at least the scores' bytes at the full bandwidth
/// The two counts are facts of the library: PyTorch sorts up to 128 rows in a warp's registers, up to 4096 in one block
/// and more by a radix sort over the device (ATen/native/cuda/Sort.cu and SortStable.cu).
struct RouterLaw {
  double overhead = 0;          ///< [s] of all launches
  double block_sort = 0;        ///< [s], further
  double block_sort_row = 0;    ///< [s] per row
  double device_sort = 0;       ///< [s], further
  double token = 0;             ///< [s] of one token's top-k
  double score = 0;             ///< [s] of one expert's score
  double row = 0;               ///< [s] of one (token, expert) row in all kernels
  double power = 1;             ///< kernels that fill the device, beside those that do not
  double block_sort_rows = 0;   ///< rows above which one block sorts
  double device_sort_rows = 0;  ///< rows above which the device sorts
};
[[nodiscard]] RouterLaw router_law(const FittedLaw& fitted);
[[nodiscard]] LawTime router_time(const RouterLaw& law, const Device& device, const RouterShape& shape);
/// Five passes over the scores in fp32: what the law memory.router counts, for tables that know no more.
[[nodiscard]] Bytes router_bytes(const RouterShape& shape);

/// Attention over many queries (flash attention): blocks of up to 128 queries walk over the keys that they see. The
/// backward pass is the same law with `work` times the FLOPs and bytes.
struct PrefillLaw {
  double overhead = 0;            ///< [s]
  double compute_efficiency = 1;  ///< of the matrix peak, in (0, 1]
  double block_time = 0;          ///< [s] of a block beside its products
  double memory_efficiency = 1;   ///< of the bandwidth, in (0, 1]
  double cache_speedup = 1;
  double cache_share = 0;
  double cache_writes = 0;  ///< bytes moved per byte of keys and values to append them to the cache of an engine
  double work = 1;          ///< 1 forward, 2.5 backward
  double softmax = 0;  ///< [s] of the exponential of a (query, key) pair on one multiprocessor, beside the products
  double tail = 0;     ///< of the longest block, that the others have to wait for at the end
  double group_overhead = 0;  ///< [s], further, with grouped queries (backward: gradients of their keys are summed up)
};
[[nodiscard]] PrefillLaw prefill_law(const FittedLaw& fitted);
[[nodiscard]] LawTime prefill_time(const PrefillLaw& law, const Device& device, const AttentionShape& shape);

/// Attention of one query per sequence over its cache.
struct DecodeLaw {
  double overhead = 0;        ///< [s]
  double batch_overhead = 0;  ///< [s], further, with more than one sequence
  double split_overhead = 0;  ///< [s], further, when the keys are split among blocks and their results merged
  double block_time = 0;      ///< [s] of one (sequence, key-value head) on one multiprocessor
  double key_latency = 0;     ///< [s] per key, where one block walks over all keys of a head (no grouped queries)
  double memory_efficiency = 1;
  double cache_speedup = 1;
  double cache_share = 0;
  double power = 3;
};
[[nodiscard]] DecodeLaw decode_law(const FittedLaw& fitted);
[[nodiscard]] LawTime decode_time(const DecodeLaw& law, const Device& device, const AttentionShape& shape);

/// FLOPs that a kernel cannot do without: 4 d per (query, key) pair that the mask leaves; 2.5 times as many backward
/// (five products for two: Dao 2023, arXiv 2307.08691, section 3.1).
[[nodiscard]] Flops attention_flops(const AttentionShape& shape);
/// Queries, outputs, keys and values once each; 2.5 times as many backward.
[[nodiscard]] Bytes attention_bytes(const AttentionShape& shape);

/// Half-width of the interval of a kernel that nobody has measured on the device: a factor of two.
inline const double kUnmeasuredSpread = std::log(2.0);
/// How much wider an interval is outside the range of the samples, when the fit has not measured that.
inline constexpr double kExtrapolationFactor = 2;

}  // namespace moesim
