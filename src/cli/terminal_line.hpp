#pragma once

#include <string>
#include <string_view>

namespace moesim::cli {

/// One line at the foot of standard error that is written over and over; nothing when that is no terminal.
class TerminalLine {
 public:
  TerminalLine();
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;
  ~TerminalLine();

  void show(std::string_view text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace moesim::cli
