#include "cli/output.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::cli {
namespace {

/// @return 0 or the error number
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

[[noreturn]] void fail(const std::string& what, int error) {
  throw MachineError(fmt::format("{}: cannot be written ({})", what, std::strerror(error)));
}

void write_directly(const std::string& file, std::string_view text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(file, errno);
  int error = write_all(descriptor, text);
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error != 0) fail(file, error);
}

}  // namespace

void write_stdout(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error != 0) fail("standard output", error);
}

void write_file(const std::filesystem::path& file, std::string_view text) {
  std::error_code ignored;
  // Through a symbolic link, the file it leads to is replaced, not the link.
  const std::filesystem::path target = std::filesystem::weakly_canonical(file, ignored);
  const std::string name = target.empty() ? file.string() : target.string();
  struct stat status {};
  const bool exists = ::stat(name.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    throw MachineError(fmt::format("{}: is a directory (a file is expected)", name));
  if (exists && !S_ISREG(status.st_mode)) {
    write_directly(name, text);
    return;
  }
  std::string temporary = name + ".XXXXXX";
  const int descriptor = ::mkstemp(temporary.data());
  if (descriptor < 0) fail(name, errno);
  int error = write_all(descriptor, text);
  // mkstemp makes a private file; the result gets the mode that it had, or that any new file gets.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  const mode_t mode = exists ? status.st_mode & mode_t{07777} : mode_t{0666} & ~mask;
  if (error == 0 && ::fchmod(descriptor, mode) != 0) error = errno;
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), name.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(name, error);
  }
}

}  // namespace moesim::cli
