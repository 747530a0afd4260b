#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::microbench {

/// Random numbers that are the same on every machine and library: a plan can be made again from its seed.
class PlanRandom {
 public:
  explicit PlanRandom(std::uint64_t seed) : state_(seed) {}
  /// In [0, 1).
  [[nodiscard]] double uniform();
  /// Log-uniform in [least, most], rounded to a multiple (at least one of it).
  [[nodiscard]] std::int64_t size(double least, double most, std::int64_t multiple = 1);
  [[nodiscard]] std::size_t index(std::size_t count);

 private:
  std::uint64_t state_;
};

/// Which operands lie transposed in memory. TN: C = A W^T with weights [n,k] (a linear layer forward), NN: its input's
/// gradient, NT: its weights' gradient.
enum class Layout { TN, NN, NT };
[[nodiscard]] std::string_view layout_name(Layout layout);

enum class Precision { bf16, fp16, fp8 };
[[nodiscard]] std::string_view precision_name(Precision precision);
[[nodiscard]] double precision_bytes(Precision precision);

struct GemmPoint {
  Precision precision = Precision::bf16;
  Layout layout = Layout::TN;
  std::int64_t m = 1;
  std::int64_t n = 1;
  std::int64_t k = 1;
};
/// The i-th random product of a plan: m 1..40000, n and k 32..32768, mostly 256..7168 (widths of experts).
/// @param fp8 whether the GPU has it; fp8 products are TN only
[[nodiscard]] GemmPoint gemm_point(PlanRandom& random, bool fp8);

struct ExpertsPoint {
  std::vector<std::int64_t> rows;  ///< per expert; equal, or by Zipf's law in random order
  std::int64_t n = 1;
  std::int64_t k = 1;
  bool balanced = true;
};
[[nodiscard]] ExpertsPoint experts_point(PlanRandom& random);
/// `total` rows over `experts` by Zipf's law with exponent s, in random order; they add up.
[[nodiscard]] std::vector<std::int64_t> zipf_rows(PlanRandom& random, int experts, std::int64_t total, double s);

/// Sizes of a collective sweep, [B per rank]: powers of two from `least` to `most`, each with the size in its middle
/// (1.5 times), in multiples of `unit` x ranks so that every pair has equal blocks.
[[nodiscard]] std::vector<std::int64_t> sweep_sizes(std::int64_t least, std::int64_t most, int ranks,
                                                    std::int64_t unit);

/// Numbers of ranks to measure on `world`: 2, 4, 8 ... and all; 1 when there is only one.
[[nodiscard]] std::vector<int> rank_counts(int world);

/// How many sets of operands of `footprint` bytes it takes to exceed `times` the cache: none is found there again.
[[nodiscard]] int rotated_sets(double footprint, double cache_bytes, double times = 2);

}  // namespace moesim::microbench
