#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

/// Whether the file's header names them all; the lines below are not read. @throws MachineError when it cannot be read
[[nodiscard]] bool table_has(const std::string& path, std::initializer_list<std::string_view> columns);

/// A CSV file with named columns; lines that begin with # and empty lines are skipped.
class SampleTable {
 public:
  /// @throws MachineError when it cannot be read, InputError when a line has too few fields
  explicit SampleTable(const std::string& path);
  /// The same of the file's text.
  SampleTable(std::string path, std::string_view text);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::size_t rows() const { return lines_.size(); }
  [[nodiscard]] bool has(std::string_view column) const;
  [[nodiscard]] bool has_all(std::initializer_list<std::string_view> columns) const;
  /// Empty when the column is absent.
  [[nodiscard]] std::string_view text(std::size_t row, std::string_view column) const;
  [[nodiscard]] bool filled(std::size_t row, std::string_view column) const { return !text(row, column).empty(); }
  /// A finite number >= 0; otherwise 0, and the problem is remembered.
  [[nodiscard]] double number(std::size_t row, std::string_view column);
  /// The same above 0; 1 when it is not.
  [[nodiscard]] double positive(std::size_t row, std::string_view column);
  void complain(std::size_t row, std::string_view column, const std::string& message);
  /// @throws InputError with everything that was wrong
  void throw_problems() const;

 private:
  struct Line {
    int number;
    std::vector<std::string> fields;
  };
  [[nodiscard]] std::size_t index(std::string_view column) const;

  std::string path_;
  std::vector<std::string> header_;
  std::vector<Line> lines_;
  std::vector<Diagnostic> problems_;
};

}  // namespace moesim
