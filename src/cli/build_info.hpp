#pragma once

#include <string_view>

namespace moesim::cli {

/// As CMake's project() says.
[[nodiscard]] std::string_view version();
/// Commit that was built, "-dirty" appended when sources were changed since; "unknown" outside a git repository.
[[nodiscard]] std::string_view git_commit();

}  // namespace moesim::cli
