#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"

namespace moesim::cli {

/// The page of the program itself: what it is, its commands, exit statuses.
[[nodiscard]] std::string program_help(const std::vector<Command>& commands, std::string_view version);
/// The page of one command. @param path its name as typed, e.g. "kernel gemm"
[[nodiscard]] std::string command_help(const Command& command, std::string_view path);
/// "moesim predict SCENARIO [options]"
[[nodiscard]] std::string usage(const Command& command, std::string_view path);

}  // namespace moesim::cli
