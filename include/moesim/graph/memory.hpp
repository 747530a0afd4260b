#pragma once

#include <string_view>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

struct MemoryTerm {
  std::string_view name;  ///< "weights", "gradients", "optimizer states", "activations" ...
  Bytes bytes;
};

/// Memory of the fullest GPU, term by term in the order of allocation.
struct MemoryPlan {
  std::vector<MemoryTerm> terms;
  Bytes total;
  Bytes capacity;
  bool fits = true;
  std::string_view first_overflow;  ///< the first term that no longer fits; empty when all fit
};

[[nodiscard]] MemoryPlan plan_memory(const Scenario& scenario);

}  // namespace moesim
