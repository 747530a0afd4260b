#pragma once

#include <span>
#include <string>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

/// What goes on between the matrix products.
enum class Rest { nothing, copies, pauses, collectives };

/// Matrix products in the long run, as scripts/measure_power.py measures them.
struct PowerSample {
  Rest rest = Rest::nothing;
  double duty = 1;      ///< share of the time that is products
  double slowdown = 1;  ///< of a product against bursts after a rest
};

/// Whether the table has the columns of scripts/measure_power.py.
[[nodiscard]] bool is_power_table(const std::string& path);
/// @throws InputError with every bad line, MachineError when the file cannot be read
[[nodiscard]] std::vector<PowerSample> read_power_samples(const std::string& path);

/// The law power.products (docs/theory_kernels.md, sustained clocks): slowdown = 1 + s max(d - f, 0) / (1 - f). s is
/// the median of products without a pause, f the per cent that explains best what was measured between copies
/// (free_beside_memory), between pauses (free_beside_idle) and, where it was, between collectives
/// (free_beside_collectives). Each sample left out in turn.
/// @throws InputError without samples of copies and of pauses
[[nodiscard]] KernelFit fit_power(std::span<const PowerSample> samples, const Provenance& provenance);

}  // namespace moesim
