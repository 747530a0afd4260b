#include "cli/help.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>

namespace moesim::cli {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLabelColumns = 28;

/// `text` broken between words, lines after the first indented.
std::string paragraph(std::string_view text, std::size_t first_used, std::size_t indent) {
  std::string lines;
  std::size_t used = first_used;
  bool at_start = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const bool line_ends = end < text.size() && text[end] == '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!word.empty()) {
      if (!at_start && used + 1 + word.size() > kColumns) {
        lines.append("\n").append(indent, ' ');
        used = indent;
        at_start = true;
      }
      if (!at_start) lines += ' ';
      lines += word;
      used += word.size() + (at_start ? 0 : 1);
      at_start = false;
    }
    if (line_ends) {
      lines.append("\n").append(indent, ' ');
      used = indent;
      at_start = true;
    }
  }
  return lines + "\n";
}

std::string entry(std::string_view label, std::string_view text) {
  std::string line = fmt::format("  {}", label);
  if (line.size() + 2 > kLabelColumns) {
    line += "\n" + std::string(kLabelColumns, ' ');
  } else {
    line.append(kLabelColumns - line.size(), ' ');
  }
  return line + paragraph(text, kLabelColumns, kLabelColumns);
}

std::string label_of(const Option& option) {
  if (option.positional()) return option.name + (option.repeatable ? "..." : "");
  std::string label = option.short_name.empty() ? option.name : option.short_name + ", " + option.name;
  if (!option.value.empty()) label += " " + option.value;
  return label;
}

std::string section(std::string_view title, const Command& command, const std::function<bool(const Option&)>& wanted) {
  std::string lines;
  for (const Option& option : command.options) {
    if (!wanted(option)) continue;
    std::string help = option.help;
    if (!option.choices.empty()) help += fmt::format(" [{}]", fmt::join(option.choices, " | "));
    if (option.required && !option.positional()) help += " (required)";
    if (option.repeatable && !option.positional()) help += " (repeatable)";
    lines += entry(label_of(option), help);
  }
  return lines.empty() ? lines : fmt::format("\n{}\n{}", title, lines);
}

}  // namespace

std::string usage(const Command& command, std::string_view path) {
  std::string line = fmt::format("moesim {}", path);
  if (!command.subcommands.empty()) return line + " COMMAND [options]";
  for (const Option& option : command.options) {
    if (option.positional()) line += option.required ? " " + label_of(option) : fmt::format(" [{}]", label_of(option));
  }
  for (const Option& option : command.options) {
    if (!option.positional() && option.required) line += fmt::format(" {} {}", option.name, option.value);
  }
  return line + " [options]";
}

std::string command_help(const Command& command, std::string_view path) {
  std::string page = fmt::format("moesim {}: {}\n\nusage: {}\n\n", path, command.summary, usage(command, path));
  page += paragraph(command.description, 0, 0);
  if (!command.subcommands.empty()) {
    page += "\ncommands\n";
    for (const Command& sub : command.subcommands) page += entry(sub.name, sub.summary);
    page += fmt::format("\n'moesim {} COMMAND --help' shows the options of one.\n", path);
  }
  page += section("arguments", command, [](const Option& option) { return option.positional(); });
  page += section("options", command, [](const Option& option) { return !option.positional() && !option.common; });
  page += section("common options", command, [](const Option& option) { return option.common; });
  if (!command.examples.empty()) {
    page += "\nexamples\n";
    for (const Example& example : command.examples) {
      page += fmt::format("  moesim {}\n      {}", example.line, paragraph(example.says, 6, 6));
    }
  }
  return page;
}

std::string program_help(const std::vector<Command>& commands, std::string_view version) {
  std::string page = fmt::format(
      "moesim {}: how long mixture-of-experts models take on many GPUs, from measured parts\n\n"
      "usage: moesim COMMAND [options]\n\ncommands\n",
      version);
  for (const Command& command : commands) page += entry(command.name, command.summary);
  page += "\noptions\n" + entry("-h, --help", "this page; after a command, the page of that command");
  page += entry("--version", "the version, and nothing else") + "\n";
  page += paragraph(
      "Results go to standard output or to the file of -o, everything else to standard error. Quantities carry their "
      "unit: 64MiB, 12.5GB/s, 100Gbps, 2us, 149.7TFLOPS; k M G T are powers of 1000, Ki Mi Gi Ti of 1024, b is bits "
      "and "
      "B bytes.",
      0, 0);
  page += "\nexit status\n" + entry("0", "fine");
  page += entry("1", "the machine failed (a file that cannot be written), or moesim has a bug");
  page += entry("2", "the input is wrong; each problem is one line: file:line:column: key: problem (why) suggestion");
  page +=
      "\nexamples\n"
      "  moesim compare configs/scenarios/paper_training.yaml\n"
      "      BigMac beside fine-grained experts on the paper's cluster\n"
      "  moesim list scenarios\n"
      "      what else there is to start from\n";
  return page;
}

}  // namespace moesim::cli
