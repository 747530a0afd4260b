#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

#include "scenario/config_tree.hpp"

namespace moesim {

/// "a.b.c" as its parts; empty when a part is missing or there are too many.
[[nodiscard]] std::vector<std::string> split_path(std::string_view text);

/// Lays the overrides over a tree, first to last. An override of a section that is only a name turns the name into its
/// `base`; one whose value is a map is merged, any other value replaces.
[[nodiscard]] ConfigPtr apply_overrides(ConfigPtr root, const std::vector<Override>& overrides,
                                        std::vector<Diagnostic>& problems);

}  // namespace moesim
