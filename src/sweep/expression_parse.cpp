#include <algorithm>
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "sweep/expression_node.hpp"

namespace moesim {
namespace {

using Node = Expression::Node;
using NodePtr = std::shared_ptr<const Node>;

struct NamedFunction {
  std::string_view name;
  Operation operation;
  std::size_t fewest;
  std::size_t most;
};
constexpr std::size_t kMany = 16;
constexpr std::array kFunctions = {
    NamedFunction{"min", Operation::minimum, 2, kMany}, NamedFunction{"max", Operation::maximum, 2, kMany},
    NamedFunction{"floor", Operation::floor, 1, 1},     NamedFunction{"ceil", Operation::ceil, 1, 1},
    NamedFunction{"round", Operation::round, 1, 1},     NamedFunction{"sqrt", Operation::square_root, 1, 1},
    NamedFunction{"log2", Operation::log2, 1, 1},       NamedFunction{"abs", Operation::absolute, 1, 1}};

struct NamedOperator {
  std::string_view text;
  Operation operation;
  int level;  ///< binds tighter the higher it is
};
// Longer ones first, so that <= is not read as <.
constexpr std::array kOperators = {
    NamedOperator{"||", Operation::logical_or, 1},  NamedOperator{"or ", Operation::logical_or, 1},
    NamedOperator{"&&", Operation::logical_and, 2}, NamedOperator{"and ", Operation::logical_and, 2},
    NamedOperator{"==", Operation::equal, 3},       NamedOperator{"!=", Operation::not_equal, 3},
    NamedOperator{"<=", Operation::less_equal, 4},  NamedOperator{">=", Operation::greater_equal, 4},
    NamedOperator{"<", Operation::less, 4},         NamedOperator{">", Operation::greater, 4},
    NamedOperator{"+", Operation::add, 5},          NamedOperator{"-", Operation::subtract, 5},
    NamedOperator{"*", Operation::multiply, 6},     NamedOperator{"/", Operation::divide, 6},
    NamedOperator{"%", Operation::remainder, 6},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Recursive descent over the text; one object per expression.
class Parser {
 public:
  Parser(const PlacedText& text, std::vector<std::string>& names) : text_(text), rest_(text.text), names_(names) {}

  NodePtr whole() {
    NodePtr node = choice();
    skip_spaces();
    if (!rest_.empty()) fail(fmt::format("cannot be read from '{}' on", rest_.substr(0, 20)));
    return node;
  }

 private:
  static constexpr int kDeepest = 60;

  [[noreturn]] void fail(std::string message) const {
    throw InputError({Diagnostic{.file = text_.file,
                                 .line = text_.line,
                                 .column = text_.column,
                                 .key = text_.text.substr(0, 80),
                                 .message = std::move(message)}});
  }

  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  bool take(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  static NodePtr node(Operation operation, std::vector<NodePtr> operands) {
    return std::make_shared<const Node>(Node{.operation = operation, .operands = std::move(operands)});
  }
  static NodePtr constant(Value value) {
    return std::make_shared<const Node>(Node{.operation = Operation::constant, .value = std::move(value)});
  }

  NodePtr choice() {
    if (++depth_ > kDeepest) fail("is nested too deeply");
    NodePtr left = binary(1);
    if (take("?")) {
      NodePtr yes = choice();
      if (!take(":")) fail("has a '?' without its ':' (condition ? value : other value)");
      NodePtr no = choice();
      left = node(Operation::choose, {std::move(left), std::move(yes), std::move(no)});
    }
    --depth_;
    return left;
  }

  NodePtr binary(int level) {
    constexpr int kTightest = 6;
    if (level > kTightest) return unary();
    NodePtr left = binary(level + 1);
    while (true) {
      const auto* const found = std::find_if(kOperators.begin(), kOperators.end(), [&](const NamedOperator& one) {
        return one.level == level && take(one.text);
      });
      if (found == kOperators.end()) return left;
      NodePtr right = binary(level + 1);
      left = node(found->operation, {std::move(left), std::move(right)});
    }
  }

  NodePtr unary() {
    if (++depth_ > kDeepest) fail("is nested too deeply");
    NodePtr result;
    skip_spaces();
    if (rest_.starts_with('!') || rest_.starts_with("not ")) {
      rest_.remove_prefix(rest_.front() == '!' ? 1 : 4);
      result = node(Operation::logical_not, {unary()});
    } else if (take("-")) {
      result = node(Operation::negate, {unary()});
    } else {
      result = primary();
    }
    --depth_;
    return result;
  }

  NodePtr primary() {
    skip_spaces();
    if (take("(")) {
      NodePtr inner = choice();
      if (!take(")")) fail("has a '(' without its ')'");
      return inner;
    }
    if (rest_.empty()) fail("ends where a value is expected");
    const char first = rest_.front();
    if (first == '\'' || first == '"') return word(first);
    if (is_digit(first) || first == '.') return number();
    if (is_letter(first)) return name_or_call();
    fail(fmt::format("has '{}' where a value is expected", rest_.substr(0, 10)));
  }

  NodePtr word(char quote) {
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("has a quote that does not end");
    NodePtr result = constant(std::string(rest_.substr(1, end - 1)));
    rest_.remove_prefix(end + 1);
    return result;
  }

  /// With its unit, if any: 2, 1e9, 12.5GB/s. A slash belongs to it only before the s of "per second".
  NodePtr number() {
    std::size_t end = 0;
    while (end < rest_.size()) {
      const char c = rest_[end];
      const bool exponent_sign = (c == '+' || c == '-') && end > 0 &&
                                 (rest_[end - 1] == 'e' || rest_[end - 1] == 'E') && end > 1 &&
                                 (is_digit(rest_[end - 2]) || rest_[end - 2] == '.');
      const bool per_second = rest_.substr(end).starts_with("/s") && is_letter(rest_[end - 1]) &&
                              (end + 2 == rest_.size() || (!is_letter(rest_[end + 2]) && !is_digit(rest_[end + 2])));
      if (!is_letter(c) && !is_digit(c) && c != '.' && !exponent_sign && !per_second) break;
      end += per_second ? 2 : 1;
    }
    Value value = read_value(rest_.substr(0, end), false);
    if (!std::holds_alternative<Number>(value)) {
      fail(fmt::format("has '{}', which is no number with a unit (e.g. 100Gbps, 64MiB, 2us)", rest_.substr(0, end)));
    }
    rest_.remove_prefix(end);
    return constant(std::move(value));
  }

  NodePtr name_or_call() {
    std::size_t end = 0;
    while (end < rest_.size() && (is_letter(rest_[end]) || is_digit(rest_[end]) || rest_[end] == '.')) ++end;
    const std::string name(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (name == "true" || name == "false") return constant(name == "true");
    skip_spaces();
    if (rest_.starts_with('(')) return call(name);
    const auto known = std::find(names_.begin(), names_.end(), name);
    const auto index = static_cast<std::size_t>(known - names_.begin());
    if (known == names_.end()) names_.push_back(name);
    return std::make_shared<const Node>(Node{.operation = Operation::name, .name = index});
  }

  NodePtr call(const std::string& name) {
    const auto* const function =
        std::find_if(kFunctions.begin(), kFunctions.end(), [&](const NamedFunction& one) { return one.name == name; });
    if (function == kFunctions.end()) {
      fail(
          fmt::format("calls {}, and there is no such function (min, max, floor, ceil, round, sqrt, log2, abs)", name));
    }
    static_cast<void>(take("("));
    std::vector<NodePtr> operands;
    do operands.push_back(choice());
    while (take(","));
    if (!take(")")) fail("has a '(' without its ')'");
    if (operands.size() < function->fewest || operands.size() > function->most) {
      fail(fmt::format("gives {} {} values (it takes {})", name, operands.size(),
                       function->most == 1 ? "one" : "two or more"));
    }
    return node(function->operation, std::move(operands));
  }

  const PlacedText& text_;
  std::string_view rest_;
  std::vector<std::string>& names_;
  int depth_ = 0;
};

}  // namespace

Expression::Expression(const PlacedText& text) : text_(text) {
  constexpr std::size_t kLongest = 1'000;  // characters; keeps the tree, and with it the recursion, small
  if (text.text.size() > kLongest) {
    throw InputError({Diagnostic{.file = text.file,
                                 .line = text.line,
                                 .column = text.column,
                                 .message = fmt::format("has more than {} characters", kLongest)}});
  }
  root_ = Parser(text_, names_).whole();
}

}  // namespace moesim
