#pragma once

#include <filesystem>
#include <vector>

namespace moesim::cli {

struct BytesMatrix {
  int ranks = 0;
  std::vector<double> bytes;  ///< [sender * ranks + receiver]
};

/// R lines of R byte counts, line = sender, without a header.
/// @throws InputError with every bad cell
[[nodiscard]] BytesMatrix read_bytes_matrix(const std::filesystem::path& file);

}  // namespace moesim::cli
