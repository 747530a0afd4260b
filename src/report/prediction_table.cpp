#include <algorithm>
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <functional>
#include <string_view>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"
#include "moesim/report/prediction_report.hpp"

#include "report/side_by_side.hpp"
#include "report/text.hpp"

namespace moesim {
namespace {

using text::Cell;
using text::Line;
using text::Section;

constexpr std::string_view kNothing = "–";
constexpr std::size_t kErrorTermsShown = 5;  // the rest are in --format json
constexpr std::size_t kStagesShown = 8;      // as well
constexpr std::string_view kLegend =
    "Beside times stands the central 90 % interval. Percentages are of the whole step; MFU, model FLOPs utilization, "
    "is "
    "the model's FLOPs (no padding, no recomputation) over what the matrix units could do in that time.";

/// One line of a section: the same question to every case.
Line line(std::string label, const PredictionReport& report, const std::function<Cell(const ReportedCase&)>& cell) {
  Line made{.label = std::move(label), .cells = {}};
  for (const ReportedCase& one : report.cases) made.cells.push_back(cell(one));
  return made;
}

Cell estimate_cell(const Estimate& estimate) {
  return {.main = format_quantity(estimate.time), .aside = text::interval(estimate)};
}

Cell share_cell(Seconds part, Seconds whole) {
  return {.main = format_quantity(part), .aside = whole.value > 0 ? text::percent(part / whole) : ""};
}

Cell speedup_cell(const ReportedCase& one) {
  if (!one.speedup) return {.main = "baseline"};
  const Speedup& speedup = *one.speedup;
  return {.main = fmt::format("{:.2f} x", speedup.value),
          .aside = speedup.lo == speedup.hi ? "" : fmt::format("{:.2f} – {:.2f}", speedup.lo, speedup.hi)};
}

Section headline(const PredictionReport& report) {
  const bool training = report.cases.front().prediction.mode == Mode::training;
  Section section;
  section.lines.push_back(line(training ? "step time" : "batch, start to end", report,
                               [](const ReportedCase& one) { return estimate_cell(one.prediction.step_time); }));
  if (report.baseline) section.lines.push_back(line("speed-up", report, speedup_cell));
  const auto* inference = std::get_if<InferenceWorkload>(&report.cases.front().setting.workload);
  const bool scored = inference != nullptr && inference->generated_tokens == 0;
  if (!training) {
    const auto inference_line = [&](std::string label, Estimate InferenceTimes::*member) {
      section.lines.push_back(line(std::move(label), report, [member](const ReportedCase& one) {
        const auto& times = one.prediction.inference;
        return times && (*times.*member).time.value > 0 ? estimate_cell(*times.*member) : Cell{std::string(kNothing)};
      }));
    };
    inference_line("prefill (first token)", &InferenceTimes::prefill);
    inference_line("decode, each token", &InferenceTimes::decode_token);
    section.lines.push_back(
        line(scored ? "scored tokens/s" : "generated tokens/s", report, [](const ReportedCase& one) {
          const auto& times = one.prediction.inference;
          return Cell{times ? text::count(times->throughput_tokens_per_s) : std::string(kNothing)};
        }));
  }
  if (training || !scored) {  // what is only scored is counted above
    section.lines.push_back(line(training ? "tokens per second" : "processed tokens/s", report,
                                 [](const auto& one) { return Cell{text::count(one.prediction.tokens_per_s)}; }));
  }
  section.lines.push_back(line("TFLOPS per GPU", report, [](const ReportedCase& one) {
    return Cell{text::count(one.prediction.tflops_per_gpu), text::percent(one.prediction.mfu) + " MFU"};
  }));
  section.lines.push_back(line("all-to-all", report, [](const ReportedCase& one) {
    return Cell{format_quantity(one.prediction.all_to_all), text::percent(one.prediction.all_to_all_share)};
  }));
  section.lines.push_back(line("exposed communication", report, [](const ReportedCase& one) {
    return share_cell(one.prediction.exposed_communication, one.prediction.step_time.time);
  }));
  return section;
}

Seconds time_of(const Prediction& prediction, WorkKind kind) {
  Seconds sum;
  for (const BreakdownEntry& entry : prediction.breakdown) {
    if (entry.kind == kind) sum += entry.time;
  }
  return sum;
}

Section breakdown(const PredictionReport& report) {
  std::vector<WorkKind> kinds;
  Seconds longest;
  for (const ReportedCase& one : report.cases) {
    longest = std::max(longest, one.prediction.step_time.time);
    for (const BreakdownEntry& entry : one.prediction.breakdown) {
      if (entry.time.value > 0 && std::ranges::find(kinds, entry.kind) == kinds.end()) kinds.push_back(entry.kind);
    }
  }
  std::ranges::sort(kinds);
  const text::TimeUnit unit = text::common_unit(longest);
  Section section{.title = "Where the time goes", .lines = {}};
  for (const WorkKind kind : kinds) {
    section.lines.push_back(line(work_kind_words(kind), report, [&](const ReportedCase& one) {
      const Seconds time = time_of(one.prediction, kind);
      if (time.value == 0) return Cell{std::string(kNothing)};
      const Seconds whole = one.prediction.step_time.time;
      return Cell{.main = text::in_unit(time, unit), .share = whole.value > 0 ? time / whole : 0.0};
    }));
  }
  section.lines.push_back(line("all", report, [&](const ReportedCase& one) {
    return Cell{text::in_unit(one.prediction.step_time.time, unit)};
  }));
  return section;
}

/// What the compute stream does, in the flow engine: of the mean rank, and of the mean rank of each stage.
Section streams(const PredictionReport& report) {
  constexpr std::array<std::string_view, kIdleCauses.size()> kWords = {
      "idle: its data moves", "idle: slower ranks", "idle: other stages", "idle: the host", "idle: done early"};
  std::size_t stages = 0;
  for (const ReportedCase& one : report.cases) stages = std::max(stages, one.flow ? one.flow->stages.size() : 0);
  Section section{.title = "Compute stream of the mean rank (flow engine)", .lines = {}};
  const auto add = [&](std::string label, const std::function<Seconds(const FlowSummary&)>& time) {
    if (std::ranges::none_of(report.cases, [&](const auto& one) { return one.flow && time(*one.flow).value > 0; }))
      return;
    section.lines.push_back(line(std::move(label), report, [&](const ReportedCase& one) {
      return one.flow ? share_cell(time(*one.flow), one.prediction.step_time.time) : Cell{std::string(kNothing)};
    }));
  };
  add("computing", [](const FlowSummary& flow) { return flow.mean_rank.computing; });
  for (std::size_t cause = 0; cause < kIdleCauses.size(); ++cause) {
    add(std::string(kWords.at(cause)), [cause](const FlowSummary& flow) { return flow.mean_rank.idle.at(cause); });
  }
  for (std::size_t stage = 0; stages > 1 && stage < std::min(stages, kStagesShown); ++stage) {
    add(fmt::format("stage {}, computing", stage), [stage](const FlowSummary& flow) {
      return stage < flow.stages.size() ? flow.stages[stage].computing : Seconds{};
    });
    add(fmt::format("stage {}, idle for others", stage), [stage](const FlowSummary& flow) {
      constexpr auto kPipeline = static_cast<std::size_t>(IdleCause::pipeline);
      return stage < flow.stages.size() ? flow.stages[stage].idle[kPipeline] : Seconds{};
    });
  }
  return section;
}

Section work(const PredictionReport& report) {
  Section section{.title = "Size of the work", .lines = {}};
  section.lines.push_back(line("parameters", report, [](const ReportedCase& one) {
    return Cell{text::large_count(one.prediction.parameters)};
  }));
  section.lines.push_back(line("model FLOPs", report,
                               [](const ReportedCase& one) { return Cell{text::tera_flops(one.prediction.flops)}; }));
  section.lines.push_back(line("all-to-all, all ranks", report, [](const ReportedCase& one) {
    return Cell{text::binary(one.prediction.all_to_all_bytes)};
  }));
  return section;
}

Section memory(const PredictionReport& report) {
  std::vector<std::string_view> names;
  for (const ReportedCase& one : report.cases) {
    for (const MemoryTerm& term : one.prediction.memory.terms) {
      if (std::ranges::find(names, term.name) == names.end()) names.push_back(term.name);
    }
  }
  Section section{.title = "Memory of the fullest GPU", .lines = {}};
  for (const std::string_view name : names) {
    section.lines.push_back(line(std::string(name), report, [&](const ReportedCase& one) {
      const auto& terms = one.prediction.memory.terms;
      const auto term = std::ranges::find(terms, name, &MemoryTerm::name);
      return Cell{term == terms.end() ? std::string(kNothing) : text::binary(term->bytes)};
    }));
  }
  section.lines.push_back(line("all", report, [](const ReportedCase& one) {
    const MemoryPlan& plan = one.prediction.memory;
    return Cell{text::binary(plan.total), "of " + text::binary(plan.capacity)};
  }));
  section.lines.push_back(line("fits", report, [](const ReportedCase& one) {
    const MemoryPlan& plan = one.prediction.memory;
    const Bytes free = plan.capacity - plan.total;
    return plan.fits ? Cell{"yes", text::binary(free) + " free"} : Cell{"NO", text::binary(-1 * free) + " too much"};
  }));
  if (std::ranges::any_of(report.cases, [](const ReportedCase& one) { return !one.prediction.memory.fits; })) {
    section.lines.push_back(line("no room from here on", report, [](const ReportedCase& one) {
      const MemoryPlan& plan = one.prediction.memory;
      return Cell{plan.fits ? std::string(kNothing) : std::string(plan.first_overflow)};
    }));
  }
  return section;
}

Section uncertainty(const PredictionReport& report) {
  std::vector<std::pair<double, std::string>> laws;  // largest deviation of any case, law
  for (const ReportedCase& one : report.cases) {
    for (const ErrorTerm& term : one.prediction.errors) {
      const auto known = std::ranges::find(laws, term.law, &std::pair<double, std::string>::second);
      if (known == laws.end()) {
        laws.emplace_back(term.deviation.value, term.law);
      } else {
        known->first = std::max(known->first, term.deviation.value);
      }
    }
  }
  std::ranges::stable_sort(laws, std::greater<>(), &std::pair<double, std::string>::first);
  if (laws.size() > kErrorTermsShown) laws.resize(kErrorTermsShown);
  Section section{.title = "Where the 90 % interval comes from (largest first, by fitted law)", .lines = {}};
  for (const auto& [largest, law] : laws) {
    const std::string& name = law;  // clang 14 does not capture structured bindings
    if (largest <= 0) continue;
    section.lines.push_back(line(name, report, [&name](const ReportedCase& one) {
      const auto& errors = one.prediction.errors;
      const auto term = std::ranges::find(errors, name, &ErrorTerm::law);
      return Cell{term == errors.end() ? std::string(kNothing) : "± " + format_quantity(term->deviation)};
    }));
  }
  return section;
}

std::string layout_text(const Parallelism& layout) {
  std::string words = fmt::format("{} GPUs: expert {}, data {}", layout.world_size(), layout.ep, layout.dp);
  const std::array<std::pair<std::string_view, int>, 4> others = {
      {{"tensor", layout.tp}, {"tensor inside experts", layout.etp}, {"pipeline", layout.pp}, {"context", layout.cp}}};
  for (const auto& other : others) {
    if (other.second > 1) words += fmt::format(", {} {}", other.first, other.second);
  }
  if (layout.zero > 0) words += fmt::format(", ZeRO stage {}", layout.zero);
  if (layout.sequence_parallel) words += ", sequence-parallel";
  if (layout.pp > 1)
    words += fmt::format(", {}", kPipelineSchedules.at(static_cast<std::size_t>(layout.schedule)).name);
  if (layout.virtual_stages > 1) words += fmt::format(" with {} virtual stages", layout.virtual_stages);
  return words;
}

struct WorkloadText {
  std::string operator()(const TrainingWorkload& training) const {
    constexpr std::array<std::string_view, 3> kRecompute = {"nothing recomputed", "attention scores recomputed",
                                                            "whole layers recomputed"};
    return fmt::format("training: {} sequences of {} tokens a step, {} at a time on each data-parallel rank, {}",
                       training.global_batch, text::count(training.sequence_length), training.micro_batch,
                       kRecompute.at(static_cast<std::size_t>(training.recompute)));
  }
  std::string operator()(const InferenceWorkload& inference) const {
    const std::string prompts =
        fmt::format("inference: {} prompts of {} tokens", inference.batch, text::count(inference.prompt_tokens));
    if (inference.generated_tokens == 0) return prompts + ", scored only (nothing generated)";
    return fmt::format("{}, {} {} generated for each", prompts, text::count(inference.generated_tokens),
                       inference.generated_tokens == 1 ? "token" : "tokens");
  }
};

/// `label  words`, once when all cases agree, else one line a case.
std::string said_once(std::string_view label, const PredictionReport& report, const TextStyle& style,
                      const std::function<std::string(const ReportedCase&)>& words) {
  const auto columns = static_cast<std::size_t>(std::max(style.width, 0));
  const std::string indent = "  " + text::pad_right(label, 11);
  const std::string first = words(report.cases.front());
  if (std::ranges::all_of(report.cases, [&](const ReportedCase& one) { return words(one) == first; })) {
    return text::wrapped(indent, first, columns);
  }
  std::string lines;
  for (const ReportedCase& one : report.cases) {
    const std::string begin = lines.empty() ? indent : std::string(text::width(indent), ' ');
    lines += text::wrapped(begin, fmt::format("{} ({})", words(one), one.name), columns);
  }
  return lines;
}

std::string head(const PredictionReport& report, const TextStyle& style) {
  std::string scenarios;
  for (const ReportedCase& one : report.cases) {
    const std::string& name = one.prediction.scenario;
    if (scenarios.find(name) == std::string::npos) scenarios += (scenarios.empty() ? "" : ", ") + name;
  }
  std::string lines = text::title(scenarios, style) + "\n";
  lines += said_once("model", report, style, [](const ReportedCase& one) { return one.setting.model; });
  lines += said_once("cluster", report, style, [](const ReportedCase& one) {
    const Setting& setting = one.setting;
    return setting.device.empty() ? setting.cluster : fmt::format("{}, GPU {}", setting.cluster, setting.device);
  });
  lines +=
      said_once("layout", report, style, [](const ReportedCase& one) { return layout_text(one.setting.parallelism); });
  lines += said_once("framework", report, style, [](const ReportedCase& one) { return one.setting.framework; });
  lines += said_once("workload", report, style,
                     [](const ReportedCase& one) { return std::visit(WorkloadText{}, one.setting.workload); });
  return lines;
}

std::string busiest_links(const PredictionReport& report, const TextStyle& style) {
  std::string lines;
  for (const ReportedCase& one : report.cases) {
    if (!one.prediction.busiest_link) continue;
    const BusiestLink& link = *one.prediction.busiest_link;
    const std::string words =
        fmt::format("{}, {} of its capacity over the step", link.name, text::percent(link.utilization));
    lines += text::wrapped(report.cases.size() > 1 ? fmt::format("  {}: ", one.name) : "  ", words,
                           static_cast<std::size_t>(style.width));
  }
  return lines.empty() ? "" : "\n" + text::title("Busiest link", style) + "\n" + lines;
}

/// Sentences of all cases, each once, in order of appearance; with the cases they belong to when not to all.
std::string sentences(std::string_view title, const PredictionReport& report, const TextStyle& style,
                      std::vector<std::string> Prediction::*member) {
  std::vector<std::string> all;
  for (const ReportedCase& one : report.cases) {
    for (const std::string& sentence : one.prediction.*member) {
      if (std::ranges::find(all, sentence) == all.end()) all.push_back(sentence);
    }
  }
  if (all.empty()) return {};
  std::string lines = fmt::format("\n{}\n", text::title(title, style));
  for (const std::string& sentence : all) {
    std::string owners;
    std::size_t owned = 0;
    for (const ReportedCase& one : report.cases) {
      const auto& own = one.prediction.*member;
      if (std::ranges::find(own, sentence) == own.end()) continue;
      ++owned;
      owners += (owners.empty() ? "" : ", ") + one.name;
    }
    const std::string words = owned == report.cases.size() ? sentence : fmt::format("[{}] {}", owners, sentence);
    lines += text::wrapped("  - ", words, static_cast<std::size_t>(style.width));
  }
  return lines;
}

}  // namespace

std::string to_table(const PredictionReport& report, const RunInfo& run, const TextStyle& style) {
  MOESIM_EXPECTS(!report.cases.empty());
  const Mode mode = report.cases.front().prediction.mode;
  MOESIM_EXPECTS(
      std::ranges::all_of(report.cases, [mode](const ReportedCase& c) { return c.prediction.mode == mode; }));

  std::vector<std::string> names;
  for (const ReportedCase& one : report.cases) names.push_back(one.name);
  std::string out = head(report, style);
  std::vector<Section> sections = {headline(report), breakdown(report)};
  if (std::ranges::any_of(report.cases, [](const ReportedCase& one) { return one.flow.has_value(); })) {
    sections.push_back(streams(report));
  }
  sections.insert(sections.end(), {work(report), memory(report), uncertainty(report)});
  out += text::side_by_side(names, sections, style);
  out += busiest_links(report, style);
  out += sentences("Assumptions", report, style, &Prediction::assumptions);
  out += sentences("Calibration", report, style, &Prediction::calibration);
  out += "\n" + text::wrapped("", kLegend, static_cast<std::size_t>(style.width));
  return out + text::footer(run, style);
}

}  // namespace moesim
