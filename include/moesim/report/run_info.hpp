#pragma once

#include <string>
#include <vector>

#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// What made an output. Stands in every JSON object, CSV row and under every table, so that a number can be traced back
/// to the program, the command and the bytes that it came from.
struct RunInfo {
  std::string version;                 ///< of moesim, as CMake knows it
  std::string git_commit = "unknown";  ///< of the sources; "-dirty" is appended when they were changed since
  std::string engine = "analytic";
  std::vector<std::string> arguments;  ///< the command line, program name first
  std::vector<InputFile> inputs;       ///< every file that was read
};

enum class Format { table, json, csv };

struct TextStyle {
  bool color = false;  ///< bold titles and dim notes, for a terminal
  int width = 100;     ///< columns to fill at most; longer words are not broken
};

}  // namespace moesim
