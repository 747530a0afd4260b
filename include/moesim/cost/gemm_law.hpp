#pragma once

#include <array>
#include <span>

#include "moesim/cost/kernel_laws.hpp"
#include "moesim/cost/kernels.hpp"

namespace moesim {

/// Coefficients of the matrix-product law (docs/theory_kernels.md), the same for one product and for a group of them.
struct GemmLaw {
  double launch = 0;              ///< [s]
  double split_launch = 0;        ///< further time of a split reduction [s]
  double compute_efficiency = 1;  ///< of the peak inside a tile, in (0, 1]
  double cache_rate = 1e6;        ///< operand bytes that feed a tile, per cent of the FLOPs peak; by default no limit
  double tile_power = 4;          ///< how sharply the slower of both decides
  double tile_epilogue = 0;       ///< of a 128 x 128 tile [s]
  double round_prologue = 0;      ///< of each round of resident tiles [s]
  double step_latency = 0;        ///< of one element of the reduction, when too few tiles hide it [s]
  double wave_smoothing = 1;      ///< 0: whole waves, 1: none
  double memory_efficiency = 1;   ///< of the data sheet's bandwidth, in (0, 1]
  double cache_speedup = 1;       ///< bandwidth of the L2 cache : that of the memory, >= 1
  double cache_share = 1;         ///< of the L2 cache that operands can use; 0: cold samples
  double cold_weights = 0;      ///< not 0: weights always come from memory (samples whose activations alone were warm)
  double throttle = 0;          ///< slow-down of long dense products by power
  double throttle_time = 1e-3;  ///< [s] of work at which half of it has set in
  double small_rows = 0;        ///< 0: any tile; else PyTorch's grouped kernels (ATen/native/cuda/GroupMM.cu, H100):
                                ///< 64 x 128 up to so many mean rows or columns, 128 x 256 beyond, in pairs along m
  double paired_columns =
      0;                   ///< not 0: the larger of these alone, turned (weight gradients: their rows are our columns)
  double memory_bend = 0;  ///< streams of 2^27 B reach memory_efficiency, larger ones more: power of their size
  double overlap_power = kOverlapPower;  ///< how well work and memory hide each other; 1: they add up
};

/// @throws InputError when a coefficient is out of range
[[nodiscard]] GemmLaw gemm_law(const FittedLaw& fitted);

/// Tile shapes of the libraries' kernels, elements of the result. More shapes did not predict better.
struct Tile {
  double m;
  double n;
};
inline constexpr std::array kTiles = {Tile{256, 128}, Tile{128, 256}, Tile{128, 128}, Tile{64, 128},
                                      Tile{64, 64},   Tile{32, 64},   Tile{16, 64},   Tile{32, 32}};

/// Operands and result of `products` products [rows_i, k] x [k, n] whose rows add up to `rows`, each once.
struct ProductBytes {
  double inputs;
  double weights;
  double results;
  [[nodiscard]] double sum() const { return inputs + weights + results; }
};
/// @param element bytes of one  @param result bytes moved per element of the result; 0: as `element`
[[nodiscard]] inline ProductBytes product_bytes(double rows, double products, double n, double k, double element,
                                                double result) {
  return {element * rows * k, element * products * n * k, (result > 0 ? result : element) * rows * n};
}

/// A law with the device and element type that it is asked for: what does not depend on the shape, found once.
struct GemmKernel {
  GemmKernel(const GemmLaw& coefficients, const Device& device, DType dtype);

  /// Products [rows_i, k] x [k, n] in one kernel, rows_i >= 0: one row count is a plain GEMM.
  /// @param result bytes moved per element of the result; 0: written once in the element type
  [[nodiscard]] LawTime time(std::span<const double> rows, double n, double k, Bytes result = {}) const;
  /// The same with `count` equal row counts.
  [[nodiscard]] LawTime time(double rows, double n, double k, double count = 1, Bytes result = {}) const;

  GemmLaw law;
  double multiprocessors;
  double peak;                                              ///< [FLOP/s]
  double element;                                           ///< [B]
  double memory_rate;                                       ///< [B/s]
  double cache_rate;                                        ///< [B/s]
  double cache_bytes;                                       ///< that operands can use
  std::array<double, kTiles.size()> seconds_per_element{};  ///< of the reduction, for one tile on one multiprocessor

 private:
  struct Group {
    double rows = 0;      ///< sum
    double products = 0;  ///< with at least one row
    double result = 0;    ///< bytes moved per element of the result
    std::array<double, kTiles.size()> row_tiles{};
    std::array<double, 2> pair_tiles{};  ///< rows in pairs of tiles of 64 and of 128, two each
  };
  [[nodiscard]] std::array<double, kTiles.size()> waves_of(const Group& group, double n) const;
  [[nodiscard]] LawTime time(const Group& given, double n, double k) const;
};

/// A kernel of fixed tiles that walks over all experts (Triton's fused experts): small row tiles that stream the
/// weights while experts have few rows, large ones beyond. No minimum over tiles: the library's table decides by the
/// rows.
struct StreamedGroupLaw {
  double launch = 0;               ///< [s]
  double switch_rows = 0;          ///< mean rows per expert above which the large tiles are taken
  double small_efficiency = 1;     ///< of the peak in 16 x 64 tiles
  double large_efficiency = 1;     ///< of the peak in 64 x 64 tiles
  double tile_epilogue = 0;        ///< of a 128 x 128 tile [s]
  double memory_efficiency = 1;    ///< of the bandwidth, small tiles
  double large_memory_factor = 1;  ///< large tiles reach so much of it
  double cache_speedup = 1;
  double cache_share = 1;
  double throttle = 0;
  double throttle_time = 1e-3;
};
[[nodiscard]] bool is_streamed_group(const FittedLaw& fitted);
[[nodiscard]] StreamedGroupLaw streamed_group_law(const FittedLaw& fitted);
[[nodiscard]] LawTime streamed_group_time(const StreamedGroupLaw& law, const Device& device,
                                          std::span<const double> rows, double n, double k, DType dtype);

/// Share of operands of `bytes` that is found in a cache of `cache` bytes: falls from 1 to 0 as they outgrow it.
[[nodiscard]] inline double cached_share(double bytes, double cache) {
  const double x = bytes / cache;
  const double x2 = x * x;
  const double x4 = x2 * x2;
  return 1 / (1 + x4 * x4);
}

}  // namespace moesim
