#include "moesim/analytic/predict.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/build.hpp"

#include "analytic/decode.hpp"
#include "analytic/evaluate.hpp"
#include "analytic/power.hpp"

namespace moesim {
namespace {

using Evaluate = std::function<GraphTime(const Scenario&, const OpGraph&)>;

Seconds of_kind(const GraphTime& time, WorkKind kind) { return time.by_kind[static_cast<std::size_t>(kind)]; }

std::vector<BreakdownEntry> breakdown(const GraphTime& time) {
  std::vector<BreakdownEntry> entries;
  for (std::size_t kind = 0; kind < kWorkKinds; ++kind) {
    if (time.by_kind[kind].value > 0) entries.push_back({static_cast<WorkKind>(kind), time.by_kind[kind]});
  }
  return entries;
}

std::vector<ErrorTerm> error_terms(const EstimateSum& sum) {
  std::vector<ErrorTerm> terms;
  for (const auto& [law, deviation] : sum.deviations()) {
    if (deviation > 0) terms.push_back({law, {deviation}});
  }
  std::stable_sort(terms.begin(), terms.end(),
                   [](const ErrorTerm& a, const ErrorTerm& b) { return a.deviation > b.deviation; });
  return terms;
}

std::optional<BusiestLink> named_link(const Scenario& scenario, const GraphTime& time) {
  const Topology& topology = *scenario.cluster.topology;
  const std::optional<BusyLink> busiest = busiest_link(topology, time.link_bytes);
  if (!busiest) return std::nullopt;
  return BusiestLink{topology.link(busiest->link).name, busiest->busy / time.total};
}

/// Generated tokens; those that are scored when nothing is generated.
double yielded_tokens(const InferenceWorkload& inference) {
  return static_cast<double>(inference.batch) *
         (inference.generated_tokens > 0 ? inference.generated_tokens : inference.prompt_tokens);
}

std::string describe(const FittedLaw& law) {
  const Provenance& from = law.provenance;
  std::string errors;
  if (from.median_error > 0) {
    errors = fmt::format("{:.1f} % median, {:.1f} % at 90 %", 100 * from.median_error, 100 * from.p90_error);
  }
  if (from.samples > 0)
    return fmt::format("{}: error {} of {} samples; {}", law.name, errors, from.samples, from.source);
  return fmt::format("{}: {}{}", law.name, from.source,
                     errors.empty() ? errors : fmt::format("; error where it can be checked {}", errors));
}

void explain(Prediction& prediction, const GraphTime& time) {
  if (!time.extrapolated.empty()) {
    prediction.assumptions.push_back(fmt::format(
        "Outside the range of their samples (extrapolated, wider interval): {}", fmt::join(time.extrapolated, ", ")));
  }
  for (const std::string_view kernel : time.unfitted) {
    prediction.assumptions.push_back(
        fmt::format("{} was not measured on this device: roofline bound of its data sheet", kernel));
  }
  for (const FittedLaw* law : time.laws) prediction.calibration.push_back(describe(*law));
  std::sort(prediction.calibration.begin(), prediction.calibration.end());
}

/// What no step can beat: the FLOPs at peak on all GPUs, and the busiest link's bytes.
void check_bounds(const Prediction& prediction, const Scenario& scenario, double gpus) {
  const Device& device = scenario.kernels->device();
  const DType dtype = scenario.model.activation_dtype;
  const FlopsPerSecond peak =
      std::max(device.matrix_peak(dtype), device.matrix_peak(scenario.framework.product_dtype.value_or(dtype)));
  if (peak.value > 0) MOESIM_ENSURES(prediction.flops / peak / gpus <= prediction.step_time.time * (1 + 1e-9));
  if (prediction.busiest_link) MOESIM_ENSURES(prediction.busiest_link->utilization <= 1 + 1e-9);
}

void merge(GraphTime& into, const GraphTime& other) {
  into.laws.insert(other.laws.begin(), other.laws.end());
  into.extrapolated.insert(other.extrapolated.begin(), other.extrapolated.end());
  into.unfitted.insert(other.unfitted.begin(), other.unfitted.end());
}

/// `count` times `other` after `into`.
void append(GraphTime& into, const GraphTime& other, double count) {
  for (std::size_t kind = 0; kind < kWorkKinds; ++kind) into.by_kind[kind] += count * other.by_kind[kind];
  into.total += count * other.total;
  into.communication += count * other.communication;
  into.errors.add(other.errors, count);
  for (std::size_t i = 0; i < into.link_bytes.size(); ++i) into.link_bytes[i] += count * other.link_bytes[i];
}

/// Prefill, then decode steps.
GraphTime run_inference(const Scenario& scenario, const InferenceWorkload& inference, const Evaluate& evaluate,
                        InferenceTimes& times) {
  GraphTime total = evaluate(scenario, build_graph(scenario));
  times.prefill = total.errors.total();
  const auto [steps, context] = decode_steps(inference);
  const GraphTime decode = evaluate(scenario, build_decode_graph(scenario, context));
  times.decode_token = decode.errors.total();
  merge(total, decode);
  append(total, decode, steps);
  times.throughput_tokens_per_s = yielded_tokens(inference) / total.total.value;
  return total;
}

Flops total_forward_flops(const Model& model, double sequences, double sequence_length) {
  Flops total;
  for (const FlopCount& count : count_forward_flops(model, sequences, sequence_length)) total += count.forward;
  return total;
}

/// One new token per sequence that attends to `context` keys. Forward FLOPs of s tokens are a s + b s^2 (only
/// attention's scores are quadratic); a decode step needs a + b context.
Flops decode_flops(const Model& model, double sequences, double context) {
  const Flops one = total_forward_flops(model, sequences, 1);
  const Flops two = total_forward_flops(model, sequences, 2);
  return one + (context - 1) * 0.5 * (two - 2 * one);
}

Flops inference_flops(const Scenario& scenario, const InferenceWorkload& inference) {
  double flops = 0;
  for (const FlopCount& count : count_forward_flops(scenario.model, inference.batch, inference.prompt_tokens)) {
    // When generating, the prefill makes the logits of the last token alone.
    const double share =
        count.kind == WorkKind::logits && inference.generated_tokens > 0 ? 1.0 / inference.prompt_tokens : 1;
    flops += share * count.forward.value;
  }
  if (inference.generated_tokens < 2) return {flops};
  const auto [steps, context] = decode_steps(inference);
  return Flops{flops} + steps * decode_flops(scenario.model, inference.batch, context);
}

/// @param slowdown of the scenario's matrix products, by the law `power`
Prediction prediction_of(const Scenario& scenario, const Evaluate& evaluate, double slowdown, const FittedLaw* power) {
  Prediction prediction;
  prediction.scenario = scenario.name;
  prediction.variant = scenario.variant;
  prediction.mode = scenario.mode();
  prediction.memory = plan_memory(scenario);
  prediction.parameters = total_parameters(scenario.model);
  prediction.assumptions = scenario.assumptions;
  const double gpus = scenario.parallelism.world_size();

  GraphTime time;
  double tokens = 0;
  double exchange_share = 1;  // of a training iteration's all-to-alls
  if (const auto* training = std::get_if<TrainingWorkload>(&scenario.workload)) {
    time = evaluate(scenario, build_graph(scenario));
    tokens = static_cast<double>(training->global_batch) * training->sequence_length;
    prediction.flops = training_flops(scenario.model, training->global_batch, training->sequence_length);
  } else {
    const auto& inference = std::get<InferenceWorkload>(scenario.workload);
    InferenceTimes times;
    time = run_inference(scenario, inference, evaluate, times);
    prediction.inference = times;
    tokens =
        static_cast<double>(inference.batch) * (inference.prompt_tokens + std::max(inference.generated_tokens - 1, 0));
    prediction.flops = inference_flops(scenario, inference);
    exchange_share = 0.5;
  }

  prediction.step_time = time.errors.total();
  const double seconds = time.total.value;
  prediction.tokens_per_s = tokens / seconds;
  prediction.tflops_per_gpu = prediction.flops.value / seconds / gpus * 1e-12;
  const FlopsPerSecond peak = scenario.kernels->device().matrix_peak(scenario.model.activation_dtype);
  if (peak.value > 0) prediction.mfu = prediction.tflops_per_gpu * 1e12 / peak.value;
  prediction.all_to_all = of_kind(time, WorkKind::dispatch) + of_kind(time, WorkKind::combine);
  prediction.all_to_all_share = prediction.all_to_all / time.total;
  prediction.exposed_communication = time.communication;
  prediction.breakdown = breakdown(time);
  prediction.all_to_all_bytes = exchange_share * all_to_all_bytes(scenario.model, tokens, scenario.parallelism.ep);
  prediction.errors = error_terms(time.errors);
  prediction.busiest_link = named_link(scenario, time);
  prediction.link_bytes = std::move(time.link_bytes);
  if (slowdown > 1) {
    time.laws.insert(power);
    prediction.assumptions.push_back(
        fmt::format("Clocks: at the limit of its power, matrix products take {:.1f} % longer than measured alone",
                    100 * (slowdown - 1)));
  }
  explain(prediction, time);
  check_bounds(prediction, scenario, gpus);
  return prediction;
}

}  // namespace

std::optional<BusyLink> busiest_link(const Topology& topology, const std::vector<double>& bytes) {
  std::optional<BusyLink> busiest;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Seconds busy = Bytes{bytes[i]} / topology.link(LinkId{i}).capacity;
    if (busy > (busiest ? busiest->busy : Seconds{})) busiest = BusyLink{.link = LinkId{i}, .busy = busy};
  }
  return busiest;
}

