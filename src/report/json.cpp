#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

#include "moesim/base/diagnostic.hpp"
#include "moesim/report/collective_report.hpp"
#include "moesim/report/kernel_report.hpp"
#include "moesim/report/listing.hpp"
#include "moesim/report/prediction_report.hpp"

#include "report/case_detail.hpp"
#include "report/json_text.hpp"
#include "report/names.hpp"

// Every JSON that moesim writes. Keys are a contract: they may be added, never renamed.
namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

double number(double value) { return json_number(value); }
double number(Seconds time) { return number(time.value); }
double number(Bytes size) { return number(size.value); }

Json interval(const Estimate& estimate) {
  const Interval ends = estimate.interval();
  return Json::array({number(ends.lo), number(ends.hi)});
}

struct WorkloadJson {
  Json operator()(const TrainingWorkload& training) const {
    constexpr std::array<std::string_view, 3> kRecompute = {"none", "selective", "full"};
    return {{"sequence_length", training.sequence_length},
            {"global_batch", training.global_batch},
            {"micro_batch", training.micro_batch},
            {"recompute", kRecompute.at(static_cast<std::size_t>(training.recompute))}};
  }
  Json operator()(const InferenceWorkload& inference) const {
    return {{"batch", inference.batch},
            {"prompt_tokens", inference.prompt_tokens},
            {"generated_tokens", inference.generated_tokens}};
  }
};

Json setting_json(const Setting& setting) {
  const Parallelism& layout = setting.parallelism;
  return {{"model", setting.model},
          {"cluster", setting.cluster},
          {"device", setting.device},
          {"framework", setting.framework},
          {"gpus", layout.world_size()},
          {"parallelism",
           {{"tp", layout.tp},
            {"pp", layout.pp},
            {"ep", layout.ep},
            {"etp", layout.etp},
            {"cp", layout.cp},
            {"dp", layout.dp},
            {"zero", layout.zero},
            {"sequence_parallel", layout.sequence_parallel},
            {"schedule", kPipelineSchedules.at(static_cast<std::size_t>(layout.schedule)).name},
            {"virtual_stages", layout.virtual_stages}}},
          {"workload", std::visit(WorkloadJson{}, setting.workload)}};
}

void add_memory(Json& object, const MemoryPlan& plan) {
  Json terms = Json::array();
  for (const MemoryTerm& term : plan.terms) terms.push_back({{"name", term.name}, {"bytes", number(term.bytes)}});
  object["memory_per_gpu_B"] = number(plan.total);
  object["memory_capacity_B"] = number(plan.capacity);
  object["fits"] = plan.fits;
  object["first_overflow"] = plan.fits ? Json(nullptr) : Json(plan.first_overflow);
  object["memory"] = std::move(terms);
}

Json idle_json(const RankTime& rank) {
  Json idle = Json::array();
  for (std::size_t cause = 0; cause < kIdleCauses.size(); ++cause) {
    idle.push_back({{"cause", kIdleCauses[cause]}, {"time_s", number(rank.idle[cause])}});
  }
  return idle;
}

Json flow_json(const FlowSummary& flow) {
  Json stages = Json::array();
  for (const RankTime& stage : flow.stages) {
    stages.push_back({{"stage", stage.stage},
                      {"ranks", stage.ranks},
                      {"computing_s", number(stage.computing)},
                      {"idle", idle_json(stage)}});
  }
  Json use = Json::array();
  for (const LinkUse& timeline : flow.link_use) {
    Json links = Json::array();
    for (std::size_t link = 0; link < timeline.links.size(); ++link) {
      links.push_back({{"link", timeline.links[link]}, {"utilization", timeline.utilization[link]}});
    }
    use.push_back({{"interval_s", number(timeline.interval)}, {"links", std::move(links)}});
  }
  return {{"computing_s", number(flow.mean_rank.computing)},
          {"link_use", std::move(use)},
          {"idle", idle_json(flow.mean_rank)},
          {"stages", std::move(stages)},
          {"ranks", flow.mean_rank.ranks},
          {"ranks_simulated", flow.lanes},
          {"events", flow.events},
          {"flows_simulated", flow.flows_simulated},
          {"flows_folded", flow.flows_folded},
          {"flows_reused", flow.flows_reused},
          {"notes", flow.notes}};
}

Json case_json(const ReportedCase& one, const RunInfo& run) {
  const Prediction& prediction = one.prediction;
  Json object = {{"scenario", prediction.scenario},
                 {"variant", prediction.variant},
                 {"mode", prediction.mode == Mode::training ? "training" : "inference"},
                 {"engine", run.engine},
                 {"step_time_s", number(prediction.step_time.time)},
                 {"interval_s", interval(prediction.step_time)},
                 {"tokens_per_s", number(prediction.tokens_per_s)},
                 {"tflops_per_gpu", number(prediction.tflops_per_gpu)},
                 {"mfu", number(prediction.mfu)},
                 {"all_to_all_share", number(prediction.all_to_all_share)},
                 {"all_to_all_s", number(prediction.all_to_all)},
                 {"exposed_communication_s", number(prediction.exposed_communication)}};
  if (const auto& times = prediction.inference) {
    object["prefill_s"] = number(times->prefill.time);
    object["prefill_interval_s"] = interval(times->prefill);
    object["decode_token_s"] = number(times->decode_token.time);
    object["decode_token_interval_s"] = interval(times->decode_token);
    object["throughput_tokens_per_s"] = number(times->throughput_tokens_per_s);
  }
  Json breakdown = Json::array();
  for (const BreakdownEntry& entry : prediction.breakdown) {
    breakdown.push_back({{"name", work_kind_name(entry.kind)}, {"time_s", number(entry.time)}});
  }
  object["breakdown"] = std::move(breakdown);
  add_memory(object, prediction.memory);
  object["busiest_link"] = nullptr;
  if (const auto& link = prediction.busiest_link) {
    object["busiest_link"] = {{"link", link->name}, {"utilization", number(link->utilization)}};
  }
  if (one.flow) object["flow"] = flow_json(*one.flow);
  object["parameters"] = number(prediction.parameters);
  object["flops"] = number(prediction.flops.value);
  object["all_to_all_bytes"] = number(prediction.all_to_all_bytes);
  Json errors = Json::array();
  for (const ErrorTerm& term : prediction.errors) {
    errors.push_back({{"law", term.law}, {"deviation_s", number(term.deviation)}});
  }
  object["errors"] = std::move(errors);
  if (one.detail) object.update(detail_json(*one.detail));
  object["setting"] = setting_json(one.setting);
  object["assumptions"] = prediction.assumptions;
  object["calibration"] = prediction.calibration;
  return object;
}

