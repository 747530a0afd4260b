#include "moesim/report/kernel_report.hpp"

#include <fmt/format.h>

#include "moesim/base/quantity_text.hpp"

#include "report/text.hpp"

namespace moesim {
namespace {

constexpr std::size_t kLabelWidth = 15;

std::string line(std::string_view label, std::string_view words, const TextStyle& style) {
  return text::wrapped("  " + text::pad_right(label, kLabelWidth), words, static_cast<std::size_t>(style.width));
}

std::string shape_text(const std::vector<ShapeArgument>& shape) {
  std::string words;
  for (const ShapeArgument& argument : shape) {
    const double* const value = std::get_if<double>(&argument.value);
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", argument.name,
                         value != nullptr ? fmt::format("{}", *value) : std::get<std::string>(argument.value));
  }
  return words;
}

}  // namespace

std::string_view bound_text(const KernelEstimate& estimate) {
  return estimate.extrapolated ? "extrapolated" : bound_name(estimate.bound);
}

std::string to_table(const KernelReport& report, const RunInfo& run, const TextStyle& style) {
  const KernelEstimate& estimate = report.estimate;
  const Seconds time = estimate.estimate.time;
  std::string out = text::title(fmt::format("{} on {}", report.kernel, report.device), style) + "\n";
  out += line("shape", shape_text(report.shape), style);
  const std::string range = text::interval(estimate.estimate);
  out += line("time", format_quantity(time) + (range.empty() ? "" : fmt::format("   (90 %: {})", range)), style);
  out += line("limited by", bound_name(estimate.bound), style);
  if (report.work && report.peak && time.value > 0) {
    const FlopsPerSecond reached = *report.work / time;
    std::string words = format_quantity(reached);
    if (report.peak->value > 0) {
      words +=
          fmt::format(", {} of the peak of {}", text::percent(reached / *report.peak), format_quantity(*report.peak));
    }
    out += line("reaches", words, style);
  }
  if (report.moved && time.value > 0) {
    const BytesPerSecond reached = *report.moved / time;
    out += line("reaches",
                fmt::format("{}, {} of the memory's {}", format_quantity(reached),
                            text::percent(reached / report.memory_bandwidth), format_quantity(report.memory_bandwidth)),
                style);
  }
  if (estimate.extrapolated) {
    out += line("extrapolated", "the shape lies outside the measured samples; the interval is widened", style);
  }
  if (estimate.law != nullptr) {
    const Provenance& from = estimate.law->provenance;
    out +=
        line("law",
             fmt::format("{}: {} samples, median error {}, 90th percentile {} ({})", estimate.law->name, from.samples,
                         text::percent(from.median_error), text::percent(from.p90_error), from.validation),
             style);
    out += line("samples from", from.source, style);
  } else {
    out += line("law", "none for this kernel on this device: data-sheet roofline with an assumed spread", style);
  }
  return out + "\n" + text::footer(run, style);
}

}  // namespace moesim
