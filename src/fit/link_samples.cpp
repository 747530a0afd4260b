#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <fstream>
#include <optional>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"
#include "moesim/fit/fit_links.hpp"

namespace moesim {
namespace {

/// Fields of a CSV line; commas inside double quotes belong to the field.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

std::optional<CollectiveKind> kind_named(const std::string& name) {
  if (name == "alltoall") return CollectiveKind::all_to_all;  // nccl-tests' names
  if (name == "sendrecv") return CollectiveKind::send_recv;
  for (const NamedCollective& one : kCollectives) {
    if (one.name == name) return one.kind;
  }
  return std::nullopt;
}

}  // namespace

std::vector<LinkSample> read_link_samples(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw MachineError(fmt::format("{}: cannot be read", path));
  std::vector<Diagnostic> problems;
  const auto complain = [&](int at_line, const std::string& key, const std::string& message) {
    problems.push_back({.file = path, .line = at_line, .column = 0, .key = key, .message = message});
  };
  std::string text;
  int line = 1;
  while (std::getline(file, text) && text.starts_with('#')) ++line;
  const std::vector<std::string> header = split(text);
  const auto column = [&](std::string_view name) {
    return static_cast<std::size_t>(std::distance(header.begin(), std::ranges::find(header, name)));
  };
  const std::size_t kind_at = column("collective");
  const std::size_t ranks_at = column("ranks");
  const std::size_t nodes_at = column("nodes");
  const std::size_t per_node_at = column("gpus_per_node");
  const bool by_node = ranks_at >= header.size() && nodes_at < header.size() && per_node_at < header.size();
  const std::size_t bytes_at = column("bytes_per_rank") < header.size() ? column("bytes_per_rank") : column("bytes");
  const bool microseconds = column("time_us") < header.size();
  const std::size_t time_at = microseconds ? column("time_us") : column("time_s");
  // moesim-bench's: only flat exchanges of equal blocks are what the law is fitted to.
  const std::size_t algorithm_at = column("algorithm");
  const std::size_t distribution_at = column("distribution");
  for (const auto& [at, name] :
       {std::pair(kind_at, "collective"), std::pair(by_node ? nodes_at : ranks_at, "ranks, or nodes and gpus_per_node"),
        std::pair(bytes_at, "bytes_per_rank or bytes"), std::pair(time_at, "time_us or time_s")}) {
    if (at >= header.size()) complain(line, name, "column is missing (a link sample needs it)");
  }
  if (!problems.empty()) throw InputError(problems);

  std::vector<LinkSample> samples;
  while (std::getline(file, text)) {
    ++line;
    if (text.empty() || text.starts_with('#')) continue;
    const std::vector<std::string> fields = split(text);
    if (fields.size() < header.size()) {
      complain(line, "", fmt::format("{} fields where the header has {}", fields.size(), header.size()));
      continue;
    }
    if (algorithm_at < header.size() && fields[algorithm_at] != "flat") continue;
    if (distribution_at < header.size() && fields[distribution_at] != "even") continue;
    if (distribution_at < header.size() && fields[ranks_at] == "1") continue;  // a rank with itself
    const auto kind = kind_named(fields[kind_at]);
    std::optional<double> ranks = finite_number(fields[by_node ? nodes_at : ranks_at]);
    const std::optional<double> per_node = by_node ? finite_number(fields[per_node_at]) : 1;
    ranks = ranks && per_node ? std::optional(*ranks * *per_node) : std::nullopt;
    const auto bytes = finite_number(fields[bytes_at]);
    const auto time = finite_number(fields[time_at]);
    if (!kind)
      complain(line, "collective", fmt::format("{} is not a collective (all_to_all, all_gather ...)", fields[kind_at]));
    if (!ranks || *ranks < 2 || *ranks > 1e6 || *ranks != std::floor(*ranks))
      complain(line, "ranks", "must be a whole number, 2 or more");
    if (!bytes || *bytes <= 0) complain(line, "bytes_per_rank", "must be a positive number");
    if (!time || *time <= 0) complain(line, microseconds ? "time_us" : "time_s", "must be a positive number");
    if (problems.empty()) {
      samples.push_back({.kind = *kind,
                         .ranks = static_cast<int>(*ranks),
                         .bytes = *bytes,
                         .seconds = *time * (microseconds ? 1e-6 : 1),
                         .groups = {}});
    }
  }
  if (!problems.empty()) throw InputError(problems);
  return samples;
}

}  // namespace moesim
