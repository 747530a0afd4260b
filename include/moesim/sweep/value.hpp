#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace moesim {

/// Powers of the units that a quantity is made of: 100Gbps is bytes^1 seconds^-1.
struct Dimension {
  int bytes = 0;
  int flops = 0;
  int seconds = 0;

  friend constexpr bool operator==(const Dimension&, const Dimension&) = default;
  friend constexpr Dimension operator+(Dimension a, Dimension b) {
    return {a.bytes + b.bytes, a.flops + b.flops, a.seconds + b.seconds};
  }
  friend constexpr Dimension operator-(Dimension a, Dimension b) {
    return {a.bytes - b.bytes, a.flops - b.flops, a.seconds - b.seconds};
  }
};

/// A number in SI units.
struct Number {
  double value = 0;
  Dimension dimension = {};

  friend bool operator==(const Number&, const Number&) = default;
};

/// What an axis takes and an expression gives: a number with its dimension, true or false, or a word.
using Value = std::variant<Number, bool, std::string>;

/// "64", "100Gbps", "2us", "true"; anything else, and everything quoted, is a word.
[[nodiscard]] Value read_value(std::string_view text, bool quoted);

/// As a configuration file takes it: "100Gbps" becomes "12500000000B/s". @return nullopt when no file can say it: a
/// number that is not finite, or of a dimension for which there is no unit
[[nodiscard]] std::optional<std::string> write_value(const Value& value);

/// As a cell of a table: numbers in SI units without the unit.
[[nodiscard]] std::string cell_text(const Value& value);

/// Unit that the name of a column ends in: "_Bps" for bandwidths, nothing for words and plain numbers.
[[nodiscard]] std::string_view column_suffix(const Value& value);

}  // namespace moesim
