#pragma once

#include <string>
#include <vector>

#include "moesim/cost/collectives.hpp"
#include "moesim/report/run_info.hpp"
#include "moesim/sim/timeline.hpp"

namespace moesim {

/// Timelines one after the other (prefill, then a decode step) as Chrome trace events, which Perfetto and
/// chrome://tracing open: pid = rank, tid = stream, operators as complete events; flows as asynchronous events of their
/// sender; one more process with a counter per link, its utilisation in 500 intervals. Times in microseconds.
///
///     {"name":"experts.up","cat":"experts","ph":"X","pid":3,"tid":0,"ts":812.4,"dur":96.1,"args":{"layer":2,...}}
[[nodiscard]] std::string to_chrome_trace(const std::vector<Timeline>& timelines, const CollectiveModel& model,
                                          const RunInfo& run);

}  // namespace moesim
