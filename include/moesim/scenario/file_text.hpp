#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

namespace moesim {

/// Why a file cannot be read, as the end of a sentence that begins with its name.
struct Unreadable {
  std::string why;
};

/// The bytes of a regular file ("-": of standard input). Never waits on a device or a pipe, never reads more than the
/// limit.
/// @throws MachineError when reading fails midway
[[nodiscard]] std::variant<std::string, Unreadable> read_file(const std::filesystem::path& path, std::size_t max_bytes);

/// FNV-1a, 64 bits, as 16 hex digits (Fowler, Noll, Vo; draft-eastlake-fnv).
[[nodiscard]] std::string fnv1a(std::string_view bytes);

}  // namespace moesim
