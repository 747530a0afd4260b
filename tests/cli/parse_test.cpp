#include "cli/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iomanip>
#include <sstream>

#include "moesim/base/diagnostic.hpp"

#include "cli/help.hpp"

namespace moesim::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Command> sample_commands() {
  Command bake{.name = "bake",
               .summary = "bakes",
               .description = "Bakes a cake.",
               .options = {{.name = "RECIPE", .help = "what to bake", .required = true, .repeatable = true},
                           {.name = "--heat", .value = "HOW", .help = "top or bottom", .choices = {"top", "bottom"}},
                           {.name = "--output", .value = "FILE", .help = "where to", .short_name = "-o"},
                           {.name = "--add", .value = "WHAT", .help = "more", .repeatable = true},
                           {.name = "--fast", .help = "hurry"}},
               .examples = {{"bake pie", "a pie"}},
               .run = [](const Arguments&, const Environment&) { return Output{.text = "cake"}; }};
  Command cut{.name = "cut",
              .summary = "cuts",
              .description = "Cuts.",
              .options = {{.name = "--knife", .value = "FILE", .help = "which knife", .required = true}},
              .run = bake.run};
  Command serve{.name = "serve", .summary = "serves", .description = "Serves.", .subcommands = {cut}};
  return {bake, serve};
}

Request request(const std::vector<std::string>& words) {
  static const std::vector<Command> kCommands = sample_commands();
  return parse(kCommands, words, "1.2.3");
}

std::string problems_of(const std::vector<std::string>& words) {
  try {
    (void)request(words);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no problem";
}

TEST(Parse, Arguments_AreKeptByOption) {
  const Request asked =
      request({"bake", "pie", "tart", "--heat", "top", "-o", "out", "--add=salt", "--add", "egg", "--fast"});
  ASSERT_NE(asked.command, nullptr);
  EXPECT_EQ(asked.command->name, "bake");
  EXPECT_THAT(asked.arguments.all("RECIPE"), ElementsAre("pie", "tart"));
  EXPECT_THAT(asked.arguments.all("--add"), ElementsAre("salt", "egg"));
  EXPECT_EQ(*asked.arguments.one("--output"), "out");
  EXPECT_TRUE(asked.arguments.given("--fast"));
  EXPECT_FALSE(request({"bake", "pie"}).arguments.given("--fast"));
  EXPECT_EQ(request({"bake", "pie"}).arguments.one("--heat"), nullptr);
}

TEST(Parse, RepeatableOption_TakesOneValueEachTime) {
  const Request asked = request({"bake", "--add", "salt", "pie"});
  EXPECT_THAT(asked.arguments.all("--add"), ElementsAre("salt"));
  EXPECT_THAT(asked.arguments.all("RECIPE"), ElementsAre("pie"));
}

TEST(Parse, Dash_IsAnArgument) { EXPECT_THAT(request({"bake", "-"}).arguments.all("RECIPE"), ElementsAre("-")); }

TEST(Parse, NegativeNumber_IsAValue) {
  EXPECT_THAT(request({"bake", "pie", "--add", "-5"}).arguments.all("--add"), ElementsAre("-5"));
}

TEST(Parse, ValueWithEqualSigns_StaysWhole) {
  EXPECT_THAT(request({"bake", "pie", "--add", "a.b=c=d"}).arguments.all("--add"), ElementsAre("a.b=c=d"));
  EXPECT_THAT(request({"bake", "pie", "--add=a.b=c"}).arguments.all("--add"), ElementsAre("a.b=c"));
}

TEST(Parse, UnknownCommand_NamesTheNearest) {
  EXPECT_THAT(problems_of({"bakr"}),
              HasSubstr("bakr: there is no such command (one of: bake, serve) did you mean bake?"));
  EXPECT_THAT(problems_of({"serve", "cute"}), HasSubstr("serve cute: there is no such command"));
  EXPECT_THAT(problems_of({}), HasSubstr("a command is missing"));
  EXPECT_THAT(problems_of({"serve"}), HasSubstr("a command is missing (one of: cut)"));
  EXPECT_THAT(problems_of({"--fast"}), HasSubstr("a command is expected before options"));
}

TEST(Parse, UnknownOption_NamesTheNearestAndHidesWhatFollowsFromIt) {
  const std::string problems = problems_of({"serve", "cut", "--knive", "bread"});
  EXPECT_THAT(problems, HasSubstr("--knive: there is no such option"));
  EXPECT_THAT(problems, HasSubstr("did you mean --knife?"));
  EXPECT_THAT(problems, Not(HasSubstr("is missing")));
}

TEST(Parse, AllProblems_AreReportedTogether) {
  const std::string problems = problems_of({"bake", "--heat", "tpo", "--output", "a", "--output", "b"});
  EXPECT_THAT(problems, HasSubstr("RECIPE: is missing (what to bake)"));
  EXPECT_THAT(problems, HasSubstr("--heat tpo: is no choice (one of: top, bottom) did you mean top?"));
  EXPECT_THAT(problems, HasSubstr("--output: is given 2 times"));
}

TEST(Parse, MissingValue_IsReported) { EXPECT_THAT(problems_of({"bake", "pie", "--add"}), HasSubstr("--add")); }

TEST(Parse, SurplusArgument_IsReported) {
  EXPECT_THAT(problems_of({"serve", "cut", "--knife", "k", "more"}), HasSubstr("more: is one argument too many"));
}

TEST(Parse, HelpAndVersion_ArePages) {
  EXPECT_EQ(request({"--version"}).page, "1.2.3\n");
  EXPECT_EQ(request({"bake", "--version"}).page, "1.2.3\n");
  EXPECT_THAT(request({"--help"}).page, HasSubstr("  bake"));
  EXPECT_THAT(request({"bake", "pie", "--help"}).page, HasSubstr("usage: moesim bake RECIPE... [options]"));
  EXPECT_THAT(request({"serve", "-h"}).page, HasSubstr("  cut"));
  EXPECT_THAT(request({"serve", "cut", "--help"}).page, HasSubstr("usage: moesim serve cut --knife FILE [options]"));
}

/// Every command with its path, subcommands too.
void collect(const std::vector<Command>& commands, const std::string& path,
             std::vector<std::pair<std::string, Command>>& all) {
  for (const Command& command : commands) {
    all.emplace_back(path + command.name, command);
    collect(command.subcommands, path + command.name + " ", all);
  }
}

TEST(AllCommands, HavePagesWithExamplesThatParse) {
  const std::vector<Command> commands = all_commands();
  std::vector<std::pair<std::string, Command>> all;
  collect(commands, "", all);
  EXPECT_GE(all.size(), 5U);
  for (const auto& [path, command] : all) {
    EXPECT_FALSE(command.summary.empty()) << path;
    EXPECT_FALSE(command.description.empty()) << path;
    EXPECT_FALSE(command.examples.empty()) << path;
    EXPECT_EQ(command.run == nullptr, !command.subcommands.empty()) << path;
    for (const Option& option : command.options) EXPECT_FALSE(option.help.empty()) << path << " " << option.name;
    const std::string page = command_help(command, path);
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << path << ": " << line;
    for (const Example& example : command.examples) {
      EXPECT_FALSE(example.says.empty()) << example.line;
      std::vector<std::string> words;
      std::istringstream in(example.line);
      for (std::string word; in >> std::quoted(word, '\'');) words.push_back(word);
      EXPECT_NO_THROW((void)parse(commands, words, "1")) << example.line;
    }
  }
}

}  // namespace
}  // namespace moesim::cli