Prediction predict(const Scenario& scenario) { return predict(scenario, evaluate); }

Prediction predict(const Scenario& scenario, const Evaluate& evaluate) {
  const double slowdown = sustained_slowdown(scenario);
  if (slowdown == 1) return prediction_of(scenario, evaluate, 1, nullptr);
  return prediction_of(with_slower_products(scenario, slowdown), evaluate, slowdown,
                       scenario.kernels->calibration().find(kPowerLaw));
}

Speedup speedup(const Prediction& baseline, const Prediction& other) {
  const double t1 = baseline.step_time.time.value;
  const double t2 = other.step_time.time.value;
  MOESIM_EXPECTS(t1 > 0 && t2 > 0);
  double variance = 0;
  const auto relative = [](const std::vector<ErrorTerm>& terms, std::string_view law, double time) {
    const auto term =
        std::find_if(terms.begin(), terms.end(), [law](const ErrorTerm& candidate) { return candidate.law == law; });
    return term == terms.end() ? 0.0 : term->deviation.value / time;
  };
  for (const ErrorTerm& term : baseline.errors) {
    const double difference = term.deviation.value / t1 - relative(other.errors, term.law, t2);
    variance += difference * difference;
  }
  for (const ErrorTerm& term : other.errors) {
    if (relative(baseline.errors, term.law, t1) == 0) variance += std::pow(term.deviation.value / t2, 2);
  }
  const double value = t1 / t2;
  const double factor = std::exp(std::sqrt(variance));
  return {.value = value, .lo = value / factor, .hi = value * factor};
}

}  // namespace moesim
