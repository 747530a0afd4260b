#pragma once

#include <optional>
#include <string>
#include <vector>

#include "moesim/base/estimate.hpp"
#include "moesim/graph/memory.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Share of the step on the critical path that one kind of work takes. The entries of a prediction add up to its step
/// time.
struct BreakdownEntry {
  WorkKind kind;
  Seconds time;
};

struct InferenceTimes {
  Estimate prefill;                    ///< time to the first token
  Estimate decode_token;               ///< one decode step at the mean context length
  double throughput_tokens_per_s = 0;  ///< generated tokens (scoring: prompt tokens) of all sequences per second
};

/// The link that is used most over the step.
struct BusiestLink {
  std::string name;
  double utilization = 0;  ///< bytes over the step / (capacity x step time)
};

/// Part of the step's uncertainty that one fitted law causes (90 % half-width). Terms of different laws are
/// independent.
struct ErrorTerm {
  std::string law;
  Seconds deviation;
};

struct Prediction {
  std::string scenario;
  std::string variant;
  Mode mode = Mode::training;
  Estimate step_time;
  double tokens_per_s = 0;
  double tflops_per_gpu = 0;    ///< model FLOPs (no padding, no recompute) per second and GPU
  double mfu = 0;               ///< of the matrix peak of the activation type
  double all_to_all_share = 0;  ///< dispatch + combine on the critical path / step time
  Seconds all_to_all;           ///< the same, as a time
  Seconds exposed_communication;
  std::vector<BreakdownEntry> breakdown;
  MemoryPlan memory;
  std::optional<BusiestLink> busiest_link;
  std::vector<double> link_bytes = {};  ///< over each link in the step, by LinkId; empty: nothing leaves a rank
  std::optional<InferenceTimes> inference = {};
  double parameters = 0;
  Flops flops;                    ///< of the model, per step, all ranks
  Bytes all_to_all_bytes;         ///< that leave their rank, per step, all ranks
  std::vector<ErrorTerm> errors;  ///< largest first; step_time.spread is their quadrature sum
  std::vector<std::string>
      assumptions;  ///< of the scenario, and what the prediction itself had to assume (extrapolated, transferred ...)
  std::vector<std::string> calibration;  ///< provenance of every law that was used, one line each
};

/// Closed form: every operator takes the time of its slowest rank, streams run side by side, contention only inside a
/// collective. Law (checked): the step is no shorter than the busiest link needs, nor than the FLOPs at peak.
[[nodiscard]] Prediction predict(const Scenario& scenario);

/// How much faster `other` is than the baseline. The interval takes into account that an error of a law that both use
/// partly cancels: var ln(T1/T2) = sum over laws of (deviation1/T1 - deviation2/T2)^2.
struct Speedup {
  double value = 1;
  double lo = 1;
  double hi = 1;
};
[[nodiscard]] Speedup speedup(const Prediction& baseline, const Prediction& other);

}  // namespace moesim
