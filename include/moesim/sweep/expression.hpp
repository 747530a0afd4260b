#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/scenario/sweep_file.hpp"
#include "moesim/sweep/value.hpp"

namespace moesim {

/// An expression cannot be computed at this point (a division by zero, 5us + 3): the point is left out.
class ExpressionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Arithmetic over the axes of a sweep and the keys of its scenario: + - * / %, comparisons, and or not (also && || !),
/// `a ? b : c`, min max floor ceil round sqrt log2 abs, numbers with units (100Gbps), words in quotes. Units are
/// carried along and checked.
class Expression {
 public:
  /// @throws InputError at the place in the file
  explicit Expression(const PlacedText& text);

  /// Axes and keys that it names, each once.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// @param values of `names()`, by index; null: the axis has no value here
  /// @throws ExpressionError
  [[nodiscard]] Value evaluate(const std::vector<const Value*>& values) const;
  [[nodiscard]] const PlacedText& text() const { return text_; }

  struct Node;

 private:
  PlacedText text_;
  std::vector<std::string> names_;
  std::shared_ptr<const Node> root_;
};

}  // namespace moesim
