#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Writing comma-separated values (RFC 4180 with line feeds).
namespace moesim::csv {

/// Quoted when it has to be.
[[nodiscard]] std::string cell(std::string_view text);
/// As many digits as it takes to read the same value again. @throws ContractViolation when it is not finite
[[nodiscard]] std::string cell(double value);

/// Words as the name of a column, or as a word in a cell: lower_case.
[[nodiscard]] std::string identifier(std::string_view words);

/// A row as (column, cell) pairs, cells already quoted.
using Row = std::vector<std::pair<std::string, std::string>>;
/// Header from the first row, then all rows. @pre all rows have the same columns in the same order
[[nodiscard]] std::string table(const std::vector<Row>& rows);

}  // namespace moesim::csv
