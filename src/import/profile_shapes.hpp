#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/profile_events.hpp"

namespace moesim {

/// A line of scripts/bench_torch.py's table without its time: column and value.
using ShapeColumns = std::vector<std::pair<std::string, std::string>>;

/// What an operator computes, if its inputs say it: products (mm, addmm, bmm, scaled), attention with its mask, kernels
/// that move bytes (each operand once, as bench_torch.py counts them).
[[nodiscard]] std::optional<ShapeColumns> shape_of(const HostOp& op);

}  // namespace moesim
