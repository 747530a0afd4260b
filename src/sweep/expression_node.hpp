#pragma once

#include <memory>
#include <vector>

#include "moesim/sweep/expression.hpp"

namespace moesim {

enum class Operation {
  constant,
  name,
  negate,
  logical_not,
  add,
  subtract,
  multiply,
  divide,
  remainder,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  logical_and,
  logical_or,
  choose,  ///< a ? b : c
  minimum,
  maximum,
  floor,
  ceil,
  round,
  square_root,
  log2,
  absolute
};

struct Expression::Node {
  Operation operation = Operation::constant;
  Value value = {};      ///< of a constant
  std::size_t name = 0;  ///< index into `names`
  std::vector<std::shared_ptr<const Node>> operands = {};
};

}  // namespace moesim
