#include "microbench/bytes_matrix.hpp"

#include <charconv>
#include <fmt/core.h>
#include <fstream>
#include <sstream>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {

std::int64_t BytesMatrix::sent(int rank) const { return send_offset(rank, ranks); }
std::int64_t BytesMatrix::received(int rank) const { return receive_offset(rank, ranks); }

std::int64_t BytesMatrix::send_offset(int from, int to) const {
  std::int64_t sum = 0;
  for (int other = 0; other < to; ++other) sum += at(from, other);
  return sum;
}

std::int64_t BytesMatrix::receive_offset(int to, int from) const {
  std::int64_t sum = 0;
  for (int other = 0; other < from; ++other) sum += at(other, to);
  return sum;
}

BytesMatrix read_matrix(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw MachineError(fmt::format("{}: cannot be read", path));
  std::vector<Diagnostic> problems;
  BytesMatrix matrix;
  std::size_t columns = 0;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.starts_with('#') || line == "\r") continue;
    ++matrix.ranks;
    std::size_t count = 0;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ','); ++count) {
      while (!cell.empty() && (cell.back() == '\r' || cell.back() == ' ')) cell.pop_back();
      const std::size_t begin = cell.find_first_not_of(' ');
      const std::string text = begin == std::string::npos ? "" : cell.substr(begin);
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
        problems.push_back(
            {.file = path, .line = number, .key = text, .message = "is not a whole number of bytes (0 or more)"});
      }
      matrix.bytes.push_back(value);
    }
    if (columns == 0) columns = count;
    if (count != columns) {
      problems.push_back({.file = path,
                          .line = number,
                          .message = fmt::format("has {} columns, the first line has {}", count, columns)});
    }
  }
  if (problems.empty() && (matrix.ranks == 0 || columns != static_cast<std::size_t>(matrix.ranks))) {
    problems.push_back(
        {.file = path,
         .message = fmt::format("has {} lines and {} columns (one of each for every rank)", matrix.ranks, columns)});
  }
  if (!problems.empty()) throw InputError(problems);
  return matrix;
}

BytesMatrix zipf_matrix(PlanRandom& random, int ranks, std::int64_t bytes_per_rank, double s, std::int64_t unit) {
  MOESIM_EXPECTS(ranks >= 1 && unit >= 1);
  const std::vector<std::int64_t> units = zipf_rows(random, ranks, bytes_per_rank / unit, s);
  BytesMatrix matrix{.ranks = ranks, .bytes = {}};
  for (int from = 0; from < ranks; ++from) {
    for (const std::int64_t share : units) matrix.bytes.push_back(share * unit);
  }
  return matrix;
}

BytesMatrix even_matrix(int ranks, std::int64_t bytes_per_rank) {
  MOESIM_EXPECTS(ranks >= 1 && bytes_per_rank % ranks == 0);
  const auto cells = static_cast<std::size_t>(ranks) * static_cast<std::size_t>(ranks);
  return {.ranks = ranks, .bytes = std::vector<std::int64_t>(cells, bytes_per_rank / ranks)};
}

}  // namespace moesim::microbench
