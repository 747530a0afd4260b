#include "report/csv.hpp"

#include <cmath>
#include <cstddef>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/report/collective_report.hpp"
#include "moesim/report/kernel_report.hpp"
#include "moesim/report/listing.hpp"
#include "moesim/report/prediction_report.hpp"

#include "report/names.hpp"

namespace moesim {
namespace csv {

std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char character : text) quoted.append(character == '"' ? 2 : 1, character);
  return quoted + "\"";
}

std::string cell(double value) {
  MOESIM_ENSURES(std::isfinite(value));
  return fmt::format("{}", value);
}

std::string identifier(std::string_view words) {
  std::string name(words);
  for (char& character : name) {
    if (character == ' ' || character == '-') character = '_';
  }
  return name;
}

std::string table(const std::vector<Row>& rows) {
  MOESIM_EXPECTS(!rows.empty());
  std::string out;
  const auto add_line = [&out](const Row& row, std::string Row::value_type::*member) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) out += ',';
      out += row[c].*member;
    }
    out += '\n';
  };
  add_line(rows.front(), &Row::value_type::first);
  for (const Row& row : rows) {
    MOESIM_EXPECTS(row.size() == rows.front().size());
    add_line(row, &Row::value_type::second);
  }
  return out;
}

}  // namespace csv

namespace {

using csv::cell;
using csv::identifier;

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string all;
  for (const std::string& part : parts) all.append(all.empty() ? "" : separator).append(part);
  return all;
}

void add_interval(csv::Row& row, const std::string& name, const Estimate& estimate) {
  const Interval ends = estimate.interval();
  row.emplace_back(name + "_lo", cell(ends.lo.value));
  row.emplace_back(name + "_hi", cell(ends.hi.value));
}

void add_provenance(csv::Row& row, const RunInfo& run) {
  std::vector<std::string> inputs;
  for (const InputFile& input : run.inputs) inputs.push_back(input.path + "=" + input.hash);
  row.emplace_back("version", cell(run.version));
  row.emplace_back("git_commit", cell(run.git_commit));
  row.emplace_back("arguments", cell(joined(run.arguments, " ")));
  row.emplace_back("inputs", cell(joined(inputs, ";")));
}

/// Names of the memory terms of any case, so that all rows have the same columns.
std::vector<std::string_view> memory_terms(const PredictionReport& report) {
  std::vector<std::string_view> names;
  for (const ReportedCase& one : report.cases) {
    for (const MemoryTerm& term : one.prediction.memory.terms) {
      bool known = false;
      for (const std::string_view name : names) known = known || name == term.name;
      if (!known) names.push_back(term.name);
    }
  }
  return names;
}

void add_breakdown(csv::Row& row, const Prediction& prediction) {
  for (auto index = 0; index <= static_cast<int>(WorkKind::launch); ++index) {
    const auto kind = static_cast<WorkKind>(index);
    Seconds time;
    for (const BreakdownEntry& entry : prediction.breakdown) {
      if (entry.kind == kind) time += entry.time;
    }
    row.emplace_back(fmt::format("breakdown_{}_s", identifier(work_kind_name(kind))), cell(time.value));
  }
}

csv::Row case_row(const ReportedCase& one, const PredictionReport& report, const RunInfo& run) {
  const Prediction& prediction = one.prediction;
  csv::Row row;
  if (report.baseline) row.emplace_back("name", cell(one.name));
  row.emplace_back("scenario", cell(prediction.scenario));
  row.emplace_back("variant", cell(prediction.variant));
  row.emplace_back("mode", prediction.mode == Mode::training ? "training" : "inference");
  row.emplace_back("engine", cell(run.engine));
  row.emplace_back("step_time_s", cell(prediction.step_time.time.value));
  add_interval(row, "interval_s", prediction.step_time);
  if (report.baseline) {
    const Speedup speedup = one.speedup.value_or(Speedup{});
    row.emplace_back("speedup", cell(speedup.value));
    row.emplace_back("speedup_interval_lo", cell(speedup.lo));
    row.emplace_back("speedup_interval_hi", cell(speedup.hi));
  }
  row.emplace_back("tokens_per_s", cell(prediction.tokens_per_s));
  row.emplace_back("tflops_per_gpu", cell(prediction.tflops_per_gpu));
  row.emplace_back("mfu", cell(prediction.mfu));
  row.emplace_back("all_to_all_share", cell(prediction.all_to_all_share));
  row.emplace_back("all_to_all_s", cell(prediction.all_to_all.value));
  row.emplace_back("exposed_communication_s", cell(prediction.exposed_communication.value));
  if (const auto& times = prediction.inference) {
    row.emplace_back("prefill_s", cell(times->prefill.time.value));
    add_interval(row, "prefill_interval_s", times->prefill);
    row.emplace_back("decode_token_s", cell(times->decode_token.time.value));
    add_interval(row, "decode_token_interval_s", times->decode_token);
    row.emplace_back("throughput_tokens_per_s", cell(times->throughput_tokens_per_s));
  }
  add_breakdown(row, prediction);
  const MemoryPlan& plan = prediction.memory;
  row.emplace_back("memory_per_gpu_B", cell(plan.total.value));
  row.emplace_back("memory_capacity_B", cell(plan.capacity.value));
  row.emplace_back("fits", plan.fits ? "true" : "false");
  for (const std::string_view name : memory_terms(report)) {
    Bytes bytes;
    for (const MemoryTerm& term : plan.terms) bytes += term.name == name ? term.bytes : Bytes{};
    row.emplace_back(fmt::format("memory_{}_B", identifier(name)), cell(bytes.value));
  }
  row.emplace_back("busiest_link", prediction.busiest_link ? cell(prediction.busiest_link->name) : "");
  row.emplace_back("busiest_link_utilization",
                   prediction.busiest_link ? cell(prediction.busiest_link->utilization) : "");
  row.emplace_back("parameters", cell(prediction.parameters));
  row.emplace_back("flops", cell(prediction.flops.value));
  row.emplace_back("all_to_all_bytes", cell(prediction.all_to_all_bytes.value));
  add_provenance(row, run);
  return row;
}

