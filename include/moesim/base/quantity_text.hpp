#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "moesim/base/units.hpp"

namespace moesim {

/// The finite number that `text` is, all of it. Independent of the locale.
[[nodiscard]] std::optional<double> finite_number(std::string_view text);

/// Reading: a number followed by a unit, with or without spaces between ("64MiB", "12.5 GB/s", "100Gbps", "2us",
/// "149.7TFLOPS"). Decimal prefixes k M G T P are powers of 1000, binary ones Ki Mi Gi Ti of 1024 (not for FLOPS); b or
/// bit is bits, B bytes; a rate ends in /s or ps. "KB" is neither prefix and refused. A bare number ("0" too), an
/// unknown unit, a number that is not finite or overflows, and text before or after give nullopt. A negative number is
/// a quantity: whether it makes sense is for the caller to say. Independent of the locale.
template <class Q>
[[nodiscard]] std::optional<Q> parse_quantity(std::string_view text);
template <>
std::optional<Seconds> parse_quantity<Seconds>(std::string_view text);
template <>
std::optional<Bytes> parse_quantity<Bytes>(std::string_view text);
template <>
std::optional<BytesPerSecond> parse_quantity<BytesPerSecond>(std::string_view text);
template <>
std::optional<FlopsPerSecond> parse_quantity<FlopsPerSecond>(std::string_view text);

/// Units that `parse_quantity<Q>` takes, for error messages, e.g. "s, ms, us, ns".
template <class Q>
[[nodiscard]] std::string_view quantity_units();

template <>
std::string_view quantity_units<Seconds>();
template <>
std::string_view quantity_units<Bytes>();
template <>
std::string_view quantity_units<BytesPerSecond>();
template <>
std::string_view quantity_units<FlopsPerSecond>();

/// Writing, for people: three to four significant digits and the decimal prefix that fits ("2.38 s", "12.5 GB/s",
/// "67.1 MB", "149.7 TFLOPS").
[[nodiscard]] std::string format_quantity(Seconds time);
[[nodiscard]] std::string format_quantity(Bytes size);
[[nodiscard]] std::string format_quantity(BytesPerSecond rate);
[[nodiscard]] std::string format_quantity(FlopsPerSecond rate);
/// Writing, for files that are read back: as many digits as it takes to read the same value again, in the SI unit
/// without a prefix ("80GiB" becomes "85899345920B"). @pre the value is finite
[[nodiscard]] std::string exact_quantity(Seconds time);
[[nodiscard]] std::string exact_quantity(Bytes size);
[[nodiscard]] std::string exact_quantity(BytesPerSecond rate);
[[nodiscard]] std::string exact_quantity(FlopsPerSecond rate);

}  // namespace moesim
