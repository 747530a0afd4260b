#include "cli/bytes_matrix.hpp"

#include <fmt/format.h>
#include <optional>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

#include "cli/csv_reader.hpp"

namespace moesim::cli {
namespace {

std::optional<double> read_bytes(const std::string& text) {
  const std::optional<double> value = finite_number(text);
  return value && *value >= 0 ? value : std::nullopt;
}

}  // namespace

BytesMatrix read_bytes_matrix(const std::filesystem::path& file) {
  const std::string name = file.string();
  const std::string text = read_text(name);
  std::vector<Diagnostic> problems;
  const std::vector<CsvRecord> lines = parse_csv(text, name, problems);
  BytesMatrix matrix{.ranks = static_cast<int>(lines.size()), .bytes = {}};
  for (const CsvRecord& line : lines) {
    if (line.cells.size() != lines.size()) {
      problems.push_back(
          {.file = name,
           .line = line.line,
           .message = fmt::format("has {} numbers and the file has {} lines (a matrix of R ranks has R lines of R "
                                  "numbers)",
                                  line.cells.size(), lines.size())});
    }
    for (const CsvCell& cell : line.cells) {
      const std::optional<double> bytes = read_bytes(cell.text);
      if (!bytes) {
        problems.push_back(
            {.file = name,
             .line = line.line,
             .column = cell.column,
             .message = fmt::format("\"{}\" is not a number of bytes (at least 0, without unit)", cell.text)});
      }
      matrix.bytes.push_back(bytes.value_or(0));
    }
  }
  if (lines.empty() && problems.empty())
    problems.push_back({.file = name, .message = "is empty (R lines of R numbers are expected)"});
  if (!problems.empty()) throw InputError(std::move(problems));
  return matrix;
}

}  // namespace moesim::cli
