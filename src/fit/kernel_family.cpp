#include "fit/kernel_family.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <numeric>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/gemm_law.hpp"

namespace moesim {
namespace {

enum class Family { product, group, prefill, backward, decode, router, memory };

Family kind_of(const std::string& law) {
  const auto starts = [&](std::string_view prefix) { return law.starts_with(prefix); };
  if (starts("gemm.") || starts("batched_gemm.")) return Family::product;
  if (starts("grouped_gemm.") || starts("grouped_wgrad.")) return Family::group;
  if (starts("attention.prefill.")) return Family::prefill;
  if (starts("attention.backward.")) return Family::backward;
  if (starts("attention.decode.")) return Family::decode;
  if (law == "router") return Family::router;
  if (starts("memory.")) return Family::memory;
  throw InputError(
      fmt::format("{} is no law (one of gemm, grouped_gemm, grouped_wgrad, batched_gemm, attention.prefill, "
                  "attention.backward, attention.decode with .DTYPE, router, memory.KERNEL)",
                  law));
}

FreeNumber seconds(std::string name, double start) { return {std::move(name), start, 1e-10, 1e-2}; }
FreeNumber share(std::string name, double start) { return {std::move(name), start, 1e-3, 1}; }

/// What a warm cache does to the samples.
FreeNumber cache_speedup() { return {"cache_speedup", 3, 1, 20}; }
FreeNumber cache_share() { return {"cache_share", 0.8, 1e-3, 2}; }

bool any_cold(std::span<const KernelSample> samples) { return std::ranges::any_of(samples, &KernelSample::cold); }
bool any_warm(std::span<const KernelSample> samples) { return !std::ranges::all_of(samples, &KernelSample::cold); }

/// Samples taken with a warm cache tell what it gives; cold ones, how much more of the bandwidth long streams reach.
void add_memory_numbers(std::vector<FreeNumber>& numbers, std::span<const KernelSample> samples, std::string bend) {
  if (any_cold(samples)) numbers.push_back({std::move(bend), 0.03, 1e-3, 0.3});
  if (!any_warm(samples)) return;
  numbers.push_back(cache_speedup());
  numbers.push_back(cache_share());
}

/// A law as it holds for samples that found nothing in the cache.
FittedLaw without_cache(FittedLaw law) {
  law.coefficients.erase("cache_share");
  return law;
}

std::vector<FreeNumber> product_numbers(std::span<const KernelSample> samples) {
  std::vector<FreeNumber> numbers = {seconds("launch_s", 2e-6),         seconds("split_launch_s", 2e-6),
                                     share("compute_efficiency", 0.9),  {"cache_rate", 1.6, 0.1, 100},
                                     {"tile_power", 6, 1, 30},          seconds("tile_epilogue_s", 1.5e-6),
                                     seconds("round_prologue_s", 5e-7), {"step_latency_s", 4e-9, 1e-11, 1e-6},
                                     share("wave_smoothing", 0.2),      share("memory_efficiency", 0.8),
                                     {"throttle", 0.2, 1e-4, 2},        {"throttle_time_s", 1e-3, 1e-5, 1}};
  add_memory_numbers(numbers, samples, "memory_bend");
  if (any_cold(samples)) numbers.push_back({"overlap_power", kOverlapPower, 1, 10});
  return numbers;
}

/// Of one head width alone nothing tells the products of a block, its exponentials and the wait for the last one apart.
bool several_head_dims(std::span<const KernelSample> samples) {
  const auto same = [&](const KernelSample& one) {
    return one.attention.head_dim == samples.front().attention.head_dim;
  };
  return !std::ranges::all_of(samples, same);
}
void add_block_numbers(KernelFamily& family) {
  family.numbers.push_back({"softmax_s", 3e-11, 1e-13, 1e-9});
  family.numbers.push_back({"tail", 0.3, 1e-3, 1});
}

/// Our warm samples are of activations: weights are always read from memory.
std::map<std::string, double> product_facts(std::span<const KernelSample> samples) {
  if (any_cold(samples) && any_warm(samples)) return {{"cold_weights", 1}};
  return {};
}

std::vector<FreeNumber> streamed_numbers() {
  return {seconds("launch_s", 1e-5),
          share("small_efficiency", 0.3),
          share("large_efficiency", 0.4),
          seconds("tile_epilogue_s", 1e-6),
          share("memory_efficiency", 0.8),
          share("large_memory_factor", 0.7),
          cache_speedup(),
          cache_share(),
          {"throttle", 0.5, 1e-4, 8},
          {"throttle_time_s", 1e-3, 1e-5, 1}};
}

/// Microseconds of launches and sorts, nanoseconds of a token, its scores and its rows.
std::vector<FreeNumber> router_numbers() {
  return {seconds("overhead_s", 3e-5),    seconds("block_sort_s", 1e-5),  {"block_sort_row_s", 2.5e-9, 1e-12, 1e-6},
          seconds("device_sort_s", 2e-5), {"token_s", 1e-9, 1e-13, 1e-6}, {"score_s", 5e-11, 1e-14, 1e-7},
          {"row_s", 3e-10, 1e-13, 1e-6},  {"power", 1.2, 1, 10}};
}
/// Counts, not fitted: see RouterLaw.
const std::map<std::string, double> kRouterSwitches = {{"block_sort_rows", 128}, {"device_sort_rows", 4096}};

RouterShape router_shape(const KernelSample& sample) {
  return {.tokens = sample.m, .experts = sample.n, .top_k = sample.k};
}

/// Both products of fused experts, one after the other, and the bytes that move beside them.
template <class Product>
LawTime fused_time(const KernelSample& sample, double memory_rate, const Product& product) {
  if (!sample.fused_experts) return product(sample.rows, sample.n, sample.k);
  LawTime time = product(sample.rows, (sample.gated ? 2 : 1) * sample.n, sample.k);
  time.seconds += product(sample.rows, sample.k, sample.n).seconds + sample.over.moved.value / memory_rate;
  return time;
}

/// Where to start: what the fastest samples reach. Far from it the time does not depend on the efficiency at all.
std::vector<FreeNumber> memory_numbers(std::span<const KernelSample> samples, const Device& device) {
  double fastest = 1;
  double share_reached = 1e-3;
  for (const KernelSample& sample : samples) {
    fastest = std::min(fastest, sample.seconds);
    share_reached = std::max(share_reached, sample.over.moved.value / sample.seconds / device.memory_bandwidth.value);
  }
  std::vector<FreeNumber> numbers = {seconds("overhead_s", std::clamp(fastest, 1e-9, 1e-3)),
                                     share("efficiency", std::min(share_reached, 0.9)),
                                     {"power", 1.5, 1, 10}};
  add_memory_numbers(numbers, samples, "bend");
  // Only narrow rows tell what a row costs.
  constexpr double narrow = 1024;  // [B] that move for each
  if (std::ranges::any_of(samples,
                          [](const KernelSample& one) { return one.over.moved.value < narrow * one.over.rows; })) {
    numbers.push_back({"row_s", 5e-10, 1e-13, 1e-7});
  }
  if (std::ranges::any_of(samples, [](const KernelSample& one) { return one.over.again.value > 0; })) {
    numbers.push_back({"again_share", 0.5, 1e-3, 2});
  }
  return numbers;
}

}  // namespace

KernelFamily family_of(const std::string& law, std::span<const KernelSample> samples, const Device& device) {
  const bool fused = std::ranges::any_of(samples, &KernelSample::fused_experts);
  switch (kind_of(law)) {
    case Family::product:
      return {product_numbers(samples), product_facts(samples)};
    case Family::group:
      // Triton's fused experts take the large tiles when there are more tokens than experts; with 1 to 22 experts to
      // a token that is near six rows to an expert. A count, so not fitted.
      if (fused) return {streamed_numbers(), {{"switch_rows", 6}}};
      // Our samples of groups are PyTorch's two kernels, whose tiles are known.
      if (any_cold(samples)) {
        const bool gradient = law.starts_with("grouped_wgrad.");
        std::map<std::string, double> facts = product_facts(samples);
        facts.insert({gradient ? "paired_columns" : "small_rows", gradient ? 1 : 128});
        return {product_numbers(samples), std::move(facts)};
      }
      return {product_numbers(samples), {}};
    case Family::prefill: {
      KernelFamily family{{seconds("overhead_s", 6e-6), share("compute_efficiency", 0.57), seconds("block_s", 3e-6),
                           share("memory_efficiency", 0.8), cache_speedup(), cache_share()},
                          {}};
      if (several_head_dims(samples)) add_block_numbers(family);
      const auto writes = [](const KernelSample& sample) { return sample.attention.writes_cache; };
      if (std::ranges::any_of(samples, writes)) family.numbers.push_back({"cache_writes", 2, 1, 5});
      return family;
    }
    case Family::backward: {
      KernelFamily family{{seconds("overhead_s", 2e-5), share("compute_efficiency", 0.5), seconds("block_s", 3e-6),
                           share("memory_efficiency", 0.8)},
                          {{"work", 2.5}}};
      if (several_head_dims(samples)) add_block_numbers(family);
      const auto grouped = [](const KernelSample& sample) {
        return sample.attention.kv_heads < sample.attention.heads;
      };
      if (std::ranges::any_of(samples, grouped)) family.numbers.push_back({"group_overhead_s", 5e-6, 1e-9, 1e-3});
      return family;
    }
    case Family::decode:
      return {{seconds("overhead_s", 1e-5),
               seconds("batch_overhead_s", 2e-6),
               seconds("split_overhead_s", 5e-6),
               seconds("block_s", 4e-6),
               {"key_latency_s", 2e-8, 1e-12, 1e-6},
               share("memory_efficiency", 0.75),
               cache_speedup(),
               cache_share(),
               {"power", 3, 1, 10}},
              {}};
    case Family::router:
      return {router_numbers(), kRouterSwitches};
    case Family::memory:
      break;
  }
  return {memory_numbers(samples, device), {}};
}

std::vector<LawTime> predict(const FittedLaw& law, std::span<const KernelSample> samples, const Device& device) {
  std::vector<LawTime> times;
  times.reserve(samples.size());
  if (samples.empty()) return times;
  switch (kind_of(law.name)) {
    case Family::product:
    case Family::group: {
      if (is_streamed_group(law)) {
        const StreamedGroupLaw streamed = streamed_group_law(law);
        const double rate = streamed.memory_efficiency * device.memory_bandwidth.value;
        for (const KernelSample& sample : samples) {
          times.push_back(fused_time(sample, rate, [&](std::span<const double> rows, double n, double k) {
            return streamed_group_time(streamed, device, rows, n, k, sample.dtype);
          }));
        }
        break;
      }
      const GemmKernel warm(gemm_law(law), device, samples.front().dtype);
      const GemmKernel cold(gemm_law(without_cache(law)), device, samples.front().dtype);
      for (const KernelSample& sample : samples) {
        const GemmKernel& kernel = sample.cold ? cold : warm;
        const auto group = [&](std::span<const double> rows, double n, double k) { return kernel.time(rows, n, k); };
        times.push_back(sample.rows.empty() ? kernel.time(sample.m, sample.n, sample.k)
                                            : fused_time(sample, kernel.memory_rate, group));
      }
      break;
    }
    case Family::prefill:
    case Family::backward: {
      const PrefillLaw prefill = prefill_law(law);
      for (const KernelSample& sample : samples) times.push_back(prefill_time(prefill, device, sample.attention));
      break;
    }
    case Family::decode: {
      const DecodeLaw decode = decode_law(law);
      for (const KernelSample& sample : samples) times.push_back(decode_time(decode, device, sample.attention));
      break;
    }
    case Family::router: {
      const RouterLaw router = router_law(law);
      for (const KernelSample& sample : samples) times.push_back(router_time(router, device, router_shape(sample)));
      break;
    }
    case Family::memory: {
      const MemoryLaw warm = memory_law(law);
      const MemoryLaw cold = memory_law(without_cache(law));
      for (const KernelSample& sample : samples) {
        times.push_back(memory_kernel_time(sample.cold ? cold : warm, device, sample.over));
      }
      break;
    }
  }
  return times;
}

std::string fold_key(const KernelSample& sample) {
  switch (kind_of(sample.law)) {
    case Family::product:
    case Family::group:
      return fmt::format("{}x{}x{}", sample.n, sample.k, sample.rows.size());
    case Family::prefill:
    case Family::backward:
    case Family::decode: {
      const AttentionShape& shape = sample.attention;
      return fmt::format("{}x{}x{}", shape.sequences, shape.context_tokens, shape.heads);
    }
    case Family::router:
      return fmt::format("{}x{}x{}", sample.m, sample.n, sample.k);
    case Family::memory:
      break;
  }
  return fmt::format("{}", sample.over.moved.value);
}

double size_of(const KernelSample& sample) {
  switch (kind_of(sample.law)) {
    case Family::product:
    case Family::group:
      return sample.m * sample.n * sample.k;
    case Family::prefill:
    case Family::backward:
      return attention_flops(sample.attention).value;
    case Family::decode:
      return attention_bytes(sample.attention).value;
    case Family::router:
    case Family::memory:
      break;
  }
  return sample.over.moved.value;
}

std::map<std::string, double> arguments_of(const KernelSample& sample) {
  switch (kind_of(sample.law)) {
    case Family::product:
    case Family::group: {
      const auto active = static_cast<double>(std::ranges::count_if(sample.rows, [](double rows) { return rows > 0; }));
      return {{"m", active > 0 ? sample.m / active : sample.m}, {"n", sample.n}, {"k", sample.k}};
    }
    case Family::prefill:
    case Family::backward:
    case Family::decode: {
      const AttentionShape& shape = sample.attention;
      return {{"sequences", shape.sequences},
              {"query_tokens", shape.query_tokens},
              {"context_tokens", shape.context_tokens},
              {"head_dim", static_cast<double>(shape.head_dim)}};
    }
    case Family::router:
      return {{"tokens", sample.m}, {"experts", sample.n}, {"top_k", sample.k}};
    case Family::memory:
      break;
  }
  return {{"bytes", sample.over.moved.value}};
}

}  // namespace moesim
