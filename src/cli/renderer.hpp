#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "moesim/scenario/load.hpp"

// What draws specifications, where scripts/setup.sh has put it. The program works without.
namespace moesim::cli {

struct Renderer {
  std::filesystem::path python;   ///< interpreter that has vl-convert
  std::filesystem::path script;   ///< scripts/render_figure.py
  std::filesystem::path scripts;  ///< JavaScript for pages
};

/// In `folder`, or in build/figures of the first root that has it; nullopt: not installed.
[[nodiscard]] std::optional<Renderer> find_renderer(const std::optional<std::filesystem::path>& folder,
                                                    const ConfigRoots& roots);

/// The picture of a specification. @param ending ".svg" or ".png"
/// @throws MachineError when the renderer fails, with what it said
[[nodiscard]] std::string draw(const Renderer& renderer, const std::string& spec, const std::string& ending);

}  // namespace moesim::cli
