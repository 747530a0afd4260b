#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"

// Reading comma-separated values (RFC 4180) with the place of every cell, for messages.
namespace moesim::cli {

struct CsvCell {
  std::string text;  ///< without quotes and the spaces around
  int column = 1;    ///< character in the line where the cell begins, from 1
};

struct CsvRecord {
  int line = 1;          ///< where it begins, from 1
  std::string_view raw;  ///< as it stands in the text, without the line end
  std::vector<CsvCell> cells;
};

/// Records of `text`, empty lines left out; line ends \n or \r\n, a byte order mark is skipped. Views point into
/// `text`. What is malformed (an unfinished quotation, text after one, bytes that are no text) is added to the
/// problems.
[[nodiscard]] std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file,
                                               std::vector<Diagnostic>& problems);

/// The whole of a file, "-": standard input. @throws InputError, MachineError
[[nodiscard]] std::string read_text(const std::string& file);

}  // namespace moesim::cli
