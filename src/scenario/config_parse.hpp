#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"

#include "scenario/config_tree.hpp"

namespace moesim {

/// Limits that no file made by a person comes near; they keep hostile ones from eating time and memory.
inline constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20U;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodes = 200'000;  ///< anchors expanded
inline constexpr std::size_t kMaxMapKeys = 4'096;

/// Parses one YAML document whose top level is a map. Stricter than YAML: no duplicate keys, no tags, no second
/// document, no keys but plain words; anchors must not contain themselves nor expand beyond kMaxNodes.
/// @param file as it is shown in messages
/// @return null when the text cannot be used at all; what was wrong is appended to `problems` in either case
[[nodiscard]] ConfigPtr parse_config(std::string_view text, const std::string& file, std::vector<Diagnostic>& problems);

/// Parses the value of an override: any YAML value. Everything in it has the origin given.
[[nodiscard]] ConfigPtr parse_value(std::string_view text, const Origin& origin, std::vector<Diagnostic>& problems);

}  // namespace moesim
