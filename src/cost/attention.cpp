#include <algorithm>
#include <cmath>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/gemm_law.hpp"
#include "moesim/cost/kernel_laws.hpp"

namespace moesim {
namespace {

constexpr double kQueriesPerBlock = 128;
constexpr double kQueryStep = 16;  // rows of a matrix instruction
constexpr double kKeyStep = 64;    // keys that a block loads at once
constexpr double kBackward = 2.5;
constexpr double kSplitKeys = 192;  // cached keys beyond which decode kernels split them among blocks

double v_dim(const AttentionShape& shape) { return shape.v_head_dim > 0 ? shape.v_head_dim : shape.head_dim; }

void expect_attention(const AttentionShape& shape) {
  MOESIM_EXPECTS(shape.sequences > 0 && shape.query_tokens > 0 && shape.context_tokens > 0);
  MOESIM_EXPECTS(shape.heads > 0 && shape.kv_heads > 0 && shape.head_dim > 0);
}

/// Share of the (query, key) square that a causal mask leaves: the last query sees all keys, each before it one fewer.
double causal_share(const AttentionShape& shape) {
  if (!shape.causal) return 1;
  return std::max((shape.context_tokens - (shape.query_tokens - 1) / 2) / shape.context_tokens, 0.0);
}

double round_to(double x, double step) { return step * std::ceil(x / step); }

double peak_rate(const Device& device, DType dtype) {
  const FlopsPerSecond matrix = device.matrix_peak(dtype);
  return matrix.value > 0 ? matrix.value : device.vector_peak.value;
}

/// Seconds per byte of operands of `footprint` bytes.
double seconds_per_byte(const Device& device, double footprint, double efficiency, double cache_share,
                        double cache_speedup) {
  const double rate = device.memory_bandwidth.value * efficiency;
  if (cache_share <= 0) return 1 / rate;
  const double hit = cached_share(footprint, cache_share * device.l2_cache.value);
  return (1 - hit + hit / cache_speedup) / rate;
}

void check_fraction(const FittedLaw& fitted, double value) {
  if (!(value > 0 && value <= 1)) throw InputError("law " + fitted.name + ": efficiencies must lie in (0, 1]");
}

}  // namespace

Flops attention_flops(const AttentionShape& shape) {
  const double pairs = shape.sequences * shape.heads * shape.query_tokens * shape.context_tokens * causal_share(shape);
  return {2 * pairs * (shape.head_dim + v_dim(shape)) * (shape.backward ? kBackward : 1)};
}

Bytes attention_bytes(const AttentionShape& shape) {
  const double width = shape.head_dim + v_dim(shape);
  const double elements =
      shape.sequences * (shape.heads * shape.query_tokens + shape.kv_heads * shape.context_tokens) * width;
  return {elements * bytes_per_element(shape.dtype) * (shape.backward ? kBackward : 1)};
}

PrefillLaw prefill_law(const FittedLaw& fitted) {
  const PrefillLaw law{.overhead = fitted.coefficient("overhead_s"),
                       .compute_efficiency = fitted.coefficient("compute_efficiency"),
                       .block_time = fitted.coefficient("block_s"),
                       .memory_efficiency = fitted.coefficient("memory_efficiency"),
                       .cache_speedup = fitted.coefficient_or("cache_speedup", 1),
                       .cache_share = fitted.coefficient_or("cache_share", 0),
                       .cache_writes = fitted.coefficient_or("cache_writes", 0),
                       .work = fitted.coefficient_or("work", 1),
                       .softmax = fitted.coefficient_or("softmax_s", 0),
                       .tail = fitted.coefficient_or("tail", 0),
                       .group_overhead = fitted.coefficient_or("group_overhead_s", 0)};
  check_fraction(fitted, law.compute_efficiency);
  check_fraction(fitted, law.memory_efficiency);
  if (!(law.overhead >= 0 && law.block_time >= 0 && law.cache_speedup >= 1 && law.cache_share >= 0 &&
        law.cache_writes >= 0 && law.work >= 1 && law.softmax >= 0 && law.tail >= 0 && law.group_overhead >= 0)) {
    throw InputError("law " + fitted.name + ": times must not be negative, cache_speedup and work not below 1");
  }
  return law;
}

LawTime prefill_time(const PrefillLaw& law, const Device& device, const AttentionShape& shape) {
  expect_attention(shape);
  const double width = shape.head_dim + v_dim(shape);
  const double queries = shape.query_tokens;
  const double blocks_per_head = std::ceil(queries / kQueriesPerBlock);
  const double rows = std::min(kQueriesPerBlock, round_to(queries, kQueryStep));
  // Keys that an average block, and the last one, walks over: whole steps, the masked half of the diagonal included.
  double keys = round_to(shape.context_tokens, kKeyStep);
  double most_keys = keys;
  if (shape.causal) {
    const double cached = std::max(shape.context_tokens - queries, 0.0);
    const double padded = blocks_per_head > 1 ? blocks_per_head * kQueriesPerBlock : round_to(queries, kKeyStep);
    const double average = blocks_per_head > 1 ? (padded + kQueriesPerBlock) / 2 : padded;
    most_keys = std::min(cached + padded, keys);
    keys = std::min(cached + average, keys);
  }
  const double rate = peak_rate(device, shape.dtype) * law.compute_efficiency / device.multiprocessors;
  const double seconds_per_key = rows * (law.work * 2 * width / rate + law.softmax);
  const double blocks = shape.sequences * shape.heads * blocks_per_head;
  const double longest = seconds_per_key * most_keys + law.block_time;
  const double compute = std::max(
      blocks / device.multiprocessors * (seconds_per_key * keys + law.block_time) + law.tail * longest, longest);

  const double element = bytes_per_element(shape.dtype);
  const double operands =
      element * shape.sequences * width * (shape.heads * queries + shape.kv_heads * shape.context_tokens) * law.work;
  const double appended = shape.writes_cache ? element * shape.sequences * width * shape.kv_heads * queries : 0;
  const double per_byte =
      seconds_per_byte(device, operands + appended, law.memory_efficiency, law.cache_share, law.cache_speedup);
  const double memory = operands * per_byte;
  const double writes = appended * law.cache_writes * per_byte;
  const double body = soft_max(compute, memory, kOverlapPower) + writes;

  const double start = law.overhead + (shape.kv_heads < shape.heads ? law.group_overhead : 0);
  const LawTime result{.seconds = start + body};
  if (body < start) return result;
  if (memory + writes > compute) return {result.seconds, Bound::memory, "memory"};
  return {result.seconds, Bound::compute, "compute"};
}

DecodeLaw decode_law(const FittedLaw& fitted) {
  const DecodeLaw law{.overhead = fitted.coefficient("overhead_s"),
                      .batch_overhead = fitted.coefficient("batch_overhead_s"),
                      .split_overhead = fitted.coefficient("split_overhead_s"),
                      .block_time = fitted.coefficient("block_s"),
                      .key_latency = fitted.coefficient("key_latency_s"),
                      .memory_efficiency = fitted.coefficient("memory_efficiency"),
                      .cache_speedup = fitted.coefficient_or("cache_speedup", 1),
                      .cache_share = fitted.coefficient_or("cache_share", 0),
                      .power = fitted.coefficient("power")};
  check_fraction(fitted, law.memory_efficiency);
  if (!(law.overhead >= 0 && law.batch_overhead >= 0 && law.split_overhead >= 0 && law.block_time >= 0 &&
        law.key_latency >= 0 && law.cache_speedup >= 1 && law.cache_share >= 0 && law.power > 0)) {
    throw InputError("law " + fitted.name + ": times must not be negative, cache_speedup not below 1, power above 0");
  }
  return law;
}

LawTime decode_time(const DecodeLaw& law, const Device& device, const AttentionShape& shape) {
  expect_attention(shape);
  const bool grouped = shape.kv_heads < shape.heads;
  double overhead = law.overhead;
  if (grouped && shape.sequences > 1) overhead += law.batch_overhead;
  if (grouped && shape.context_tokens > kSplitKeys) overhead += law.split_overhead;
  const double per_multiprocessor = shape.sequences * shape.kv_heads / device.multiprocessors;
  const double walk = grouped ? 0 : law.key_latency * shape.context_tokens;
  const double products = attention_flops(shape).value / peak_rate(device, shape.dtype);
  const double work = std::max(per_multiprocessor * law.block_time + walk, products);
  const double bytes = attention_bytes(shape).value;
  const double memory =
      bytes * seconds_per_byte(device, bytes, law.memory_efficiency, law.cache_share, law.cache_speedup);
  const double body = soft_max(work, memory, law.power);

  const LawTime result{.seconds = overhead + body};
  if (body < overhead) return result;
  if (memory > work) return {result.seconds, Bound::memory, "memory"};
  return {result.seconds, Bound::compute, "compute"};
}

}  // namespace moesim
