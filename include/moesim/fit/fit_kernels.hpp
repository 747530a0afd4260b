#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/cluster/device.hpp"
#include "moesim/cost/kernels.hpp"

namespace moesim {

/// One measured kernel. Which fields count depends on the law that it is fitted to.
struct KernelSample {
  std::string law;  ///< name of the law: gemm.fp16, grouped_gemm.bf16, attention.prefill.bf16, memory.norm ...
  DType dtype = DType::bf16;
  double m = 0;  ///< matrix products; of a group: rows of all its products
  double n = 0;
  double k = 0;
  std::vector<double> rows;  ///< of a group's products; empty: one product
  bool fused_experts =
      false;  ///< both products of the experts and what stands between: n is the expert's width, k the hidden size
  bool gated = true;  ///< of fused experts: the first product is twice as wide
  AttentionShape attention;
  MemoryShape over;  ///< of a memory-bound kernel; of fused experts: what moves beside their products
  double seconds = 0;
  bool cold = false;  ///< measured over rotated buffers: no operand was in the cache
};

/// Which rows of a table are taken, beside its own columns.
struct SampleSelection {
  std::string law;  ///< only samples of this law; empty: all
};

/// Reads a CSV of kernel times. Lines that begin with # are comments. Tables are known by their columns:
///   kernel, dtype, m, n, k, experts, layout, sequences ..., bytes, time_us     measured by scripts/bench_torch.py
///   m, n, k, dtype, time_us                                                    matrix products
///   num_tokens, hidden, expert_ffn, top_k, num_experts, ep, distribution, time_us   fused experts, both products
///   batch_size, isl, num_heads, num_key_value_heads, latency [ms]              attention over a prompt (an engine's:
///   writes its cache) batch_size, step, num_heads, num_key_value_heads, latency [ms]             attention of one
///   token, step keys behind it num_tokens, n_embd ..., time_stats.OPERATION.median [ms]                   operations
///   of a transformer layer num_tokens, hidden_dim, num_experts, router_topk, time_stats.moe_....median [ms] operations
///   of an expert layer
/// Samples that say nothing of a law are left out: products whose operands no library can read in whole vectors (rows
/// not a multiple of eight where they are the contiguous dimension), prompts of one token, fused experts spread over
/// several ranks (the tables' engines disagree on what the rank does) or loaded at random (the draw is not told).
/// @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<KernelSample> read_kernel_samples(const std::string& path,
                                                            const SampleSelection& selection = {});

/// The same of the file's text.
[[nodiscard]] std::vector<KernelSample> parse_kernel_samples(std::string_view text, const std::string& path);

struct KernelFitOptions {
  std::size_t most_samples = 6000;  ///< of one fit, drawn evenly; the errors are of all samples
  int folds = 5;
  Provenance provenance;  ///< source, license, hardware, date, command: taken over
};

/// |measured / predicted - 1| of a part of the samples, each predicted by a fit that has not seen it.
struct RegionError {
  std::string region;
  int samples = 0;
  double median = 0;
  double p90 = 0;
  double bias = 0;      ///< median of ln(measured / predicted)
  double log_p90 = 0;   ///< holds 90 % of |ln(measured / predicted)|: the spread
  double coverage = 0;  ///< share within the 90 % intervals that the residuals of the other folds give, by region
};

/// A sample beside what a fit without its fold says of it.
struct LeftOutSample {
  std::string shape;  ///< "m=16 n=4096 k=1024"
  std::string region;
  int fold = 0;
  double measured = 0;   ///< [s]
  double predicted = 0;  ///< [s]
  bool held = false;     ///< by the 90 % interval that the other folds' residuals give its region
};

struct KernelFit {
  FittedLaw law;
  RegionError all;                    ///< cross-validated over whole (n, k) pairs, prompts, sizes
  std::vector<RegionError> regions;   ///< the same by region of the law
  std::vector<RegionError> left_out;  ///< whole ranges of sizes left out: the smallest and the largest fifth
  std::map<std::string, double> relative_deviation;  ///< of each coefficient, from the curvature of the loss
  std::vector<LeftOutSample> samples;                ///< each once, what `all` and `regions` are made of
};

/// Fits the law of samples that all have the same law's name: robust least squares (Huber) on ln(time), in the
/// logarithms of the coefficients, which stay in their physical ranges. Cross-validated. Deterministic.
/// @throws InputError when there are too few samples or no such law
[[nodiscard]] KernelFit fit_kernel(std::span<const KernelSample> samples, const Device& device,
                                   const KernelFitOptions& options);

/// One fit for each law that the samples name, by name.
[[nodiscard]] std::vector<KernelFit> fit_kernels(std::span<const KernelSample> samples, const Device& device,
                                                 const KernelFitOptions& options);

/// Predicted seconds of a sample by a law (of this or of another device).
[[nodiscard]] std::vector<double> predict_samples(const FittedLaw& law, std::span<const KernelSample> samples,
                                                  const Device& device);

/// How well a law predicts samples that it was not fitted to: of all, then by region.
[[nodiscard]] std::vector<RegionError> check_law(const FittedLaw& law, std::span<const KernelSample> samples,
                                                 const Device& device);

/// A law for a device without samples of the kernel: another device's coefficients, which are shares of the data
/// sheet's rates, or times. `errors` (regions, and "all") are of the same transfer where both ends are measured: they
/// become the spreads where they are wider; none: a factor of two. The provenance says that it is transferred.
[[nodiscard]] FittedLaw transferred_law(const FittedLaw& law, const std::string& name, const std::string& from,
                                        std::span<const RegionError> errors, const std::string& evidence);

}  // namespace moesim
