#pragma once

#include <string>

#include "moesim/explain/what_if.hpp"

namespace moesim {

/// {"numbers": [names], "variants": [...], "axes": [{"name", "title", "keys", "stops", "now"}...], "bandwidth":
/// {"keys", "now_Bps", "reach"} or null, "absent": [{"title", "why"}...], "reasons": [...], "reason_of": [...],
/// "memory_B", "capacity_B", "tokens": floats by point and variant, "layers": [{"bandwidths_Bps": [...], "values":
/// floats}...], "error": {...}}. Floats are 32 bits each, little-endian, base64: a grid of ten thousand points takes
/// half a megabyte.
[[nodiscard]] std::string to_json(const WhatIf& grid);

}  // namespace moesim
