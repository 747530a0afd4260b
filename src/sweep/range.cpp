#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sweep/grid.hpp"

namespace moesim {
namespace {

constexpr double kSame = 1e-9;  // relative; what rounding in a range amounts to

[[noreturn]] void fail(const PlacedText& at, const std::string& name, std::string message) {
  throw InputError(
      {Diagnostic{.file = at.file, .line = at.line, .column = at.column, .key = name, .message = std::move(message)}});
}

Number end_of(const PlacedText& text, const std::string& name) {
  const Value value = read_value(text.text, text.quoted);
  if (const auto* number = std::get_if<Number>(&value)) return *number;
  fail(text, name, fmt::format("{} is no number (with a unit or without) to make a range of", text.text));
}

/// Twelve significant digits, so that 25 Gbps x 2^5 is 800 Gbps and not a bit beside it; whole numbers stay whole.
double tidy(double value) {
  if (value == 0) return 0;
  const double whole = std::round(value);
  if (std::abs(value - whole) <= kSame * std::abs(value) && std::abs(value) >= 1) return whole;
  const double scale = std::pow(10.0, 11 - std::floor(std::log10(std::abs(value))));
  return std::isfinite(scale) && scale > 0 ? std::round(value * scale) / scale : value;
}

}  // namespace

std::vector<Value> range_values(const AxisText& axis) {
  constexpr std::size_t kMost = 100'000;
  const Number from = end_of(*axis.from, axis.name);
  const Number to = end_of(*axis.to, axis.name);
  if (from.dimension != to.dimension) fail(*axis.to, axis.name, "has another unit than the range's first value");
  if (axis.logarithmic && (from.value <= 0 || to.value <= 0)) {
    fail(*axis.from, axis.name, "is no end of a logarithmic range (both must be above zero)");
  }
  std::size_t count = 1;
  if (axis.count) {
    count = static_cast<std::size_t>(*axis.count);
    if (count == 1 && from != to) fail(*axis.to, axis.name, "is another end than the first, and count is 1");
  } else {
    const Number step = end_of(*axis.step, axis.name);
    if (step.dimension != from.dimension) fail(*axis.step, axis.name, "has another unit than the range's ends");
    const double steps = (to.value - from.value) / step.value;
    if (!std::isfinite(steps) || steps < 0)
      fail(*axis.step, axis.name, "does not lead from the first value to the last");
    if (steps >= static_cast<double>(kMost))
      fail(*axis.step, axis.name, fmt::format("makes more than {} values", kMost));
    if (std::abs(steps - std::round(steps)) > 1e-6) {
      fail(*axis.step, axis.name, "does not divide the range (its last value would be left out)");
    }
    count = static_cast<std::size_t>(std::lround(steps)) + 1;
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    double value = axis.logarithmic ? from.value * std::pow(to.value / from.value, share)
                                    : from.value + (to.value - from.value) * share;
    if (i == 0) {
      value = from.value;
    } else if (i + 1 == count) {
      value = to.value;
    } else {
      value = tidy(value);
    }
    if (axis.whole) value = std::round(value);
    Value next = Number{value, from.dimension};
    if (values.empty() || values.back() != next) values.push_back(std::move(next));
  }
  return values;
}

}  // namespace moesim
