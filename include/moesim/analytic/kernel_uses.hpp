#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "moesim/analytic/op_cost.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Kernels of one shape in the step of one GPU, as the engines price them: alone on the device, on the slowest rank.
struct KernelUse {
  std::string_view name;  ///< of the operator: "attention.qkv", "experts.down.dgrad" ...
  WorkKind kind = WorkKind::attention;
  std::optional<DType> dtype;  ///< of a product's operands; absent: it only moves bytes
  double count = 0;            ///< how often the operator runs in the step
  Seconds time;                ///< of once
  KernelAmount amount;         ///< of once
  Bound bound = Bound::launch;
  bool fitted = false;  ///< from a law fitted to measurements, not from the data sheet
};

/// Kernels of the pipeline stage that computes longest, in the order in which they first run; waits for the host are
/// none. Inference: the prefill and all decode steps.
[[nodiscard]] std::vector<KernelUse> kernel_uses(const Scenario& scenario);

}  // namespace moesim
