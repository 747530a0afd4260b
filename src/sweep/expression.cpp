#include "moesim/sweep/expression.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "sweep/expression_node.hpp"

namespace moesim {
namespace {

using Node = Expression::Node;

[[noreturn]] void fail(const char* message) { throw ExpressionError(message); }

Number number(const Value& value) {
  if (const auto* one = std::get_if<Number>(&value)) return *one;
  fail("takes a word or true/false for a number");
}

bool truth(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  fail("takes a number or a word for true or false (write a comparison)");
}

void expect_alike(const Number& a, const Number& b) {
  if (a.dimension != b.dimension) fail("adds or compares values of different units");
}

Number plain(const Value& value) {
  const Number one = number(value);
  if (one.dimension != Dimension{}) fail("takes a value with a unit where a plain number is due");
  return one;
}

Number finite(Number number) {
  if (!std::isfinite(number.value)) fail("is not finite (a division by zero?)");
  return number;
}

bool equal(const Value& a, const Value& b) {
  if (a.index() != b.index()) fail("compares a word with a number");
  if (const auto* left = std::get_if<Number>(&a)) expect_alike(*left, std::get<Number>(b));
  return a == b;
}

Value arithmetic(Operation operation, const Number& a, const Number& b) {
  switch (operation) {
    case Operation::add:
      expect_alike(a, b);
      return finite({a.value + b.value, a.dimension});
    case Operation::subtract:
      expect_alike(a, b);
      return finite({a.value - b.value, a.dimension});
    case Operation::multiply:
      return finite({a.value * b.value, a.dimension + b.dimension});
    case Operation::divide:
      return finite({a.value / b.value, a.dimension - b.dimension});
    case Operation::remainder:
      expect_alike(a, b);
      return finite({std::fmod(a.value, b.value), a.dimension});
    case Operation::less:
      expect_alike(a, b);
      return a.value < b.value;
    case Operation::less_equal:
      expect_alike(a, b);
      return a.value <= b.value;
    case Operation::greater:
      expect_alike(a, b);
      return a.value > b.value;
    default:
      expect_alike(a, b);
      return a.value >= b.value;
  }
}

class Evaluation {
 public:
  Evaluation(const std::vector<const Value*>& values, const std::vector<std::string>& names)
      : values_(values), names_(names) {}

  Value of(const Node& node) const {
    const auto operand = [&](std::size_t i) { return of(*node.operands[i]); };
    switch (node.operation) {
      case Operation::constant:
        return node.value;
      case Operation::name:
        if (values_[node.name] == nullptr) {
          throw ExpressionError(fmt::format("uses {}, which has no value here", names_[node.name]));
        }
        return *values_[node.name];
      case Operation::negate: {
        const Number one = number(operand(0));
        return Number{-one.value, one.dimension};
      }
      case Operation::logical_not:
        return !truth(operand(0));
      case Operation::logical_and:
        return truth(operand(0)) && truth(operand(1));
      case Operation::logical_or:
        return truth(operand(0)) || truth(operand(1));
      case Operation::choose:
        return truth(operand(0)) ? operand(1) : operand(2);
      case Operation::equal:
        return equal(operand(0), operand(1));
      case Operation::not_equal:
        return !equal(operand(0), operand(1));
      case Operation::minimum:
      case Operation::maximum:
        return extreme(node);
      case Operation::floor:
        return Number{std::floor(plain(operand(0)).value)};
      case Operation::ceil:
        return Number{std::ceil(plain(operand(0)).value)};
      case Operation::round:
        return Number{std::round(plain(operand(0)).value)};
      case Operation::square_root:
        return finite({std::sqrt(plain(operand(0)).value)});
      case Operation::log2:
        return finite({std::log2(plain(operand(0)).value)});
      case Operation::absolute: {
        const Number one = number(operand(0));
        return Number{std::abs(one.value), one.dimension};
      }
      default:
        return arithmetic(node.operation, number(operand(0)), number(operand(1)));
    }
  }

 private:
  Value extreme(const Node& node) const {
    Number best = number(of(*node.operands.front()));
    for (const auto& operand : node.operands) {
      const Number one = number(of(*operand));
      expect_alike(best, one);
      const bool better = node.operation == Operation::minimum ? one.value < best.value : one.value > best.value;
      if (better) best = one;
    }
    return best;
  }

  const std::vector<const Value*>& values_;
  const std::vector<std::string>& names_;
};

}  // namespace

Value Expression::evaluate(const std::vector<const Value*>& values) const {
  return Evaluation(values, names_).of(*root_);
}

}  // namespace moesim
