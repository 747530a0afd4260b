#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/report/run_info.hpp"
#include "moesim/scenario/load.hpp"

// A command is data: the parser, the help pages and the tests all read the same table (commands.cpp).
namespace moesim::cli {

struct Option {
  std::string name;        ///< "--format"; "SCENARIO" for a positional argument
  std::string value = {};  ///< what stands for its value in help: "FILE"; empty: a switch (or positional)
  std::string help = {};
  std::string short_name = {};  ///< "-o"
  std::vector<std::string> choices = {};
  bool required = false;
  bool repeatable = false;
  bool common = false;  ///< the same in every command: listed last in help

  [[nodiscard]] bool positional() const { return !name.starts_with('-'); }
  [[nodiscard]] bool is_switch() const { return !positional() && value.empty(); }
};

struct Example {
  std::string line;  ///< without the program's name
  std::string says;
};

/// What was given, as text, by option name. Each command reads it once into values of its own.
class Arguments {
 public:
  void add(const std::string& option, std::string value) { values_[option].push_back(std::move(value)); }
  void note(const std::string& option) { values_[option]; }

  [[nodiscard]] bool given(std::string_view option) const { return values_.find(option) != values_.end(); }
  [[nodiscard]] const std::vector<std::string>& all(std::string_view option) const;
  /// The last value given; null when there is none.
  [[nodiscard]] const std::string* one(std::string_view option) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// What a command may know about the world; made once, by main.
struct Environment {
  ConfigRoots roots;
  RunInfo run;
  bool color = false;  ///< standard output is a terminal that takes colours
};

struct Output {
  std::string text;
  std::optional<std::filesystem::path> file = std::nullopt;  ///< else standard output
  std::vector<std::string> notes = {};                       ///< for standard error
  int status = 0;                                            ///< 3: the result is outside its tolerance
};

struct Command {
  std::string name;
  std::string summary;      ///< one line, for the list of commands
  std::string description;  ///< paragraphs, for its own page
  std::vector<Option> options = {};
  std::vector<Example> examples = {};
  std::vector<Command> subcommands = {};
  std::function<Output(const Arguments&, const Environment&)> run = {};  ///< empty: has subcommands
};

[[nodiscard]] Command predict_command();
[[nodiscard]] Command compare_command();
[[nodiscard]] Command sweep_command();
[[nodiscard]] Command search_command();
[[nodiscard]] Command explain_command();
[[nodiscard]] Command collective_command();
[[nodiscard]] Command kernel_command();
[[nodiscard]] Command calibrate_command();
[[nodiscard]] Command validate_command();
[[nodiscard]] Command import_command();
[[nodiscard]] Command plot_command();
[[nodiscard]] Command report_command();
[[nodiscard]] Command list_command();

/// Everything that `moesim` can do.
[[nodiscard]] std::vector<Command> all_commands();

}  // namespace moesim::cli
