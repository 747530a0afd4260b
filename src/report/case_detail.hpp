#pragma once

#include <nlohmann/json.hpp>

#include "moesim/report/prediction_report.hpp"

namespace moesim {

/// Keys "roofs", "kernels" and "expert_load" of a case:
///
///     "roofs": {"device", "memory_bandwidth_Bps", "matrix": [{"dtype", "peak_FLOPS"}...]},
///     "kernels": [{"name", "kind", "dtype", "count", "time_s", "flops", "bytes", "bound", "fitted"}...],
///     "expert_load": {"imbalance", "dropped_fraction", "routings", "ranks": [{"rank", "rows", "expert_rows": []}...]}
///
/// Times, FLOPs and bytes of a kernel are those of one execution; a product's dtype is null when it only moves bytes.
[[nodiscard]] nlohmann::ordered_json detail_json(const CaseDetail& detail);

}  // namespace moesim
