#include "moesim/fit/calibration_yaml.hpp"

#include <fmt/core.h>
#include <string_view>

namespace moesim {
namespace {

/// As a YAML string in double quotes.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string law_yaml(const FittedLaw& law) {
  std::string yaml = fmt::format("  - name: {}\n    coefficients:\n", law.name);
  for (const auto& [name, value] : law.coefficients) yaml += fmt::format("      {}: {:.6g}\n", name, value);
  if (!law.ranges.empty()) {
    yaml += "    ranges:\n";
    for (const auto& [name, range] : law.ranges) {
      yaml += fmt::format("      {}: [{:.12g}, {:.12g}]\n", name, range.lo, range.hi);
    }
  }
  if (!law.spreads.empty()) {
    yaml += "    spreads:\n";
    for (const Spread& spread : law.spreads) yaml += fmt::format("      {}: {:.4g}\n", spread.region, spread.value);
  }
  const Provenance& from = law.provenance;
  yaml += fmt::format("    provenance:\n      source: {}\n", quoted(from.source));
  for (const auto& [key, text] : {std::pair<std::string_view, const std::string&>("license", from.license),
                                  {"hardware", from.hardware},
                                  {"date", from.date},
                                  {"command", from.command}}) {
    if (!text.empty()) yaml += fmt::format("      {}: {}\n", key, quoted(text));
  }
  yaml += fmt::format("      samples: {}\n      median_error: {:.4g}\n      p90_error: {:.4g}\n", from.samples,
                      from.median_error, from.p90_error);
  if (!from.validation.empty()) yaml += fmt::format("      validation: {}\n", quoted(from.validation));
  return yaml;
}

}  // namespace

std::string calibration_yaml(const Calibration& calibration) {
  std::string yaml = fmt::format("name: {}\n", calibration.name);
  if (!calibration.device.empty()) yaml += fmt::format("device: {}\n", calibration.device);
  yaml += "laws:\n";
  for (const FittedLaw& law : calibration.laws) yaml += law_yaml(law);
  return yaml;
}

}  // namespace moesim
