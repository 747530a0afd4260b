#include "cli/parse.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <string_view>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/spelling.hpp"

#include "cli/help.hpp"

// The only file that sees CLI11: it takes the words apart; what the words have to be is the commands' own data.
namespace moesim::cli {
namespace {

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view near = nearest(word, views);
  return near.empty() ? std::string() : fmt::format(" did you mean {}?", near);
}

std::string names_of(const std::vector<Command>& commands, std::vector<std::string>& names) {
  for (const Command& command : commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

const Command& find_command(const std::vector<Command>& commands, const std::string& word, const std::string& path) {
  const auto found = std::ranges::find(commands, word, &Command::name);
  if (found != commands.end()) return *found;
  std::vector<std::string> names;
  const std::string all = names_of(commands, names);
  const std::string help = path.empty() ? "moesim --help" : fmt::format("moesim {} --help", path);
  if (word.starts_with('-')) {
    throw InputError(fmt::format("{}: a command is expected before options (one of: {}) see {}", word, all, help));
  }
  throw InputError(fmt::format("{}{}: there is no such command (one of: {}){}", path.empty() ? "" : path + " ", word,
                               all, did_you_mean(word, names)));
}

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h" || word == "help"; }

/// One option as CLI11 fills it.
struct Slot {
  const Option* option;
  std::vector<std::string> values = {};
  CLI::Option* handle = nullptr;
};

void declare(CLI::App& app, Slot& slot) {
  const Option& option = *slot.option;
  if (option.is_switch()) {
    slot.handle = app.add_flag(option.name);
    return;
  }
  const std::string name = option.short_name.empty() ? option.name : option.short_name + "," + option.name;
  slot.handle = app.add_option(name, slot.values);
  // A repeatable option takes one value each time that it is given; a repeatable positional takes what there is,
  // another just one (CLI11 allows no second positional of any number).
  slot.handle->allow_extra_args(option.positional() && option.repeatable);
  if (option.positional() && !option.repeatable) slot.handle->expected(1);
  slot.handle->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void check(const Slot& slot, std::vector<Diagnostic>& problems) {
  const Option& option = *slot.option;
  if (slot.handle->count() == 0) {
    if (option.required)
      problems.push_back({.key = option.name, .message = fmt::format("is missing ({})", option.help)});
    return;
  }
  if (option.is_switch()) return;
  if (slot.values.size() > 1 && !option.repeatable) {
    problems.push_back(
        {.key = option.name, .message = fmt::format("is given {} times (it takes one value)", slot.values.size())});
  }
  if (option.choices.empty()) return;
  for (const std::string& value : slot.values) {
    if (std::ranges::find(option.choices, value) != option.choices.end()) continue;
    problems.push_back({.key = fmt::format("{} {}", option.name, value),
                        .message = fmt::format("is no choice (one of: {}){}", fmt::join(option.choices, ", "),
                                               did_you_mean(value, option.choices))});
  }
}

void report_unknown(const std::vector<std::string>& unknown, const Command& command, const std::string& path,
                    std::vector<Diagnostic>& problems) {
  std::vector<std::string> known = {"--help"};
  for (const Option& option : command.options) {
    if (!option.positional()) known.push_back(option.name);
  }
  const bool has_options = std::ranges::any_of(unknown, [](const std::string& word) { return word.starts_with('-'); });
  for (const std::string& word : unknown) {
    if (word.starts_with('-')) {
      const std::string name = word.substr(0, word.find('='));
      problems.push_back({.key = name,
                          .message = fmt::format("there is no such option (see moesim {} --help){}", path,
                                                 did_you_mean(name, known))});
    } else if (!has_options) {  // else it is most likely the value of an unknown option
      problems.push_back(
          {.key = word, .message = fmt::format("is one argument too many (usage: {})", usage(command, path))});
    }
  }
}

Arguments parse_arguments(const Command& command, const std::string& path, std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::list<Slot> slots;  // CLI11 keeps pointers to the values
  for (const Option& option : command.options) declare(app, slots.emplace_back(Slot{.option = &option}));
  std::vector<Diagnostic> problems;
  try {
    std::ranges::reverse(words);  // CLI11 takes them from the back
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    throw InputError(fmt::format("{} (see moesim {} --help)", error.what(), path));
  }
  report_unknown(app.remaining(), command, path, problems);
  if (problems.empty()) {
    for (const Slot& slot : slots) check(slot, problems);
  }
  if (!problems.empty()) throw InputError(std::move(problems));

  Arguments arguments;
  for (const Slot& slot : slots) {
    if (slot.handle->count() > 0) arguments.note(slot.option->name);
    for (const std::string& value : slot.values) arguments.add(slot.option->name, value);
  }
  return arguments;
}

}  // namespace

Request parse(const std::vector<Command>& commands, const std::vector<std::string>& words, const std::string& version) {
  if (words.empty()) {
    std::vector<std::string> names;
    throw InputError(fmt::format("a command is missing (one of: {}) see moesim --help", names_of(commands, names)));
  }
  if (words[0] == "--version") return {.page = version + "\n"};
  const std::vector<Command>* level = &commands;
  const Command* command = nullptr;
  std::string path;
  std::size_t next = 0;
  while (command == nullptr || !command->subcommands.empty()) {
    if (next == words.size()) {
      std::vector<std::string> names;
      throw InputError(fmt::format("{}: a command is missing (one of: {}) see moesim {} --help", path,
                                   names_of(*level, names), path));
    }
    if (asks_for_help(words[next])) {
      return {.page = command == nullptr ? program_help(commands, version) : command_help(*command, path)};
    }
    command = &find_command(*level, words[next], path);
    level = &command->subcommands;
    path += (path.empty() ? "" : " ") + words[next];
    ++next;
  }
  const std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(next), words.end());
  if (std::ranges::any_of(rest, [](const std::string& word) { return word == "--help" || word == "-h"; })) {
    return {.page = command_help(*command, path)};
  }
  if (std::ranges::find(rest, "--version") != rest.end()) return {.page = version + "\n"};
  return {.command = command, .arguments = parse_arguments(*command, path, rest)};
}

}  // namespace moesim::cli
