#include "moesim/report/validation_report.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "moesim/base/statistics.hpp"
#include "moesim/report/listing.hpp"

#include "report/json_text.hpp"

namespace moesim {
namespace {

ValidationSummary summary_of(std::string group, const std::vector<const ValidationCase*>& cases) {
  ValidationSummary summary{.group = std::move(group), .cases = static_cast<int>(cases.size())};
  int held = 0;
  std::vector<double> errors;
  std::vector<double> sizes;
  for (const ValidationCase* one : cases) {
    summary.within += one->within() ? 1 : 0;
    held += one->in_interval() ? 1 : 0;
    errors.push_back(one->error());
    sizes.push_back(std::abs(one->error()));
  }
  summary.in_interval = held;
  summary.median = nearest_quantile(sizes, 0.5);
  summary.p90 = nearest_quantile(sizes, 0.9);
  summary.bias = nearest_quantile(errors, 0.5);
  return summary;
}

double rounded(double value) { return std::round(value * 1e5) / 1e5; }

std::string yes(bool value) { return value ? "yes" : "NO"; }

Listing listing_of_cases(const ValidationReport& report) {
  Listing listing{.what = "cases",
                  .columns = {{"trace", ""},
                              {"case", "case"},
                              {"part", "part"},
                              {"measured_s", "measured, us", 1e-6},
                              {"predicted_s", "predicted, us", 1e-6},
                              {"lo_s", "90 % from", 1e-6},
                              {"hi_s", "to", 1e-6},
                              {"error", "error, %", 0.01},
                              {"within_tolerance", "within"},
                              {"in_interval", "in interval"},
                              {"ratio_error", "ratio, %", 0.01}},
                  .rows = {}};
  for (const ValidationCase& one : report.cases) {
    const Interval interval = one.predicted.interval();
    const std::optional<double> ratio = report.ratio_error(one);
    Listing::Cell ratio_cell;
    if (ratio) ratio_cell = rounded(*ratio);
    listing.rows.push_back({one.trace, one.name, one.part, one.measured.value, one.predicted.time.value,
                            interval.lo.value, interval.hi.value, rounded(one.error()), yes(one.within()),
                            yes(one.in_interval()), ratio_cell});
  }
  return listing;
}

Listing listing_of_summaries(const ValidationReport& report) {
  Listing listing{.what = "summary",
                  .columns = {{"group", "group"},
                              {"cases", "cases"},
                              {"median_error", "median, %", 0.01},
                              {"p90_error", "90th, %", 0.01},
                              {"bias", "bias, %", 0.01},
                              {"within_tolerance", "within tolerance, %", 0.01},
                              {"in_interval", "in the 90 % interval, %", 0.01}},
                  .rows = {}};
  for (const ValidationSummary& one : report.summaries()) {
    const double cases = std::max(one.cases, 1);
    Listing::Cell held;
    if (one.in_interval) held = rounded(*one.in_interval / cases);
    listing.rows.push_back({one.group, static_cast<double>(one.cases), rounded(one.median), rounded(one.p90),
                            rounded(one.bias), rounded(one.within / cases), held});
  }
  return listing;
}

nlohmann::ordered_json json_of(const Listing& listing) {
  auto items = nlohmann::ordered_json::array();
  for (const auto& row : listing.rows) {
    nlohmann::ordered_json item;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string& key = listing.columns[c].key;
      if (const auto* number = std::get_if<double>(&row[c])) item[key] = *number;
      if (const auto* words = std::get_if<std::string>(&row[c])) {
        if (key == "within_tolerance" || key == "in_interval") {
          item[key] = *words == yes(true);
        } else {
          item[key] = *words;
        }
      }
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

bool ValidationCase::within() const { return std::abs(error()) <= tolerance; }

bool ValidationCase::in_interval() const {
  const Interval interval = predicted.interval();
  return interval.lo <= measured && measured <= interval.hi;
}

std::optional<double> ValidationReport::ratio_error(const ValidationCase& one) const {
  if (!one.baseline) return std::nullopt;
  const ValidationCase& base = cases[static_cast<std::size_t>(*one.baseline)];
  return (base.predicted.time / one.predicted.time) / (base.measured / one.measured) - 1;
}

bool ValidationReport::all_within() const {
  return std::ranges::all_of(cases, [&](const ValidationCase& one) {
    const std::optional<double> ratio = ratio_error(one);
    return one.within() && (!ratio || std::abs(*ratio) <= one.ratio_tolerance);
  });
}

std::vector<ValidationSummary> ValidationReport::summaries() const {
  std::map<std::string, std::vector<const ValidationCase*>> groups;
  std::vector<const ValidationCase*> all;
  std::vector<double> ratios;
  int ratios_within = 0;
  for (const ValidationCase& one : cases) {
    all.push_back(&one);
    groups[fmt::format("{}: {}", one.trace, one.part)].push_back(&one);
    if (const std::optional<double> ratio = ratio_error(one)) {
      ratios.push_back(*ratio);
      ratios_within += std::abs(*ratio) <= one.ratio_tolerance ? 1 : 0;
    }
  }
  std::vector<ValidationSummary> summaries;
  for (const auto& [group, some] : groups) summaries.push_back(summary_of(group, some));
  if (!ratios.empty()) {
    std::vector<double> sizes = ratios;
    for (double& one : sizes) one = std::abs(one);
    summaries.push_back({.group = "ratios to their baselines",
                         .cases = static_cast<int>(ratios.size()),
                         .within = ratios_within,
                         .in_interval = std::nullopt,
                         .median = nearest_quantile(sizes, 0.5),
                         .p90 = nearest_quantile(sizes, 0.9),
                         .bias = nearest_quantile(ratios, 0.5)});
  }
  summaries.push_back(summary_of("all cases", all));
  return summaries;
}

std::string to_table(const ValidationReport& report, const RunInfo& run, const TextStyle& style) {
  return to_table(listing_of_cases(report), run, style) + "\n" + to_table(listing_of_summaries(report), run, style);
}

std::string to_json(const ValidationReport& report, const RunInfo& run) {
  nlohmann::ordered_json json;
  json["cases"] = json_of(listing_of_cases(report));
  json["summary"] = json_of(listing_of_summaries(report));
  json["within_tolerance"] = report.all_within();
  json["provenance"] = provenance_json(run);
  return json_text(json);
}

std::string to_csv(const ValidationReport& report, const RunInfo& run) { return to_csv(listing_of_cases(report), run); }

}  // namespace moesim
