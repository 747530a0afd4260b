#pragma once

#include "moesim/cost/kernels.hpp"

namespace moesim::testing {

/// A made-up GPU of round numbers: 100 multiprocessors, 100 TFLOPS, 1 TB/s, 10 MB of L2.
inline Device round_device() {
  Device device;
  device.name = "round";
  device.compute_capability = 80;
  device.multiprocessors = 100;
  device.matrix_peaks = {{DType::bf16, {100e12}}, {DType::fp16, {100e12}}, {DType::fp8, {200e12}}};
  device.vector_peak = {10e12};
  device.memory_bandwidth = {1e12};
  device.memory = {40e9};
  device.l2_cache = {10e6};
  return device;
}

/// A law of a product, plausible in every coefficient.
inline FittedLaw product_law(const std::string& name) {
  return {.name = name,
          .coefficients = {{"launch_s", 2e-6},
                           {"split_launch_s", 2e-6},
                           {"compute_efficiency", 0.9},
                           {"cache_rate", 1.6},
                           {"tile_power", 6},
                           {"tile_epilogue_s", 1.5e-6},
                           {"round_prologue_s", 5e-7},
                           {"step_latency_s", 4e-9},
                           {"wave_smoothing", 0.2},
                           {"memory_efficiency", 0.8},
                           {"cache_speedup", 3},
                           {"cache_share", 0.8},
                           {"throttle", 0.2},
                           {"throttle_time_s", 1e-3}},
          .ranges = {{"m", {1, 4096}}, {"n", {32, 16384}}, {"k", {32, 16384}}},
          .spreads = {{"launch", 0.2}, {"memory", 0.1}, {"few_waves", 0.15}, {"compute", 0.05}, {"extrapolated", 0.3}},
          .provenance = {}};
}

inline FittedLaw streamed_law(const std::string& name) {
  return {.name = name,
          .coefficients = {{"launch_s", 1e-5},
                           {"switch_rows", 6},
                           {"small_efficiency", 0.3},
                           {"large_efficiency", 0.4},
                           {"tile_epilogue_s", 1e-6},
                           {"memory_efficiency", 0.8},
                           {"large_memory_factor", 0.7},
                           {"cache_speedup", 3},
                           {"cache_share", 0.8},
                           {"throttle", 0.5},
                           {"throttle_time_s", 1e-3}},
          .ranges = {},
          .spreads = {{"all", 0.2}},
          .provenance = {}};
}

inline FittedLaw prefill_fit(const std::string& name) {
  return {.name = name,
          .coefficients = {{"overhead_s", 6e-6},
                           {"compute_efficiency", 0.57},
                           {"block_s", 3e-6},
                           {"memory_efficiency", 0.8},
                           {"cache_writes", 2}},
          .ranges = {{"head_dim", {64, 128}}},
          .spreads = {{"all", 0.2}},
          .provenance = {}};
}

inline FittedLaw decode_fit(const std::string& name) {
  return {.name = name,
          .coefficients = {{"overhead_s", 1e-5},
                           {"batch_overhead_s", 2e-6},
                           {"split_overhead_s", 5e-6},
                           {"block_s", 4e-6},
                           {"key_latency_s", 2e-8},
                           {"memory_efficiency", 0.75},
                           {"power", 3}},
          .ranges = {},
          .spreads = {{"all", 0.2}},
          .provenance = {}};
}

inline KernelModel model_with(std::vector<FittedLaw> laws) {
  return KernelModel(round_device(), {.name = "test", .device = "round", .laws = std::move(laws)});
}

}  // namespace moesim::testing
