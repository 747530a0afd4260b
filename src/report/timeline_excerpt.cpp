#include "moesim/report/timeline_excerpt.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "report/json_text.hpp"
#include "report/names.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kBeginShare = 0.75;  // of the spans that fit, when a step is too long: the rest shows its end

/// Stages that are shown: all, or the first, the last and some evenly between.
std::vector<int> shown_stages(int stages, std::size_t most) {
  std::vector<int> shown;
  if (static_cast<std::size_t>(stages) <= most) {
    for (int stage = 0; stage < stages; ++stage) shown.push_back(stage);
    return shown;
  }
  for (std::size_t i = 0; i < most; ++i) {
    const double share = most == 1 ? 0 : static_cast<double>(i) / static_cast<double>(most - 1);
    shown.push_back(static_cast<int>(std::lround(share * (stages - 1))));
  }
  return shown;
}

std::vector<RankTime> representatives(const Timeline& timeline, const Parallelism& parallelism, std::size_t most) {
  const int per_stage = parallelism.world_size() / parallelism.pp;
  std::vector<RankTime> chosen;
  for (const int stage : shown_stages(parallelism.pp, most)) {
    const RankTime* longest = nullptr;
    for (const RankTime& rank : timeline.ranks) {
      if (static_cast<int>(rank.first.index()) / per_stage != stage) continue;
      if (longest == nullptr || rank.computing > longest->computing) longest = &rank;
    }
    MOESIM_EXPECTS(longest != nullptr);
    chosen.push_back(*longest);
  }
  return chosen;
}

/// Keeps the first and the last spans, and notes what is between.
void cut(TimelineExcerpt& excerpt, std::size_t most) {
  const std::size_t all = excerpt.spans.size();
  if (all <= most) return;
  const auto first = static_cast<std::size_t>(kBeginShare * static_cast<double>(most));
  const std::size_t last = all - (most - first);
  const auto at = [&](std::size_t index) { return excerpt.spans.begin() + static_cast<std::ptrdiff_t>(index); };
  for (auto span = at(0); span != at(first); ++span) excerpt.gap_begin = std::max(excerpt.gap_begin, span->span.end);
  excerpt.gap_end = at(last)->span.begin;
  excerpt.spans.erase(at(first), at(last));
  excerpt.gap_begin = std::min(excerpt.gap_begin, excerpt.gap_end);
  excerpt.notes.push_back(
      fmt::format("{} of {} operators are shown, those at the beginning and at the end", most, all));
}

}  // namespace

TimelineExcerpt excerpt_of(const Timeline& timeline, const Parallelism& parallelism, std::string name,
                           const ExcerptLimits& limits) {
  MOESIM_EXPECTS(!timeline.ops.empty() && limits.most_stages > 0);
  TimelineExcerpt excerpt{.name = std::move(name),
                          .makespan = timeline.end,
                          .rows = {},
                          .spans = {},
                          .gap_begin = {},
                          .gap_end = {},
                          .notes = {}};
  const std::vector<RankTime> chosen = representatives(timeline, parallelism, limits.most_stages);
  std::map<std::pair<RankId, Stream>, std::size_t> rows;
  const int per_stage = parallelism.world_size() / parallelism.pp;
  for (const RankTime& rank : chosen) {
    std::set<Stream> used;
    for (const OpSpan& span : timeline.ops) {
      if (span.rank == rank.first) used.insert(span.stream);
    }
    for (const Stream stream : used) {
      rows.emplace(std::pair{rank.first, stream}, excerpt.rows.size());
      excerpt.rows.push_back({.rank = rank.first,
                              .ranks = rank.ranks,
                              .stage = static_cast<int>(rank.first.index()) / per_stage,
                              .stream = stream});
    }
  }
  for (const OpSpan& span : timeline.ops) {
    const auto row = rows.find({span.rank, span.stream});
    if (row != rows.end() && span.end > span.begin) excerpt.spans.push_back({.row = row->second, .span = span});
  }
  std::ranges::stable_sort(excerpt.spans, {}, [](const ExcerptSpan& one) { return one.span.begin; });
  const int world = parallelism.world_size();
  if (static_cast<int>(chosen.size()) < world) {
    excerpt.notes.push_back(parallelism.pp == 1
                                ? fmt::format("1 of {} ranks is shown, {}", world,
                                              chosen.front().ranks == world ? "all do the same at the same time"
                                                                            : "the one whose kernels take longest")
                                : fmt::format("{} of {} ranks are shown, one of each {}pipeline stage", chosen.size(),
                                              world,
                                              static_cast<int>(chosen.size()) < parallelism.pp
                                                  ? fmt::format("of {} of the {} ", chosen.size(), parallelism.pp)
                                                  : ""));
  }
  cut(excerpt, limits.most_spans);
  return excerpt;
}

std::string to_json(const TimelineExcerpt& excerpt) {
  Json rows = Json::array();
  for (const ExcerptRow& row : excerpt.rows) {
    rows.push_back({{"rank", row.rank.value},
                    {"ranks", row.ranks},
                    {"stage", row.stage},
                    {"stream", kStreamNames.at(static_cast<std::size_t>(row.stream))}});
  }
  std::map<std::pair<std::string_view, WorkKind>, std::size_t> known;
  Json ops = Json::array();
  Json spans = Json::array();
  const auto nanoseconds = [](Seconds time) { return std::llround(1e9 * time.value); };
  for (const ExcerptSpan& one : excerpt.spans) {
    const auto [op, is_new] = known.try_emplace({one.span.name, one.span.kind}, ops.size());
    if (is_new) ops.push_back({{"name", one.span.name}, {"kind", work_kind_name(one.span.kind)}});
    const auto begin = nanoseconds(one.span.begin);
    spans.push_back({one.row, op->second, begin, nanoseconds(one.span.end) - begin, std::max(one.span.layer, 0),
                     std::max(one.span.micro_batch, 0)});
  }
  const Json json = {{"name", excerpt.name},
                     {"makespan_s", json_number(excerpt.makespan.value)},
                     {"rows", std::move(rows)},
                     {"ops", std::move(ops)},
                     {"spans", std::move(spans)},
                     {"gap_s", {json_number(excerpt.gap_begin.value), json_number(excerpt.gap_end.value)}},
                     {"notes", excerpt.notes}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace moesim
