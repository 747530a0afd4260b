#include "moesim/scenario/file_text.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <istream>
#include <system_error>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

std::variant<std::string, Unreadable> read_stream(std::istream& stream, const std::string& name,
                                                  std::size_t max_bytes) {
  constexpr std::size_t kBlock = std::size_t{64} << 10U;
  std::string text;
  while (stream) {
    const std::size_t before = text.size();
    text.resize(before + kBlock);
    stream.read(text.data() + before, static_cast<std::streamsize>(kBlock));
    text.resize(before + static_cast<std::size_t>(stream.gcount()));
    if (text.size() > max_bytes) {
      return Unreadable{fmt::format("is larger than {} MiB (no file of this kind is)", max_bytes >> 20U)};
    }
  }
  if (stream.bad()) throw MachineError(fmt::format("{}: reading failed ({})", name, std::strerror(errno)));
  return text;
}

}  // namespace

std::variant<std::string, Unreadable> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  if (path == "-") return read_stream(std::cin, "standard input", max_bytes);
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  switch (status.type()) {
    case std::filesystem::file_type::regular:
      break;
    case std::filesystem::file_type::directory:
      return Unreadable{"is a directory (a YAML file is expected) name a file in it"};
    case std::filesystem::file_type::not_found:
      return Unreadable{"does not exist"};
    case std::filesystem::file_type::none:
      return Unreadable{fmt::format("cannot be looked at ({})", error.message())};
    default:
      return Unreadable{"is no regular file (a YAML file is expected)"};
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Unreadable{fmt::format("cannot be opened ({})", std::strerror(errno))};
  return read_stream(stream, path.string(), max_bytes);
}

std::string fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

}  // namespace moesim
