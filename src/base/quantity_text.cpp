#include "moesim/base/quantity_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <span>
#include <system_error>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

struct NumberAndUnit {
  double number;
  std::string_view unit;
};

std::optional<NumberAndUnit> split(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || !std::isfinite(number)) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  return NumberAndUnit{number, unit};
}

/// Takes a prefix off the front of `unit` and returns what it stands for; 1 when there is none. "Pi", "Ei" are not
/// taken.
double take_prefix(std::string_view& unit, bool binary_allowed) {
  if (unit.empty()) return 1;
  double decimal = 1;
  double binary = 0;
  switch (unit.front()) {
    case 'K':
      binary = 0x1p10;
      break;  // only as Ki: whether KB means 1000 or 1024 bytes nobody knows
    case 'k':
      decimal = 1e3;
      break;
    case 'M':
      decimal = 1e6, binary = 0x1p20;
      break;
    case 'G':
      decimal = 1e9, binary = 0x1p30;
      break;
    case 'T':
      decimal = 1e12, binary = 0x1p40;
      break;
    case 'P':
      decimal = 1e15;
      break;
    default:
      return 1;
  }
  if (binary_allowed && binary != 0 && unit.substr(1).starts_with('i')) {
    unit.remove_prefix(2);
    return binary;
  }
  if (decimal != 1) unit.remove_prefix(1);
  return decimal;
}

/// Bytes per unit for what is left once the prefix is gone; nullopt if that is no unit of data.
std::optional<double> bytes_of(std::string_view unit) {
  if (unit == "B") return 1;
  if (unit == "b" || unit == "bit") return 1.0 / 8.0;
  return std::nullopt;
}

template <class Q>
std::optional<Q> if_finite(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  return Q{value};
}

/// What `format_quantity` may put before the unit, smallest first.
struct Prefix {
  double scale;
  std::string_view name;
};
constexpr std::array kSmall = {Prefix{1e-9, "n"}, Prefix{1e-6, "u"}, Prefix{1e-3, "m"}, Prefix{1, ""}};
constexpr std::array kLarge = {Prefix{1, ""},    Prefix{1e3, "k"},  Prefix{1e6, "M"},
                               Prefix{1e9, "G"}, Prefix{1e12, "T"}, Prefix{1e15, "P"}};

std::string for_people(double value, std::span<const Prefix> prefixes, std::string_view unit) {
  if (value == 0 || !std::isfinite(value)) return fmt::format("{} {}", value == 0 ? 0.0 : value, unit);
  // A prefix fits when at most 999.9 stands before it; 999.95 and more would print as 1000.0.
  constexpr double kRoundsToThousand = 999.95;
  std::size_t chosen = 0;
  while (chosen + 1 < prefixes.size() && std::abs(value) / prefixes[chosen].scale >= kRoundsToThousand) ++chosen;
  const double number = value / prefixes[chosen].scale;
  const double size = std::abs(number);
  std::string digits;
  if ((size < 1 && chosen == 0) || size >= 1e6) {  // beyond the prefixes
    digits = fmt::format("{:.3g}", number);
  } else if (size < 9.995) {
    digits = fmt::format("{:.2f}", number);
  } else if (size < kRoundsToThousand) {
    digits = fmt::format("{:.1f}", number);
  } else {
    digits = fmt::format("{:.0f}", number);
  }
  return fmt::format("{} {}{}", digits, prefixes[chosen].name, unit);
}

std::string exact(double value, std::string_view unit) {
  MOESIM_EXPECTS(std::isfinite(value));
  return fmt::format("{}{}", value, unit);
}

}  // namespace

std::optional<double> finite_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

template <>
std::optional<Seconds> parse_quantity<Seconds>(std::string_view text) {
  const auto read = split(text);
  if (!read) return std::nullopt;
  // Dividing by an exact power of ten, not multiplying by an inexact one, makes "3us" the double that is nearest to
  // 3e-6.
  if (read->unit == "s") return Seconds{read->number};
  if (read->unit == "ms") return Seconds{read->number / 1e3};
  if (read->unit == "us") return Seconds{read->number / 1e6};
  if (read->unit == "ns") return Seconds{read->number / 1e9};
  return std::nullopt;
}

template <>
std::optional<Bytes> parse_quantity<Bytes>(std::string_view text) {
  auto read = split(text);
  if (!read) return std::nullopt;
  const double prefix = take_prefix(read->unit, true);
  const auto unit = bytes_of(read->unit);
  return unit ? if_finite<Bytes>(read->number * prefix * *unit) : std::nullopt;
}

template <>
std::optional<BytesPerSecond> parse_quantity<BytesPerSecond>(std::string_view text) {
  auto read = split(text);
  if (!read) return std::nullopt;
  const double prefix = take_prefix(read->unit, true);
  if (!read->unit.ends_with("/s") && !read->unit.ends_with("ps")) return std::nullopt;
  read->unit.remove_suffix(2);
  const auto unit = bytes_of(read->unit);
  return unit ? if_finite<BytesPerSecond>(read->number * prefix * *unit) : std::nullopt;
}

template <>
std::optional<FlopsPerSecond> parse_quantity<FlopsPerSecond>(std::string_view text) {
  auto read = split(text);
  if (!read) return std::nullopt;
  const double prefix = take_prefix(read->unit, false);
  if (read->unit != "FLOPS" && read->unit != "FLOP/s") return std::nullopt;
  return if_finite<FlopsPerSecond>(read->number * prefix);
}

template <>
std::string_view quantity_units<Seconds>() {
  return "s, ms, us, ns";
}
template <>
std::string_view quantity_units<Bytes>() {
  return "B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, or bits as b, kb, Mb, Gb, Tb";
}
template <>
std::string_view quantity_units<BytesPerSecond>() {
  return "B/s, kB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, TiB/s, or bits as bps, kbps, Mbps, Gbps, Tbps";
}
template <>
std::string_view quantity_units<FlopsPerSecond>() {
  return "FLOPS, GFLOPS, TFLOPS, PFLOPS";
}

std::string format_quantity(Seconds time) { return for_people(time.value, kSmall, "s"); }
std::string format_quantity(Bytes size) { return for_people(size.value, kLarge, "B"); }
std::string format_quantity(BytesPerSecond rate) { return for_people(rate.value, kLarge, "B/s"); }
std::string format_quantity(FlopsPerSecond rate) { return for_people(rate.value, kLarge, "FLOPS"); }

std::string exact_quantity(Seconds time) { return exact(time.value, "s"); }
std::string exact_quantity(Bytes size) { return exact(size.value, "B"); }
std::string exact_quantity(BytesPerSecond rate) { return exact(rate.value, "B/s"); }
std::string exact_quantity(FlopsPerSecond rate) { return exact(rate.value, "FLOPS"); }

}  // namespace moesim
