#include "figure/trace_events.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <tuple>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

namespace moesim::figure {
namespace {

constexpr double kSecond = 1e-6;  // traces count microseconds

std::optional<double> time_of(const Json& event, const char* key) {
  const auto found = event.find(key);
  if (found == event.end() || !found->is_number()) return std::nullopt;
  return found->get<double>() * kSecond;
}

std::string word_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> count_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

/// Events that the figures do not use (flows; what other programs write) are passed over.
void add_event(Trace& trace, const Json& event) {
  const std::string phase = word_of(event, "ph");
  const std::optional<std::int64_t> rank = count_of(event, "pid");
  if (!rank || !event.is_object()) return;
  const std::int64_t stream = count_of(event, "tid").value_or(0);
  const Json arguments = event.value("args", Json::object());
  const std::string name = word_of(event, "name");
  if (phase == "M") {
    if (name == "process_name") trace.ranks[*rank] = word_of(arguments, "name");
    if (name == "thread_name") trace.streams[{*rank, stream}] = word_of(arguments, "name");
    return;
  }
  const std::optional<double> begin = time_of(event, "ts");
  if (!begin) return;
  if (phase == "C") {
    const auto value = arguments.is_object() ? arguments.find("utilization") : arguments.end();
    if (value == arguments.end() || !value->is_number()) return;
    trace.links[name].emplace_back(*begin, value->get<double>());
    trace.end = std::max(trace.end, *begin);
  } else if (phase == "X") {
    const double end = *begin + std::max(0.0, time_of(event, "dur").value_or(0));
    trace.end = std::max(trace.end, end);
    trace.spans.push_back({.rank = *rank,
                           .stream = stream,
                           .name = name,
                           .kind = word_of(event, "cat"),
                           .begin = *begin,
                           .end = end,
                           .layer = count_of(arguments, "layer"),
                           .micro_batch = count_of(arguments, "micro_batch")});
  } else if (phase == "e") {
    trace.end = std::max(trace.end, *begin);
  }
}

double moment_of(const std::string& text, const std::string& key, std::vector<Diagnostic>& problems) {
  if (const auto time = parse_quantity<Seconds>(text)) return time->value;
  problems.push_back({.key = fmt::format("--where {}={}", key, text),
                      .message = fmt::format("is no time (a number and one of: {})", quantity_units<Seconds>())});
  return 0;
}

}  // namespace

bool is_trace(const ResultFile& file) { return file.json.find(R"("traceEvents")") != std::string::npos; }

bool has_spans(const ResultFile& file) {
  return file.json.find(R"("ph":"X")") != std::string::npos || file.json.find(R"("ph": "X")") != std::string::npos;
}

Trace read_trace(const ResultFile& file) {
  Trace trace;
  // A step of a few hundred ranks has a million events. Each is read as soon as it ends and never becomes part of the
  // tree. Depth 0: the object; 1: its array of events; 2: an event.
  bool events = false;
  const auto take = [&](int depth, Json::parse_event_t what, Json& parsed) {
    if (what == Json::parse_event_t::key && depth == 1) events = parsed == "traceEvents";
    if (what != Json::parse_event_t::object_end || depth != 2 || !events) return true;
    add_event(trace, parsed);
    return false;
  };
  const Json rest = Json::parse(file.json, take, false);
  if (!rest.is_object() || !rest.contains("traceEvents")) {
    throw InputError({{.file = file.name, .message = "is no Chrome trace (--engine flow --trace FILE writes one)"}});
  }
  if (rest.contains("otherData")) trace.provenance = rest["otherData"];
  if (trace.end <= 0) throw InputError({{.file = file.name, .message = "is a trace in which nothing happens"}});
  std::ranges::stable_sort(trace.spans, {},
                           [](const TraceSpan& span) { return std::tie(span.rank, span.stream, span.begin); });
  for (auto& [name, counter] : trace.links) {
    std::ranges::stable_sort(counter, {}, [](const auto& point) { return point.first; });
  }
  return trace;
}

TraceWindow trace_window(const Trace& trace, const ResultFile& file, const FigureOptions& options) {
  TraceWindow window{.ranks = {}, .streams = {}, .links = {}, .to = trace.end};
  std::vector<Diagnostic> problems;
  for (const auto& [key, text] : options.where) {
    if (key == "from") {
      window.from = moment_of(text, key, problems);
    } else if (key == "to") {
      window.to = moment_of(text, key, problems);
    } else if (key == "stream") {
      window.streams.push_back(text);
    } else if (key == "link") {
      window.links.push_back(text);
    } else if (key == "rank") {
      std::int64_t rank = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rank);
      if (error != std::errc{} || end != text.data() + text.size() || !trace.ranks.contains(rank)) {
        problems.push_back({.file = file.name,
                            .key = fmt::format("--where rank={}", text),
                            .message = "is no rank of the trace (whole numbers from 0)"});
      }
      window.ranks.insert(rank);
    } else {
      problems.push_back({.key = fmt::format("--where {}={}", key, text),
                          .message = "is nothing that a trace is cut by (one of: rank, stream, link, from, to)"});
    }
  }
  if (problems.empty() && !(window.from >= 0 && window.from < window.to)) {
    problems.push_back({.file = file.name,
                        .key = fmt::format("--where from={}, to={}", format_quantity(Seconds{window.from}),
                                           format_quantity(Seconds{window.to})),
                        .message = "is an empty window (from must be before to)"});
  }
  if (problems.empty() && window.from >= trace.end) {
    problems.push_back(
        {.file = file.name,
         .key = fmt::format("--where from={}", format_quantity(Seconds{window.from})),
         .message = fmt::format("is behind the end of the trace ({})", format_quantity(Seconds{trace.end}))});
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  window.to = std::min(window.to, trace.end);
  return window;
}

bool is_wanted(const std::string& name, const std::vector<std::string>& asked) {
  return asked.empty() ||
         std::ranges::any_of(asked, [&](const std::string& part) { return name.find(part) != std::string::npos; });
}

}  // namespace moesim::figure
