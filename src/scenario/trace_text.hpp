#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {

/// Rows of numbers from a CSV file: commas, semicolons or blanks between them; empty lines and lines that begin with
/// `#` are left out, and so is a first line that holds no number (a header). At most `max_numbers`.
/// @param file as messages show it
[[nodiscard]] std::vector<std::vector<double>> parse_rows(std::string_view text, const std::string& file,
                                                          std::size_t max_numbers, std::vector<Diagnostic>& problems);

}  // namespace moesim
