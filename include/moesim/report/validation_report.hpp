#pragma once

#include <optional>
#include <string>
#include <vector>

#include "moesim/base/estimate.hpp"
#include "moesim/report/run_info.hpp"

namespace moesim {

/// One measured time beside its prediction.
struct ValidationCase {
  std::string trace;  ///< file, without folder and ending
  std::string name;
  std::string part;
  Seconds measured;
  Estimate predicted;
  double tolerance = 0.1;  ///< of |predicted / measured - 1|
  std::optional<int> baseline =
      std::nullopt;  ///< case that a ratio is taken to: time of the baseline : time of this one
  double ratio_tolerance = 0.05;

  [[nodiscard]] double error() const { return predicted.time / measured - 1; }
  [[nodiscard]] bool within() const;
  [[nodiscard]] bool in_interval() const;
};

/// Of a group of cases: all, one trace, one part.
struct ValidationSummary {
  std::string group;
  int cases = 0;
  int within = 0;                       ///< tolerance
  std::optional<int> in_interval = {};  ///< of the prediction; ratios have none
  double median = 0;                    ///< of |error|
  double p90 = 0;
  double bias = 0;  ///< median error
};

struct ValidationReport {
  std::vector<ValidationCase> cases;

  /// Predicted ratio : measured ratio - 1, of a case with a baseline.
  [[nodiscard]] std::optional<double> ratio_error(const ValidationCase& one) const;
  [[nodiscard]] bool all_within() const;
  [[nodiscard]] std::vector<ValidationSummary> summaries() const;
};

[[nodiscard]] std::string to_table(const ValidationReport& report, const RunInfo& run, const TextStyle& style);
/// {"cases": [...], "summary": [...], "within_tolerance": bool, "provenance"}
[[nodiscard]] std::string to_json(const ValidationReport& report, const RunInfo& run);
/// One row a case.
[[nodiscard]] std::string to_csv(const ValidationReport& report, const RunInfo& run);

}  // namespace moesim
