#pragma once

#include <string>

#include "moesim/explain/explain.hpp"
#include "moesim/report/prediction_report.hpp"
#include "moesim/report/run_info.hpp"

namespace moesim {

/// One variant explained, under the name that `predict` gives it.
struct ExplainReport {
  std::string name;
  Setting setting;
  Explanation explanation;
};

/// Sentences first, then the tables that they come from:
///
///     resource               now          1 % better  twice       a hundred times
///     NIC bandwidth          12.5 GB/s    0.84 %      1.93 s  42.1 %   620 ms  81.3 %
[[nodiscard]] std::string to_table(const ExplainReport& report, const RunInfo& run, const TextStyle& style);
/// {"scenario", "step_time_s", "critical_path": [...], "links": [...], "resources": [...], "elasticity_sum",
/// "removals": [...], "sentences": [...]}
[[nodiscard]] std::string to_json(const ExplainReport& report, const RunInfo& run);
/// One row a resource.
[[nodiscard]] std::string to_csv(const ExplainReport& report, const RunInfo& run);

}  // namespace moesim
