#include "cli/command.hpp"

namespace moesim::cli {

const std::vector<std::string>& Arguments::all(std::string_view option) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(option);
  return found == values_.end() ? kNone : found->second;
}

const std::string* Arguments::one(std::string_view option) const {
  const std::vector<std::string>& values = all(option);
  return values.empty() ? nullptr : &values.back();
}

std::vector<Command> all_commands() {
  return {predict_command(),    compare_command(), sweep_command(),     search_command(),   explain_command(),
          collective_command(), kernel_command(),  calibrate_command(), validate_command(), import_command(),
          plot_command(),       report_command(),  list_command()};
}

}  // namespace moesim::cli
