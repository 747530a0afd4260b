#pragma once

#include <span>
#include <string>
#include <string_view>

#include "scenario/config_tree.hpp"

namespace moesim {

// Words that the readers' messages share.

/// "a list", "a map" ...
[[nodiscard]] std::string_view kind_word(const ConfigNode& node);
/// "a, b, c"
[[nodiscard]] std::string joined(std::span<const std::string_view> words);
/// ", did you mean X?", or nothing when no word is near.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string_view> words);
/// A value as messages show it: short, on one line.
[[nodiscard]] std::string shown(const ConfigNode& node);

}  // namespace moesim
