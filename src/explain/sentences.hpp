#pragma once

#include <string>
#include <vector>

#include "moesim/explain/explain.hpp"

namespace moesim {

/// The explanation in words: what takes the time, what would save most, what binds then, what does not matter.
[[nodiscard]] std::vector<std::string> sentences(const Explanation& explanation);

}  // namespace moesim
