#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cost/collectives.hpp"

namespace moesim {

/// A transfer in time: from the first byte that moves to the last one that arrives.
struct FlowSpan {
  RankId from;
  RankId to;
  Bytes bytes;
  Seconds begin;
  Seconds end;
  std::string_view name = {};  ///< of the operator that it belongs to
};

/// One collective, executed as flows that share the links.
struct CollectiveRun {
  Seconds time;
  std::size_t transfers = 0;    ///< that the collective consists of
  std::size_t folded = 0;       ///< of these, equal ones that were computed together; exact
  std::vector<FlowSpan> flows;  ///< phase after phase; empty unless asked for
};

enum class FlowDetail { none, spans };

/// Executes one collective alone on the cluster. Phases follow each other, those of an overlapped plan run together;
/// each begins with the start-up of its law, then its transfers share the links by max-min fairness, at the capacities
/// that the law leaves. An ideal model has no start-up: each transfer begins to move data after the sum of its route's
/// latencies.
///
/// Transfers of one size that begin together are folded unless their spans are wanted: no rate is ever below that of
/// the flows on the busiest link, which stays full to the end, so the last byte arrives when the busiest link is done.
/// @pre the plan was made with PlanDetail::transfers
[[nodiscard]] CollectiveRun run_collective(const CollectiveModel& model, const CollectivePlan& plan,
                                           Bytes bytes_per_rank, FlowDetail detail = FlowDetail::none);

/// The same as an estimate: the flow engine's time with the interval of the closed form.
/// Laws (checked): time >= bound of the links.
[[nodiscard]] CollectiveEstimate estimate_by_flows(const CollectiveModel& model, const CollectivePlan& plan,
                                                   Bytes bytes_per_rank, CollectiveRun& run);

}  // namespace moesim
