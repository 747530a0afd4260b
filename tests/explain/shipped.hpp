#pragma once

#include <filesystem>

#include "moesim/scenario/load.hpp"

namespace moesim {

inline const std::filesystem::path kRoot = MOESIM_SOURCE_DIR;
inline const ConfigRoots kRoots{{kRoot}};

}  // namespace moesim
