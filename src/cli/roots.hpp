#pragma once

#include <filesystem>

#include "moesim/scenario/load.hpp"

namespace moesim::cli {

/// Where shipped files are: the nearest folder above the program that has a configs/ (a build in the source tree), then
/// share/moesim of the installation that the program is part of.
[[nodiscard]] ConfigRoots shipped_roots(const std::filesystem::path& program);

/// The running program's own file; empty when the system does not tell.
[[nodiscard]] std::filesystem::path program_path();

}  // namespace moesim::cli
