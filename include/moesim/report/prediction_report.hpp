#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "moesim/analytic/kernel_uses.hpp"
#include "moesim/analytic/predict.hpp"
#include "moesim/cluster/device.hpp"
#include "moesim/model/parallelism.hpp"
#include "moesim/model/routing.hpp"
#include "moesim/report/run_info.hpp"
#include "moesim/scenario/scenario.hpp"
#include "moesim/sim/timeline.hpp"

namespace moesim {

/// What was predicted, in the words of the scenario, so that a result can be read without its input files.
struct Setting {
  std::string model;
  std::string cluster;
  std::string device;
  std::string framework;
  Parallelism parallelism;
  std::variant<TrainingWorkload, InferenceWorkload> workload;
};
[[nodiscard]] Setting describe(const Scenario& scenario);

/// Use of the links over one timeline, in equal intervals.
struct LinkUse {
  Seconds interval;
  std::vector<std::string> links;                ///< those that carry something
  std::vector<std::vector<double>> utilization;  ///< [link][interval], as a share of the capacity
};
[[nodiscard]] LinkUse link_use(const Timeline& timeline, const CollectiveModel& model);

/// What the flow engine says beyond a prediction: how the mean rank's compute stream spends the step, and what the
/// answer cost.
struct FlowSummary {
  RankTime mean_rank;            ///< `ranks`: all of them
  std::vector<RankTime> stages;  ///< means of the ranks of each pipeline stage
  std::size_t lanes = 0;         ///< ranks that were simulated; fewer than there are when some were folded
  std::size_t events = 0;
  std::size_t flows_simulated = 0;
  std::size_t flows_folded = 0;
  std::size_t flows_reused = 0;
  std::vector<std::string> notes;
  std::vector<LinkUse> link_use = {};  ///< by timeline; empty unless recorded
};
/// @param times how often each timeline takes place in the step: 1, or 1 and the number of decode steps
[[nodiscard]] FlowSummary summarize(const std::vector<Timeline>& timelines, const std::vector<double>& times);

/// What the step is made of; JSON only, nothing else has room for it.
struct CaseDetail {
  Device device;                              ///< its roofs
  std::vector<KernelUse> kernels;             ///< of one GPU
  std::optional<RoutingResult> routing = {};  ///< of the first MoE layer and micro-batch; absent without MoE layers
  std::size_t routings = 1;                   ///< different ones in the step
};
[[nodiscard]] CaseDetail case_detail(const Scenario& scenario);

/// One prediction with its name among the others and, beside a baseline, its speed-up.
struct ReportedCase {
  std::string name;
  Setting setting;
  Prediction prediction;
  std::optional<Speedup> speedup;
  std::optional<FlowSummary> flow = std::nullopt;
  std::optional<CaseDetail> detail = std::nullopt;
};

/// Predictions side by side. `compare` has a baseline; `predict` has one case and none.
struct PredictionReport {
  std::vector<ReportedCase> cases;
  std::optional<std::string> baseline;  ///< name of a case
};

/// For people, 100 columns wide; what all cases share is said once:
///
///     paper_training: one training step, analytic engine
///     ...
///                                       fine_grained                      bigmac
///     step time                               2.59 s  2.21 - 3.04 s       712 ms  610 - 830 ms
///     speed-up                              baseline                      3.64 x  3.31 - 4.02
///     ...
///     WHERE THE TIME GOES
///     attention                             12.34 ms   0.5 %              12.34 ms   1.7 %
///     dispatch                            1191.70 ms  45.9 % #########    310.22 ms  43.6 % ########
///
/// Numbers stand right-aligned under the name of their case, with the 90 % interval or the share of the step beside
/// them.
/// @pre at least one case, all of one mode
[[nodiscard]] std::string to_table(const PredictionReport& report, const RunInfo& run, const TextStyle& style);

/// One object (predict), or {"baseline", "variants": [...]} (compare); SI units, the suffix of a key names the unit.
[[nodiscard]] std::string to_json(const PredictionReport& report, const RunInfo& run);

/// One row a case; columns have the names of the JSON keys, [lo, hi] pairs become two columns ..._lo and ..._hi, lists
/// of named numbers one column each (breakdown_attention_s, memory_weights_B). Every kind of work has its column, used
/// or not.
[[nodiscard]] std::string to_csv(const PredictionReport& report, const RunInfo& run);

}  // namespace moesim
