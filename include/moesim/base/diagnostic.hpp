#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace moesim {

/// One problem in the user's input. Printed as
/// `file:line:column: key: problem (why) suggestion`. Line 0 means "the whole file", column 0 is not printed, and an
/// empty file or key is left out. A key may show its value: "model.moe.top_k = 9".
struct Diagnostic {
  std::string file = {};
  int line = 0;          ///< from 1
  int column = 0;        ///< from 1
  std::string key = {};  ///< dotted path, e.g. model.moe.top_k; may be empty
  std::string message = {};

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

/// The user's input is wrong: exit status 2. Carries every problem that was found, not only the first.
class InputError : public std::runtime_error {
 public:
  /// @pre at least one diagnostic. what() has one line per diagnostic, in the order given.
  explicit InputError(std::vector<Diagnostic> diagnostics);
  /// One problem that belongs to no place in a file (a command-line option, a combination of values).
  explicit InputError(std::string message);
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

/// The machine failed (a file cannot be written, a CUDA call failed): exit status 1.
class MachineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Our own mistake: a precondition, postcondition or law of physics does not hold.
class ContractViolation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void contract_violated(const char* kind, const char* condition, const char* file, int line);
}  // namespace detail

// Checks stay on in every build: each costs a comparison, and a wrong prediction costs a cluster.
#define MOESIM_EXPECTS(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::moesim::detail::contract_violated("precondition", #condition, __FILE__, __LINE__))
#define MOESIM_ENSURES(condition)     \
  ((condition) ? static_cast<void>(0) \
               : ::moesim::detail::contract_violated("postcondition", #condition, __FILE__, __LINE__))

}  // namespace moesim
