#pragma once

#include <span>
#include <string>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

/// Unlike kernels one behind the other, as scripts/bench_chains.py measures them.
struct ChainSample {
  std::string pool;    ///< tokens and width: samples of one are left out together
  double kernels = 0;  ///< number of them
  double parts = 0;    ///< [s]: sum of the kernels' times, each timed among its like
  double seconds = 0;  ///< of the chain
};

/// Whether the table has the columns of scripts/bench_chains.py.
[[nodiscard]] bool is_chain_table(const std::string& path);
/// @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<ChainSample> read_chain_samples(const std::string& path);

/// The law chain: a chain of n unlike kernels takes the sum of their times + n unlike_s. Robust least squares in the
/// logarithm; five folds over whole pools of kernels.
/// @throws InputError with too few pools
[[nodiscard]] KernelFit fit_chain(std::span<const ChainSample> samples, const Provenance& provenance);

}  // namespace moesim
