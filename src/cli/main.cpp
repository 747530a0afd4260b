#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "moesim/base/diagnostic.hpp"

#include "cli/build_info.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "cli/parse.hpp"
#include "cli/roots.hpp"

// The only place that catches, prints and ends the program.
namespace {

enum ExitStatus { kFine = 0, kMachineFailed = 1, kInputWrong = 2 };

constexpr std::size_t kMostProblemsShown = 100;

/// To standard error; when even that cannot be written, there is nobody left to tell.
void complain(std::string_view line) {
  const std::string text = fmt::format("moesim: {}\n", line);
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

void print_problems(const std::vector<moesim::Diagnostic>& problems) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kMostProblemsShown; ++i) text += to_string(problems[i]) + "\n";
  if (problems.size() > kMostProblemsShown) {
    text += fmt::format("... and {} more\n", problems.size() - kMostProblemsShown);
  }
  text += fmt::format("moesim: {} {} in the input\n", problems.size(), problems.size() == 1 ? "problem" : "problems");
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

bool wants_color() {
  const char* const no_color = std::getenv("NO_COLOR");  // no-color.org
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

int run(const std::vector<std::string>& arguments) {
  using namespace moesim::cli;
  const std::vector<Command> commands = all_commands();
  const Request request =
      parse(commands, {arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()}, std::string(version()));
  if (request.command == nullptr) {
    write_stdout(request.page);
    return kFine;
  }
  const Environment environment{.roots = shipped_roots(program_path()),
                                .run = {.version = std::string(version()),
                                        .git_commit = std::string(git_commit()),
                                        .engine = "analytic",
                                        .arguments = arguments,
                                        .inputs = {}},
                                .color = wants_color()};
  const Output output = request.command->run(request.arguments, environment);
  if (output.file) {
    write_file(*output.file, output.text);
  } else {
    write_stdout(output.text);
  }
  for (const std::string& note : output.notes) complain(note);
  return output.status;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that closes its pipe is reported by write() like any other failure.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run({argv, argv + argc});
  } catch (const moesim::InputError& error) {
    print_problems(error.diagnostics());
    return kInputWrong;
  } catch (const moesim::MachineError& error) {
    complain(error.what());
  } catch (const moesim::ContractViolation& error) {
    complain(fmt::format(
        "{}\nmoesim: this is a bug of moesim {} ({}), not of your input. Please report it with the command and "
        "the files that it reads ('--dump-scenario' puts a scenario into one file).",
        error.what(), moesim::cli::version(), moesim::cli::git_commit()));
  } catch (const std::bad_alloc&) {
    complain("out of memory");
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return kMachineFailed;
}