struct CellText {
  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(double value) const { return cell(value); }
  std::string operator()(const std::string& text) const { return cell(text); }
};

}  // namespace

std::string to_csv(const PredictionReport& report, const RunInfo& run) {
  std::vector<csv::Row> rows;
  for (const ReportedCase& one : report.cases) rows.push_back(case_row(one, report, run));
  return csv::table(rows);
}

std::string to_csv(const CollectiveReport& report, const RunInfo& run) {
  std::vector<csv::Row> rows;
  for (const CollectivePoint& point : report.points) {
    const Bandwidths rates = bandwidths(report.kind, report.ranks, point.bytes_per_rank, point.estimate.estimate.time);
    csv::Row row;
    row.emplace_back("collective", collective_name(report.kind));
    row.emplace_back("algorithm", report.algorithm);
    row.emplace_back("cluster", cell(report.cluster));
    row.emplace_back("ranks", fmt::format("{}", report.ranks));
    row.emplace_back("engine", cell(run.engine));
    row.emplace_back("ideal", report.ideal ? "true" : "false");
    row.emplace_back("bytes_per_rank", cell(point.bytes_per_rank.value));
    row.emplace_back("time_s", cell(point.estimate.estimate.time.value));
    add_interval(row, "interval_s", point.estimate.estimate);
    row.emplace_back("bound_s", cell(point.estimate.bound.value));
    row.emplace_back("algbw_Bps", cell(rates.algorithm.value));
    row.emplace_back("busbw_Bps", cell(rates.bus.value));
    row.emplace_back("extrapolated", point.estimate.extrapolated ? "true" : "false");
    row.emplace_back("bottleneck", point.links.empty() ? "" : cell(point.links.front().link));
    row.emplace_back("bottleneck_utilization", point.links.empty() ? "" : cell(point.links.front().utilization));
    add_provenance(row, run);
    rows.push_back(std::move(row));
  }
  return csv::table(rows);
}

std::string to_csv(const KernelReport& report, const RunInfo& run) {
  csv::Row row;
  row.emplace_back("kernel", cell(report.kernel));
  row.emplace_back("device", cell(report.device));
  for (const ShapeArgument& argument : report.shape) {
    const double* const value = std::get_if<double>(&argument.value);
    row.emplace_back(argument.name, value != nullptr ? cell(*value) : cell(std::get<std::string>(argument.value)));
  }
  row.emplace_back("engine", cell(run.engine));
  row.emplace_back("time_s", cell(report.estimate.estimate.time.value));
  add_interval(row, "interval_s", report.estimate.estimate);
  row.emplace_back("bound", bound_text(report.estimate));
  row.emplace_back("limited_by", bound_name(report.estimate.bound));
  row.emplace_back("law", report.estimate.law != nullptr ? cell(report.estimate.law->name) : "");
  add_provenance(row, run);
  return csv::table({row});
}

std::string to_csv(const Listing& listing, const RunInfo&) {
  std::string out;
  for (std::size_t c = 0; c < listing.columns.size(); ++c) out += (c > 0 ? "," : "") + cell(listing.columns[c].key);
  out += '\n';
  for (const auto& row : listing.rows) {
    MOESIM_EXPECTS(row.size() == listing.columns.size());
    for (std::size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "," : "") + std::visit(CellText{}, row[c]);
    out += '\n';
  }
  return out;
}

}  // namespace moesim
