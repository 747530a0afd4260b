#include "moesim/sweep/value.hpp"

#include <array>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/quantity_text.hpp"
#include "moesim/base/units.hpp"

namespace moesim {
namespace {

constexpr Dimension kTime{.seconds = 1};
constexpr Dimension kSize{.bytes = 1};
constexpr Dimension kBandwidth{.bytes = 1, .seconds = -1};
constexpr Dimension kComputeRate{.flops = 1, .seconds = -1};

struct NamedDimension {
  Dimension dimension;
  std::string_view suffix;
};
constexpr std::array kSuffixes = {NamedDimension{kTime, "_s"}, NamedDimension{kSize, "_B"},
                                  NamedDimension{kBandwidth, "_Bps"}, NamedDimension{kComputeRate, "_FLOPS"}};

template <class Q>
std::optional<Number> quantity(std::string_view text, Dimension dimension) {
  const auto read = parse_quantity<Q>(text);
  return read ? std::optional<Number>(Number{read->value, dimension}) : std::nullopt;
}

struct Writer {
  std::optional<std::string> operator()(const Number& number) const {
    if (!std::isfinite(number.value)) return std::nullopt;
    if (number.dimension == Dimension{}) return cell_text(number);
    if (number.dimension == kTime) return exact_quantity(Seconds{number.value});
    if (number.dimension == kSize) return exact_quantity(Bytes{number.value});
    if (number.dimension == kBandwidth) return exact_quantity(BytesPerSecond{number.value});
    if (number.dimension == kComputeRate) return exact_quantity(FlopsPerSecond{number.value});
    return std::nullopt;
  }
  std::optional<std::string> operator()(bool flag) const { return flag ? "true" : "false"; }
  std::optional<std::string> operator()(const std::string& word) const { return word; }
};

}  // namespace

Value read_value(std::string_view text, bool quoted) {
  if (quoted) return std::string(text);
  if (text == "true") return true;
  if (text == "false") return false;
  if (const auto number = finite_number(text)) return Number{*number, {}};
  if (const auto time = quantity<Seconds>(text, kTime)) return *time;
  if (const auto size = quantity<Bytes>(text, kSize)) return *size;
  if (const auto rate = quantity<BytesPerSecond>(text, kBandwidth)) return *rate;
  if (const auto rate = quantity<FlopsPerSecond>(text, kComputeRate)) return *rate;
  return std::string(text);
}

std::optional<std::string> write_value(const Value& value) { return std::visit(Writer{}, value); }

std::string cell_text(const Value& value) {
  if (const auto* number = std::get_if<Number>(&value)) {
    // Whole numbers without a point or an exponent, however large: readers of whole numbers take nothing else.
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (number->value == std::floor(number->value) && std::abs(number->value) < kExact) {
      return fmt::format("{:.0f}", number->value == 0 ? 0.0 : number->value);
    }
    return fmt::format("{}", number->value);
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::get<std::string>(value);
}

std::string_view column_suffix(const Value& value) {
  const auto* number = std::get_if<Number>(&value);
  if (number == nullptr) return {};
  for (const NamedDimension& named : kSuffixes) {
    if (named.dimension == number->dimension) return named.suffix;
  }
  return {};
}

}  // namespace moesim
