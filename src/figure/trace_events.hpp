#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "figure/parts.hpp"

// What the figures read from a Chrome trace, as `--engine flow --trace FILE` writes it. Times in seconds.
namespace moesim::figure {

/// An operator on a stream of a rank.
struct TraceSpan {
  std::int64_t rank = 0;
  std::int64_t stream = 0;
  std::string name;
  std::string kind;
  double begin = 0;
  double end = 0;
  std::optional<std::int64_t> layer = {};
  std::optional<std::int64_t> micro_batch = {};
};

/// A counter: it keeps each value until the next time.
using TraceCounter = std::vector<std::pair<double, double>>;  ///< (time, value), times ascending

struct Trace {
  std::vector<TraceSpan> spans;  ///< by rank, stream, time
  std::map<std::int64_t, std::string> ranks;
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> streams;
  std::map<std::string, TraceCounter> links;  ///< utilisation, 1: full
  double end = 0;                             ///< of the last event
  Json provenance;                            ///< version, command; null when the trace says nothing
};

[[nodiscard]] bool is_trace(const ResultFile& file);
[[nodiscard]] bool has_spans(const ResultFile& file);
/// @throws InputError when the file is no trace
[[nodiscard]] Trace read_trace(const ResultFile& file);

/// What of a trace is drawn: `--where rank=3`, `stream=compute`, `link=nic`, `from=1.2s`, `to=1.4s`; an option given
/// twice takes both.
struct TraceWindow {
  std::set<std::int64_t> ranks;      ///< empty: the figure chooses
  std::vector<std::string> streams;  ///< parts of their names; empty: all
  std::vector<std::string> links;    ///< parts of their names; empty: the figure chooses
  double from = 0;
  double to = 0;
};
/// @throws InputError about conditions that a trace does not know, and about windows in which nothing can be seen
[[nodiscard]] TraceWindow trace_window(const Trace& trace, const ResultFile& file, const FigureOptions& options);

/// Is the text part of a name, or does nobody ask?
[[nodiscard]] bool is_wanted(const std::string& name, const std::vector<std::string>& asked);

}  // namespace moesim::figure
