#include "moesim/base/diagnostic.hpp"

#include <fmt/format.h>
#include <utility>

namespace moesim {
namespace {

std::string one_line_each(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += to_string(diagnostic);
  }
  return text;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line > 0) {
    text += fmt::format(":{}", diagnostic.line);
    if (diagnostic.column > 0) text += fmt::format(":{}", diagnostic.column);
  }
  if (!text.empty()) text += ": ";
  if (!diagnostic.key.empty()) text += diagnostic.key + ": ";
  return text + diagnostic.message;
}

InputError::InputError(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(one_line_each(diagnostics)), diagnostics_(std::move(diagnostics)) {
  MOESIM_EXPECTS(!diagnostics_.empty());
}

InputError::InputError(std::string message) : InputError(std::vector{Diagnostic{.message = std::move(message)}}) {}

void detail::contract_violated(const char* kind, const char* condition, const char* file, int line) {
  throw ContractViolation(fmt::format("{}:{}: {} does not hold: {}", file, line, kind, condition));
}

}  // namespace moesim