Json collective_json(const CollectiveReport& report, const CollectivePoint& point, const RunInfo& run) {
  const Bandwidths rates = bandwidths(report.kind, report.ranks, point.bytes_per_rank, point.estimate.estimate.time);
  Json links = Json::array();
  for (const NamedLinkLoad& load : point.links) {
    links.push_back({{"link", load.link}, {"bytes", number(load.bytes)}, {"utilization", number(load.utilization)}});
  }
  Json object = {{"collective", collective_name(report.kind)}};
  if (!report.algorithm.empty()) object["algorithm"] = report.algorithm;
  object.update({{"ranks", report.ranks},
                 {"engine", run.engine},
                 {"cluster", report.cluster},
                 {"ideal", report.ideal},
                 {"bytes_per_rank", number(point.bytes_per_rank)},
                 {"time_s", number(point.estimate.estimate.time)},
                 {"interval_s", interval(point.estimate.estimate)},
                 {"bound_s", number(point.estimate.bound)},
                 {"algbw_Bps", number(rates.algorithm.value)},
                 {"busbw_Bps", number(rates.bus.value)},
                 {"extrapolated", point.estimate.extrapolated},
                 {"bottleneck", nullptr}});
  if (!point.links.empty()) {
    const NamedLinkLoad& busiest = point.links.front();
    object["bottleneck"] = {{"link", busiest.link}, {"utilization", number(busiest.utilization)}};
  }
  object["links"] = std::move(links);
  if (point.flows) object["flows"] = {{"transfers", point.flows->transfers}, {"folded", point.flows->folded}};
  object["provenance"] = provenance_json(run);
  return object;
}

struct ValueJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(double value) const { return number(value); }
  Json operator()(const std::string& text) const { return text; }
};

}  // namespace

std::string to_json(const PredictionReport& report, const RunInfo& run) {
  MOESIM_EXPECTS(!report.cases.empty());
  if (!report.baseline) {
    Json object = case_json(report.cases.front(), run);
    object["provenance"] = provenance_json(run);
    return json_text(object);
  }
  Json variants = Json::array();
  for (const ReportedCase& one : report.cases) {
    Json object = {{"name", one.name}};
    object.update(case_json(one, run));
    const Speedup speedup = one.speedup.value_or(Speedup{});
    object["speedup"] = number(speedup.value);
    object["speedup_interval"] = {number(speedup.lo), number(speedup.hi)};
    variants.push_back(std::move(object));
  }
  return json_text(
      {{"baseline", *report.baseline}, {"variants", std::move(variants)}, {"provenance", provenance_json(run)}});
}

std::string to_json(const CollectiveReport& report, const RunInfo& run) {
  MOESIM_EXPECTS(!report.points.empty());
  if (report.points.size() == 1) return json_text(collective_json(report, report.points.front(), run));
  Json all = Json::array();
  for (const CollectivePoint& point : report.points) all.push_back(collective_json(report, point, run));
  return json_text(all);
}

std::string to_json(const KernelReport& report, const RunInfo& run) {
  const KernelEstimate& estimate = report.estimate;
  Json shape = Json::object();
  for (const ShapeArgument& argument : report.shape) shape[argument.name] = std::visit(ValueJson{}, argument.value);
  Json object = {{"kernel", report.kernel},
                 {"device", report.device},
                 {"engine", run.engine},
                 {"time_s", number(estimate.estimate.time)},
                 {"interval_s", interval(estimate.estimate)},
                 {"bound", bound_text(estimate)},
                 {"limited_by", bound_name(estimate.bound)},
                 {"extrapolated", estimate.extrapolated},
                 {"shape", std::move(shape)},
                 {"law", nullptr},
                 {"calibration", nullptr}};
  if (report.work) object["flops"] = number(report.work->value);
  if (report.moved) object["bytes"] = number(*report.moved);
  if (estimate.law != nullptr) {
    const Provenance& from = estimate.law->provenance;
    object["law"] = estimate.law->name;
    object["calibration"] = {{"source", from.source},
                             {"hardware", from.hardware},
                             {"samples", from.samples},
                             {"median_error", number(from.median_error)},
                             {"p90_error", number(from.p90_error)},
                             {"validation", from.validation}};
  }
  object["provenance"] = provenance_json(run);
  return json_text(object);
}

std::string to_json(const Listing& listing, const RunInfo& run) {
  Json items = Json::array();
  for (const auto& row : listing.rows) {
    Json item = Json::object();
    for (std::size_t c = 0; c < listing.columns.size(); ++c) {
      item[listing.columns[c].key] = std::visit(ValueJson{}, row[c]);
    }
    items.push_back(std::move(item));
  }
  return json_text({{"list", listing.what}, {"items", std::move(items)}, {"provenance", provenance_json(run)}});
}

}  // namespace moesim
