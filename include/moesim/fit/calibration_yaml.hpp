#pragma once

#include <string>

#include "moesim/cost/calibration.hpp"

namespace moesim {

/// A calibration file: what `load_calibration` reads back. Numbers with six significant digits: residuals are in the
/// per cents. Deterministic: coefficients and ranges by name, laws and spreads in their order.
[[nodiscard]] std::string calibration_yaml(const Calibration& calibration);

}  // namespace moesim
