#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

#include "figure/trace_events.hpp"
#include "figure/work_parts.hpp"

namespace moesim::figure {
namespace {

constexpr std::size_t kMostRanks = 8;  // chosen by the figure
constexpr std::size_t kMostRows = 40;  // asked for
constexpr std::size_t kMostBlocks = 1500;
constexpr int kFinest = 720;  // pixels of the time axis

/// One bar: an operator, or a run of operators too short to be seen one by one.
struct Block {
  double begin = 0;
  double end = 0;
  std::size_t part = 0;
  const TraceSpan* first = nullptr;
  std::size_t spans = 1;
  std::array<double, kWorkParts.size()> busy{};  ///< by part [s]
};

struct Row {
  std::int64_t rank = 0;
  std::int64_t stream = 0;
  std::string name;
  std::vector<const TraceSpan*> spans;
};

/// Ranks that do the same at the same time, to a thousandth of the step: as many numbers as tell them apart.
using Pace = std::array<std::int64_t, 4>;

std::map<std::int64_t, Pace> paces(const Trace& trace) {
  std::map<std::int64_t, Pace> all;
  std::map<std::int64_t, std::array<double, 4>> times;
  for (const TraceSpan& span : trace.spans) {
    auto& of = times.try_emplace(span.rank, std::array<double, 4>{0, 0, span.begin, span.end}).first->second;
    of[span.stream == 0 ? 0 : 1] += span.end - span.begin;
    of[2] = std::min(of[2], span.begin);
    of[3] = std::max(of[3], span.end);
  }
  for (const auto& [rank, of] : times) {
    for (std::size_t i = 0; i < of.size(); ++i) all[rank][i] = std::llround(1000 * of.at(i) / trace.end);
  }
  return all;
}

/// Ranks worth seeing, and what they stand for: one of each pace; where there are too many, the slowest and the
/// fastest at computing, between which all others lie.
std::vector<std::int64_t> chosen_ranks(const Trace& trace, std::string& why) {
  const std::map<std::int64_t, Pace> all = paces(trace);
  std::map<Pace, std::int64_t> first;
  for (const auto& [rank, pace] : all) first.try_emplace(pace, rank);
  std::vector<std::int64_t> ranks;
  if (first.size() <= kMostRanks) {
    for (const auto& [pace, rank] : first) ranks.push_back(rank);
    why = "every other one keeps pace with one of them to a thousandth of the step";
  } else {
    const auto by_computing = [](const auto& a, const auto& b) { return a.second[0] < b.second[0]; };
    const auto [least, most] = std::minmax_element(all.begin(), all.end(), by_computing);
    ranks = {most->first, least->first};
    why = fmt::format("rank {} computes longest of all, rank {} shortest", most->first, least->first);
  }
  std::ranges::sort(ranks);
  return ranks;
}

std::string row_name(const Trace& trace, std::int64_t rank, std::int64_t stream) {
  const auto named = trace.streams.find({rank, stream});
  return fmt::format("rank {} · {}", rank,
                     named == trace.streams.end() ? fmt::format("stream {}", stream) : named->second);
}

std::vector<Row> rows_of(const Trace& trace, const TraceWindow& window, const std::vector<std::int64_t>& ranks) {
  std::vector<Row> rows;
  for (const TraceSpan& span : trace.spans) {
    if (span.end <= window.from || span.begin >= window.to || span.end <= span.begin) continue;
    if (!std::ranges::binary_search(ranks, span.rank)) continue;
    if (rows.empty() || rows.back().rank != span.rank || rows.back().stream != span.stream) {
      std::string name = row_name(trace, span.rank, span.stream);
      if (!is_wanted(name, window.streams)) continue;
      rows.push_back({.rank = span.rank, .stream = span.stream, .name = std::move(name), .spans = {}});
    }
    rows.back().spans.push_back(&span);
  }
  return rows;
}

/// Spans of a row as bars: those of at least `shortest` one by one; shorter ones joined, as far as they follow each
/// other without a gap of that length, into bars about so long in the colour of the part that takes most of it.
std::vector<Block> blocks_of(const Row& row, const TraceWindow& window, double shortest) {
  std::vector<Block> blocks;
  bool open = false;  // the last block takes in more
  for (const TraceSpan* span : row.spans) {
    const double begin = std::max(span->begin, window.from);
    const double end = std::min(span->end, window.to);
    const std::size_t part = part_of(span->kind);
    const bool seen = end - begin >= shortest;
    if (open && !seen && begin - blocks.back().end < shortest && begin - blocks.back().begin < shortest) {
      Block& last = blocks.back();
      last.end = std::max(last.end, end);
      last.busy.at(part) += end - begin;
      ++last.spans;
      last.part = static_cast<std::size_t>(std::ranges::max_element(last.busy) - last.busy.begin());
      continue;
    }
    blocks.push_back({.begin = begin, .end = end, .part = part, .first = span});
    blocks.back().busy.at(part) = end - begin;
    open = !seen;
  }
  return blocks;
}

std::vector<std::vector<Block>> all_blocks(const std::vector<Row>& rows, const TraceWindow& window, double& shortest) {
  for (shortest = (window.to - window.from) / kFinest;; shortest *= 1.5) {
    std::vector<std::vector<Block>> all;
    std::size_t count = 0;
    for (const Row& row : rows) {
      all.push_back(blocks_of(row, window, shortest));
      count += all.back().size();
    }
    if (count <= kMostBlocks || shortest > (window.to - window.from) / 10) return all;
  }
}

Json bar_of(const Block& block, const Row& row, const TraceWindow& window, const Unit& unit) {
  const TraceSpan& first = *block.first;
  std::string what = first.name;
  if (block.spans > 1) what = fmt::format("{} operators from {}", block.spans, first.name);
  if (first.layer) what += fmt::format(", layer {}", *first.layer);
  if (first.micro_batch) what += fmt::format(", micro-batch {}", *first.micro_batch);
  const auto rounded = [&](double time) {  // a tenth of a pixel: shorter files
    const double grain = (window.to - window.from) / unit.size / (10 * kFinest);
    const double power = std::pow(10.0, std::floor(std::log10(grain)));
    return std::round(time / unit.size / power) * power;
  };
  return {{"row", row.name},
          {"begin", std::stod(fmt::format("{:.9g}", rounded(block.begin)))},
          {"end", std::stod(fmt::format("{:.9g}", rounded(block.end)))},
          {"part", kWorkParts.at(block.part).name},
          {"what", std::move(what)},
          {"takes", format_quantity(Seconds{block.end - block.begin})}};
}

std::vector<std::string> caption_of(const Trace& trace, const std::vector<std::int64_t>& ranks, const std::string& why,
                                    double shortest) {
  const std::map<std::int64_t, Pace> all = paces(trace);
  std::string shown = fmt::format("{} of {} ranks", ranks.size(), all.size());
  if (!why.empty() && ranks.size() < all.size()) shown += fmt::format(" ({})", why);
  return {
      fmt::format("{}. Operators shorter than {} are drawn together, in the colour of what takes longest. A gap "
                  "before a collective: waiting for slower ranks.",
                  shown, format_quantity(Seconds{shortest}))};
}

}  // namespace

Json timeline_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const Trace trace = read_trace(result);
  const TraceWindow window = trace_window(trace, result, options);
  std::string why;
  std::vector<std::int64_t> ranks(window.ranks.begin(), window.ranks.end());
  if (ranks.empty()) ranks = chosen_ranks(trace, why);
  const std::vector<Row> rows = rows_of(trace, window, ranks);
  if (rows.empty()) {
    throw InputError(
        {{.file = result.name, .message = "has no operator in this window (--figure links draws traces of flows)"}});
  }
  if (rows.size() > kMostRows) {
    throw InputError({{.file = result.name,
                       .key = "--where rank",
                       .message = fmt::format("gives {} rows (at most {} can be read) name fewer ranks, or a stream",
                                              rows.size(), kMostRows)}});
  }
  double shortest = 0;
  const std::vector<std::vector<Block>> blocks = all_blocks(rows, window, shortest);
  const Unit unit = time_unit(window.to);
  Json values = Json::array();
  Json names = Json::array();
  std::set<std::size_t> parts;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    names.push_back(rows[r].name);
    for (const Block& block : blocks[r]) {
      parts.insert(block.part);
      values.push_back(bar_of(block, rows[r], window, unit));
    }
  }
  std::vector<std::string> caption = caption_of(trace, ranks, why, shortest);
  caption.push_back(source_of({{"provenance", trace.provenance}}, result.name, run));
  Json figure =
      frame(options.title.empty() ? "Timeline of ranks and their streams" : options.title, caption_lines(caption));
  figure["width"] = kFinest;
  figure["height"] = {{"step", 20}};
  figure["data"] = {{"values", std::move(values)}};
  figure["params"] = Json::array({zoom_over_time()});
  figure["mark"] = {{"type", "bar"}, {"height", 14}, {"clip", true}, {"aria", false}};
  figure["encoding"] = {
      {"y", lane_axis("row", std::move(names))},
      {"x", time_axis("begin", window.from / unit.size, window.to / unit.size, unit)},
      {"x2", {{"field", "end"}}},
      {"color",
       {{"field", "part"},
        {"type", "nominal"},
        {"title", nullptr},
        {"scale", part_colors(parts)},
        {"legend", {{"orient", "bottom"}, {"columns", 3}}}}},
      {"tooltip",
       {{{"field", "what"}, {"type", "nominal"}},
        {{"field", "part"}, {"type", "nominal"}},
        {{"field", "begin"}, {"type", "quantitative"}, {"title", fmt::format("begin [{}]", unit.name)}},
        {{"field", "takes"}, {"type", "nominal"}}}}};
  return figure;
}

}  // namespace moesim::figure
