#pragma once

#include <string_view>

#include "moesim/analytic/graph_time.hpp"

namespace moesim {

/// How much longer matrix products take in a step than when measured alone for some milliseconds: a device at the limit
/// of its power lowers its clocks within a second. With d the share of the step that is matrix products, those that the
/// memory bounds excepted, and f the share that they may have for nothing (the mean of free_beside_memory and
/// free_beside_idle over what the rest of the step is),
///   slowdown = 1 + slowdown_at_full (d - f) / (1 - f)   for d > f, else 1:
/// straight lines through our measurements of products between copies and between pauses (docs/theory_kernels.md).
/// @throws InputError when a coefficient is out of range
/// @param time of the step without slowdown
[[nodiscard]] double sustained_slowdown(const FittedLaw& law, const GraphTime& time);

inline constexpr std::string_view kPowerLaw = "power.products";

/// Of a scenario's step in closed form, by the law of its device; 1 without one.
[[nodiscard]] double sustained_slowdown(const Scenario& scenario);
/// The scenario with matrix products that take so much longer.
[[nodiscard]] Scenario with_slower_products(const Scenario& scenario, double slowdown);
/// Both: the scenario as the engines see it.
[[nodiscard]] Scenario at_sustained_clocks(const Scenario& scenario);

}  // namespace moesim
