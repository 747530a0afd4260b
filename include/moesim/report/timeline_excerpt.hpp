#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "moesim/model/parallelism.hpp"
#include "moesim/sim/timeline.hpp"

namespace moesim {

struct ExcerptLimits {
  std::size_t most_stages = 4;
  std::size_t most_spans = 6000;  ///< of all rows together
};

/// One stream of one rank.
struct ExcerptRow {
  RankId rank;
  int ranks = 1;  ///< that do the same at the same time
  int stage = 0;  ///< of the pipeline
  Stream stream = Stream::compute;
};

/// A span in a row; `span` is as in the timeline.
struct ExcerptSpan {
  std::size_t row = 0;
  OpSpan span;
};

/// As much of a timeline as a page can hold: of each pipeline stage one rank, the one that computes longest; of many
/// stages the first, the last and some between; of a long step its beginning and its end.
struct TimelineExcerpt {
  std::string name;  ///< "training step", "prefill", "decode step"
  Seconds makespan;
  std::vector<ExcerptRow> rows;
  std::vector<ExcerptSpan> spans;  ///< by time of beginning
  Seconds gap_begin;               ///< nothing is shown between these two; equal: all is shown
  Seconds gap_end;
  std::vector<std::string> notes;  ///< what is left out
};

/// @pre the timeline was recorded
[[nodiscard]] TimelineExcerpt excerpt_of(const Timeline& timeline, const Parallelism& parallelism, std::string name,
                                         const ExcerptLimits& limits = {});

/// {"name", "makespan_s", "rows": [...], "ops": [{"name", "kind"}...], "spans": [[row, op, begin ns, duration ns,
/// layer, micro-batch]...], "gap_s": [begin, end], "notes"}
[[nodiscard]] std::string to_json(const TimelineExcerpt& excerpt);

}  // namespace moesim
