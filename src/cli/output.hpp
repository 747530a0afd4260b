#pragma once

#include <filesystem>
#include <string_view>

namespace moesim::cli {

/// @throws MachineError when not all of it could be written (a closed pipe, a full disk)
void write_stdout(std::string_view text);

/// Whole or not at all: into a temporary file beside it, which then takes its name. What is no regular file (/dev/null,
/// a pipe) is written directly. @throws MachineError
void write_file(const std::filesystem::path& file, std::string_view text);

}  // namespace moesim::cli
