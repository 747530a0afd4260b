#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"

namespace moesim::cli {

/// What a command line asks for: a command with its arguments, or a page to print.
struct Request {
  const Command* command = nullptr;  ///< null: print `page`
  Arguments arguments = {};
  std::string page = {};
};

/// @param words of the command line, without the program's name
/// @throws InputError with every problem: unknown commands and options (with the nearest known one), missing ones,
/// values that are not among the choices
[[nodiscard]] Request parse(const std::vector<Command>& commands, const std::vector<std::string>& words,
                            const std::string& version);

}  // namespace moesim::cli
