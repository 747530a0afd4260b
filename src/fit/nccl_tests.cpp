// nccl-tests' output (NVIDIA/nccl-tests, src/common.cu): comments begin with #, data lines are
//   size count type redop root | time algbw busbw #wrong | time algbw busbw #wrong
// with times in us, first out of place, then in place.

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <fstream>
#include <optional>
#include <sstream>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"
#include "moesim/fit/calibrate.hpp"

namespace moesim {
namespace {

struct TestName {
  std::string_view text;
  CollectiveKind kind;
};
// Longer names first: "all_reduce" would be found in none of the others, but "reduce" is no collective of ours.
constexpr std::array kTests = {TestName{"alltoall", CollectiveKind::all_to_all},
                               TestName{"all_to_all", CollectiveKind::all_to_all},
                               TestName{"all_reduce", CollectiveKind::all_reduce},
                               TestName{"all_gather", CollectiveKind::all_gather},
                               TestName{"reduce_scatter", CollectiveKind::reduce_scatter},
                               TestName{"sendrecv", CollectiveKind::send_recv},
                               TestName{"send_recv", CollectiveKind::send_recv}};

std::optional<CollectiveKind> kind_in(std::string_view text) {
  for (const TestName& one : kTests) {
    if (text.find(one.text) != std::string_view::npos) return one.kind;
  }
  return std::nullopt;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

bool is_nccl_tests(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  for (int i = 0; i < 50 && std::getline(file, line); ++i) {
    if (line.starts_with("# nThread") || line.starts_with("# Collective test") || line.starts_with("# nccl-tests") ||
        line.find("algbw") != std::string::npos) {
      return line.starts_with('#');
    }
  }
  return false;
}

std::vector<LinkSample> read_nccl_tests(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw MachineError(fmt::format("{}: cannot be read", path));
  std::ostringstream text;
  text << file.rdbuf();
  return parse_nccl_tests(text.view(), path);
}

std::vector<LinkSample> parse_nccl_tests(std::string_view text, const std::string& path) {
  std::istringstream file{std::string(text)};
  std::vector<Diagnostic> problems;
  std::optional<CollectiveKind> kind = kind_in(path.substr(path.find_last_of('/') + 1));
  int ranks = 0;
  std::vector<LinkSample> samples;
  std::string line;
  for (int number_of_line = 1; std::getline(file, line); ++number_of_line) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    if (words[0].starts_with('#')) {
      if (const auto named = kind_in(line); named && line.find("Collective test") != std::string::npos) kind = named;
      if (words.size() > 2 && (words[1] == "Rank" || words[0] == "#Rank")) ++ranks;
      continue;
    }
    const std::optional<double> bytes = finite_number(words[0]);
    if (!bytes || words.size() < 7) continue;  // what launchers print between
    // The first number after the root (or after redop, where there is none) is the out-of-place time; a line may have
    // been cut. Types and operations are words.
    std::size_t at = 2;
    while (at < words.size() && (!finite_number(words[at]) || words[at] == "-1")) ++at;
    const std::optional<double> time = at < words.size() ? finite_number(words[at]) : std::nullopt;
    if (!time || *time <= 0) {
      problems.push_back({.file = path, .line = number_of_line, .key = "time", .message = "no time above 0 found"});
      continue;
    }
    if (*bytes > 0) samples.push_back({CollectiveKind::all_to_all, 0, *bytes, *time * 1e-6, {}});
  }
  if (!kind) {
    problems.push_back({.file = path,
                        .message = "which collective is it? (no line '# Collective test starting: alltoall_perf') "
                                   "name the file after its program, as alltoall_perf.txt"});
  }
  if (ranks < 2) {
    problems.push_back(
        {.file = path, .message = "fewer than two lines '# Rank' (they tell the number of ranks) keep the head"});
  }
  if (samples.empty() && problems.empty()) problems.push_back({.file = path, .message = "has no measured sizes"});
  if (!problems.empty()) throw InputError(problems);
  for (LinkSample& sample : samples) {
    sample.kind = *kind;
    sample.ranks = ranks;
  }
  return samples;
}

std::vector<LinkSample> read_collectives(const std::string& path) {
  return is_nccl_tests(path) ? read_nccl_tests(path) : read_link_samples(path);
}

}  // namespace moesim
