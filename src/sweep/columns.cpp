#include "moesim/sweep/columns.hpp"

#include <array>
#include <fmt/compile.h>
#include <fmt/format.h>
#include <iterator>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/spelling.hpp"

namespace moesim {
namespace {

template <WorkKind kind>
std::optional<double> spent_on(const Prediction& prediction) {
  double time = 0;
  for (const BreakdownEntry& entry : prediction.breakdown) time += entry.kind == kind ? entry.time.value : 0;
  return time;
}

template <Estimate InferenceTimes::*member>
std::optional<double> inference_time(const Prediction& prediction) {
  return prediction.inference ? std::optional<double>(((*prediction.inference).*member).time.value) : std::nullopt;
}

std::optional<double> throughput(const Prediction& prediction) {
  return prediction.inference ? std::optional<double>(prediction.inference->throughput_tokens_per_s) : std::nullopt;
}

using P = Prediction;
constexpr std::array kColumns = {
    SweepColumn{.name = "step_time_s",
                .of = [](const P& p) { return std::optional(p.step_time.time.value); },
                .of_speedup = nullptr,
                .usual = true},
    SweepColumn{.name = "interval_s_lo",
                .of = [](const P& p) { return std::optional(p.step_time.interval().lo.value); },
                .of_speedup = nullptr,
                .usual = true},
    SweepColumn{.name = "interval_s_hi",
                .of = [](const P& p) { return std::optional(p.step_time.interval().hi.value); },
                .of_speedup = nullptr,
                .usual = true},
    SweepColumn{
        .name = "speedup", .of = nullptr, .of_speedup = [](const Speedup& s) { return s.value; }, .usual = true},
    SweepColumn{.name = "speedup_interval_lo",
                .of = nullptr,
                .of_speedup = [](const Speedup& s) { return s.lo; },
                .usual = true},
    SweepColumn{.name = "speedup_interval_hi",
                .of = nullptr,
                .of_speedup = [](const Speedup& s) { return s.hi; },
                .usual = true},
    SweepColumn{.name = "tokens_per_s",
                .of = [](const P& p) { return std::optional(p.tokens_per_s); },
                .of_speedup = nullptr,
                .usual = true},
    SweepColumn{.name = "tflops_per_gpu",
                .of = [](const P& p) { return std::optional(p.tflops_per_gpu); },
                .of_speedup = nullptr},
    SweepColumn{
        .name = "mfu", .of = [](const P& p) { return std::optional(p.mfu); }, .of_speedup = nullptr, .usual = true},
    SweepColumn{.name = "all_to_all_share",
                .of = [](const P& p) { return std::optional(p.all_to_all_share); },
                .of_speedup = nullptr,
                .usual = true},
    SweepColumn{.name = "all_to_all_s",
                .of = [](const P& p) { return std::optional(p.all_to_all.value); },
                .of_speedup = nullptr},
    SweepColumn{.name = "exposed_communication_s",
                .of = [](const P& p) { return std::optional(p.exposed_communication.value); },
                .of_speedup = nullptr},
    SweepColumn{.name = "prefill_s",
                .of = inference_time<&InferenceTimes::prefill>,
                .of_speedup = nullptr,
                .usual = true,
                .inference_only = true},
    SweepColumn{.name = "decode_token_s",
                .of = inference_time<&InferenceTimes::decode_token>,
                .of_speedup = nullptr,
                .usual = true,
                .inference_only = true},
    SweepColumn{.name = "throughput_tokens_per_s",
                .of = throughput,
                .of_speedup = nullptr,
                .usual = true,
                .inference_only = true},
    SweepColumn{.name = "memory_per_gpu_B",
                .of = [](const P& p) { return std::optional(p.memory.total.value); },
                .of_speedup = nullptr,
                .usual = true},
    SweepColumn{.name = "fits",
                .of = [](const P& p) { return std::optional(p.memory.fits ? 1.0 : 0.0); },
                .of_speedup = nullptr,
                .is_flag = true,
                .usual = true},
    SweepColumn{
        .name = "parameters", .of = [](const P& p) { return std::optional(p.parameters); }, .of_speedup = nullptr},
    SweepColumn{.name = "flops", .of = [](const P& p) { return std::optional(p.flops.value); }, .of_speedup = nullptr},
    SweepColumn{.name = "all_to_all_bytes",
                .of = [](const P& p) { return std::optional(p.all_to_all_bytes.value); },
                .of_speedup = nullptr},
    SweepColumn{.name = "breakdown_attention_s", .of = spent_on<WorkKind::attention>, .of_speedup = nullptr},
    SweepColumn{.name = "breakdown_dispatch_s", .of = spent_on<WorkKind::dispatch>, .of_speedup = nullptr},
    SweepColumn{.name = "breakdown_combine_s", .of = spent_on<WorkKind::combine>, .of_speedup = nullptr},
    SweepColumn{.name = "breakdown_experts_s", .of = spent_on<WorkKind::experts>, .of_speedup = nullptr},
    SweepColumn{
        .name = "breakdown_gradient_reduction_s", .of = spent_on<WorkKind::gradient_reduction>, .of_speedup = nullptr},
    SweepColumn{.name = "breakdown_pipeline_s", .of = spent_on<WorkKind::pipeline>, .of_speedup = nullptr},
    SweepColumn{.name = "breakdown_launch_s", .of = spent_on<WorkKind::launch>, .of_speedup = nullptr},
};

}  // namespace

std::span<const SweepColumn> sweep_columns() { return kColumns; }

std::vector<const SweepColumn*> choose_columns(const SweepFile& sweep, bool inference) {
  std::vector<const SweepColumn*> chosen;
  if (sweep.columns.empty()) {
    for (const SweepColumn& column : kColumns) {
      if (column.usual && (inference || !column.inference_only)) chosen.push_back(&column);
    }
    return chosen;
  }
  std::vector<std::string_view> names;
  for (const SweepColumn& column : kColumns) names.push_back(column.name);
  std::vector<Diagnostic> problems;
  for (const PlacedText& wanted : sweep.columns) {
    const SweepColumn* found = nullptr;
    for (const SweepColumn& column : kColumns) {
      if (column.name == wanted.text) found = &column;
    }
    if (found != nullptr) {
      chosen.push_back(found);
      continue;
    }
    const std::string_view near = nearest(wanted.text, names);
    problems.push_back({.file = wanted.file,
                        .line = wanted.line,
                        .column = wanted.column,
                        .key = fmt::format("columns: {}", wanted.text),
                        .message = fmt::format("is no column (one of: {}){}", fmt::join(names, ", "),
                                               near.empty() ? "" : fmt::format(" did you mean {}?", near))});
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return chosen;
}

void append_number(std::string& row, double value) {
  fmt::format_to(std::back_inserter(row), FMT_COMPILE("{:.9g}"), value);
}

}  // namespace moesim
