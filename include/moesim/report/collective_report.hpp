#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/cost/collectives.hpp"
#include "moesim/report/run_info.hpp"

namespace moesim {

struct NamedLinkLoad {
  std::string link;
  Bytes bytes;
  double utilization = 0;  ///< of the link's capacity over the whole collective
};

/// How many flows stood for the collective, in the flow engine.
struct FlowCounts {
  std::size_t transfers = 0;
  std::size_t folded = 0;  ///< of these, equal ones that were computed together (exact)
};

/// One collective of one size.
struct CollectivePoint {
  Bytes bytes_per_rank;  ///< as nccl-tests counts it; with a matrix, the largest send buffer
  CollectiveEstimate estimate;
  std::vector<NamedLinkLoad> links;  ///< busiest first; empty when nothing leaves a rank
  std::optional<FlowCounts> flows = std::nullopt;
};

struct CollectiveReport {
  CollectiveKind kind = CollectiveKind::all_to_all;
  std::string_view algorithm;  ///< its name; empty: there is no choice
  std::string cluster;
  int ranks = 1;
  bool ideal = false;   ///< capacities and latencies only
  bool matrix = false;  ///< unequal sizes from a file
  std::vector<CollectivePoint> points = {};
};

/// Bandwidths that nccl-tests prints for the same run.
struct Bandwidths {
  BytesPerSecond algorithm;
  BytesPerSecond bus;
};
/// Both are 0 when the collective takes no time (one rank).
[[nodiscard]] Bandwidths bandwidths(CollectiveKind kind, int ranks, Bytes bytes_per_rank, Seconds time);

[[nodiscard]] std::string to_table(const CollectiveReport& report, const RunInfo& run, const TextStyle& style);
/// One object, or an array of them when there are several sizes.
[[nodiscard]] std::string to_json(const CollectiveReport& report, const RunInfo& run);
/// One row a size; the links are left to JSON.
[[nodiscard]] std::string to_csv(const CollectiveReport& report, const RunInfo& run);

}  // namespace moesim
