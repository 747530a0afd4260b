#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/load.hpp"

namespace moesim::testing {

/// Small files of the tests' own, so that they do not change with what is shipped.
inline std::filesystem::path data_folder() { return std::filesystem::path(MOESIM_SOURCE_DIR) / "tests/scenario/data"; }
inline ConfigRoots test_roots() { return {{data_folder()}}; }
inline ConfigRoots shipped_roots() { return {{std::filesystem::path(MOESIM_SOURCE_DIR)}}; }

/// Lines of what a load threw; empty: it threw nothing.
template <class Load>
std::vector<std::string> problems_of(Load load) {
  std::vector<std::string> lines;
  try {
    load();
  } catch (const InputError& error) {
    for (const Diagnostic& diagnostic : error.diagnostics()) lines.push_back(to_string(diagnostic));
  }
  return lines;
}

/// A complete scenario, line by line, with some lines changed: {7, "workload: ..."} replaces the seventh. Line 8 and
/// what follows are empty.
inline std::string small_scenario(const std::vector<std::pair<std::size_t, std::string>>& changes = {}) {
  std::vector<std::string> lines = {"name: small",
                                    "mode: training",
                                    "cluster: two_boxes",
                                    "model: small_moe",
                                    "framework: plain",
                                    "parallelism: {ep: 8}",
                                    "workload: {sequence_length: 128, global_batch: 8}",
                                    ""};
  for (const auto& [line, text] : changes) lines.at(line - 1) = text;
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

}  // namespace moesim::testing
