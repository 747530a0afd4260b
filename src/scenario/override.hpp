#pragma once

#include <string>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

#include "scenario/config_tree.hpp"

namespace moesim {

/// Lays the overrides over a tree, first to last. An override of a section that is only a name turns the name into its
/// `base`; one whose value is a map is merged, any other value replaces.
[[nodiscard]] ConfigPtr apply_overrides(ConfigPtr root, const std::vector<Override>& overrides,
                                        std::vector<Diagnostic>& problems);

}  // namespace moesim
