#include "cli/terminal_line.hpp"

#include <string>
#include <unistd.h>

namespace moesim::cli {
namespace {

void put(const std::string& text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

TerminalLine::TerminalLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}
TerminalLine::~TerminalLine() { clear(); }

void TerminalLine::show(std::string_view text) {
  if (!terminal_) return;
  put("\r\033[K" + std::string(text));  // to the line's begin, and erase to its end
  shown_ = true;
}

void TerminalLine::clear() {
  if (shown_) put("\r\033[K");
  shown_ = false;
}

}  // namespace moesim::cli
