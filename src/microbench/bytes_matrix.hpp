#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "microbench/plan.hpp"

namespace moesim::microbench {

/// Bytes from rank (line) to rank (column).
struct BytesMatrix {
  int ranks = 0;
  std::vector<std::int64_t> bytes;

  [[nodiscard]] std::int64_t at(int from, int to) const {
    return bytes[static_cast<std::size_t>(from) * static_cast<std::size_t>(ranks) + static_cast<std::size_t>(to)];
  }
  [[nodiscard]] std::int64_t sent(int rank) const;
  [[nodiscard]] std::int64_t received(int rank) const;
  /// Where the block of a rank begins in the send (or receive) buffer of another.
  [[nodiscard]] std::int64_t send_offset(int from, int to) const;
  [[nodiscard]] std::int64_t receive_offset(int to, int from) const;
};

/// R lines of R comma-separated byte counts. @throws InputError with every problem, MachineError when it cannot be read
[[nodiscard]] BytesMatrix read_matrix(const std::string& path);

/// What experts that are chosen by Zipf's law receive: every rank sends `bytes_per_rank`, rank j of them gets its share
/// of all; the ranks' popularity is in random order. In multiples of `unit`.
[[nodiscard]] BytesMatrix zipf_matrix(PlanRandom& random, int ranks, std::int64_t bytes_per_rank, double s,
                                      std::int64_t unit);
[[nodiscard]] BytesMatrix even_matrix(int ranks, std::int64_t bytes_per_rank);

}  // namespace moesim::microbench
