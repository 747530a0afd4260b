#include "moesim/report/collective_report.hpp"

#include <cstddef>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

#include "report/names.hpp"
#include "report/text.hpp"

namespace moesim {
namespace {

constexpr std::size_t kBusiestShown = 12;

/// The report's sizes, one line each.
std::string sizes(const CollectiveReport& report, const TextStyle& style) {
  using Align = text::Grid::Align;
  text::Grid grid;
  for (const char* const title : {"bytes per rank", "time", "90 % interval", "algbw", "busbw"}) {
    grid.column(title, Align::right);
  }
  grid.column("busiest link", Align::left);
  for (const CollectivePoint& point : report.points) {
    const Estimate& estimate = point.estimate.estimate;
    const Bandwidths rates = bandwidths(report.kind, report.ranks, point.bytes_per_rank, estimate.time);
    std::string busiest = "none: nothing leaves a rank";
    if (!point.links.empty()) {
      const NamedLinkLoad& load = point.links.front();
      busiest = fmt::format("{} ({})", load.link, text::percent(load.utilization));
    }
    if (point.estimate.extrapolated) busiest += ", extrapolated";
    const std::string range = text::interval(estimate);
    grid.row({text::binary(point.bytes_per_rank), format_quantity(estimate.time), range.empty() ? "exact" : range,
              format_quantity(rates.algorithm), format_quantity(rates.bus), busiest});
  }
  return grid.render(style);
}

std::string links(const CollectivePoint& point, const TextStyle& style) {
  using Align = text::Grid::Align;
  text::Grid grid;
  grid.column("link, busiest first", Align::left);
  grid.column("carries", Align::right);
  grid.column("utilization", Align::left);
  for (std::size_t i = 0; i < point.links.size() && i < kBusiestShown; ++i) {
    const NamedLinkLoad& load = point.links[i];
    grid.row(
        {load.link, text::binary(load.bytes),
         fmt::format("{} {}", text::pad_left(text::percent(load.utilization), 7), text::bar(load.utilization, 20))});
  }
  std::string lines = "\n" + grid.render(style);
  if (point.links.size() > kBusiestShown) {
    lines += text::dim(fmt::format("{} more links carry something: --format json", point.links.size() - kBusiestShown),
                       style);
    lines += "\n";
  }
  return lines;
}

}  // namespace

Bandwidths bandwidths(CollectiveKind kind, int ranks, Bytes bytes_per_rank, Seconds time) {
  if (time.value <= 0) return {};
  const BytesPerSecond algorithm = bytes_per_rank / time;
  return {.algorithm = algorithm, .bus = bus_bandwidth_factor(kind, ranks) * algorithm};
}

std::string to_table(const CollectiveReport& report, const RunInfo& run, const TextStyle& style) {
  MOESIM_EXPECTS(!report.points.empty());
  std::string head{collective_name(report.kind)};
  if (!report.algorithm.empty()) head += fmt::format(", {}", report.algorithm);
  head += fmt::format(", {} {} of {}", report.ranks, report.ranks == 1 ? "rank" : "ranks", report.cluster);
  if (report.ideal) head += ", ideal (capacities and latencies only)";
  if (report.points.front().flows) head += ", flow engine";
  std::string out = text::title(head, style) + "\n\n" + sizes(report, style);
  if (report.points.size() == 1 && !report.points.front().links.empty()) out += links(report.points.front(), style);
  out +=
      "\n" + text::wrapped("",
                           report.matrix
                               ? "bytes per rank: the largest send buffer of the matrix, what stays at home included; "
                                 "algbw is that over the time, busbw as nccl-tests derives it."
                               : "bytes per rank, algbw and busbw are those that nccl-tests prints.",
                           static_cast<std::size_t>(style.width));
  return out + text::footer(run, style);
}

}  // namespace moesim
