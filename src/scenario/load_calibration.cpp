#include <algorithm>
#include <utility>

#include "scenario/sections.hpp"

namespace moesim {
namespace {

constexpr Limits<double> kAnyNumber = {-1e300, 1e300};
constexpr Limits<double> kShare = {0, 100};  // residuals as fractions; beyond 100 nothing was fitted
constexpr std::size_t kMostLaws = 1'000;
constexpr std::size_t kMostValues = 200;  // coefficients, ranges, spreads of one law

Provenance read_provenance(Reader in) {
  Provenance provenance;
  provenance.source = in.text({"source", "project, table or paper that the samples are from"});
  provenance.license = in.text({"license", "of the samples"}, "");
  provenance.hardware = in.text({"hardware", "GPU, driver, clocks, library versions as far as known"}, "");
  provenance.date = in.text({"date", "of the fit"}, "");
  provenance.command = in.text({"command", "that made the fit"}, "");
  provenance.samples = in.integer({"samples", "samples that the fit used; 0: stated, not fitted"}, {0, 100'000'000}, 0);
  provenance.median_error =
      in.number({"median_error", "median of |measured / predicted - 1|, cross-validated"}, kShare, 0);
  provenance.p90_error = in.number({"p90_error", "90th percentile of the same"}, kShare, 0);
  provenance.validation = in.text({"validation", "how it was cross-validated"}, "");
  in.reject_unknown_keys();
  return provenance;
}

Range read_range(Reader& in, const Key& key) {
  const std::vector<double> ends = in.numbers(key, kAnyNumber, 2);
  in.require(ends.size() == 2 && ends[0] <= ends[1], {key.name}, "must be [lowest, highest] (what the samples cover)");
  return ends.size() == 2 ? Range{ends[0], ends[1]} : Range{};
}

FittedLaw read_law(Reader in) {
  FittedLaw law;
  law.name = in.text({"name", "kernel or link class and, where it has one, element type: gemm.fp16"});
  {
    Reader coefficients = in.child({"coefficients", "numbers of the law, by name, in SI units"});
    for (const std::string& name : coefficients.keys("NAME", kMostValues)) {
      law.coefficients[name] = coefficients.number({name, "a coefficient of the law"}, kAnyNumber);
    }
  }
  if (auto ranges =
          in.optional_child({"ranges", "by shape argument: what the samples cover; outside is extrapolated"})) {
    for (const std::string& name : ranges->keys("ARGUMENT", kMostValues)) {
      law.ranges[name] = read_range(*ranges, {name, "[lowest, highest] value among the samples"});
    }
  }
  if (auto spreads = in.optional_child(
          {"spreads", "by region: half-width of the central 90 % interval of ln(measured / predicted)"})) {
    for (const std::string& name : spreads->keys("REGION", kMostValues)) {
      law.spreads.push_back({name, spreads->number({name, "spread of a region"}, kShare)});
    }
  }
  law.provenance = read_provenance(in.child({"provenance", "where the numbers are from"}));
  in.reject_unknown_keys();
  return law;
}

}  // namespace

Calibration read_calibration(Reader in) {
  Calibration calibration;
  calibration.name = in.text({"name", "of the file"});
  calibration.device = in.text({"device", "device or kind of machine that it holds for"}, "");
  for (Reader& law : in.children({"laws", "the fitted laws"}, kMostLaws)) {
    FittedLaw read = read_law(law);
    const bool twice = std::any_of(calibration.laws.begin(), calibration.laws.end(),
                                   [&](const FittedLaw& other) { return other.name == read.name; });
    law.require(!twice, {"name"}, "is there twice (only the first would be found)");
    calibration.laws.push_back(std::move(read));
  }
  in.reject_unknown_keys();
  return calibration;
}

}  // namespace moesim
