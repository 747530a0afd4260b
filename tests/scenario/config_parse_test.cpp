#include "scenario/config_parse.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace moesim {
namespace {

struct Parsed {
  ConfigPtr tree;
  std::vector<std::string> problems;
};

Parsed parse(const std::string& text) {
  std::vector<Diagnostic> problems;
  Parsed parsed{parse_config(text, "f.yaml", problems), {}};
  for (const Diagnostic& problem : problems) parsed.problems.push_back(to_string(problem));
  return parsed;
}

std::string first_problem(const std::string& text) {
  const Parsed parsed = parse(text);
  return parsed.problems.empty() ? "" : parsed.problems.front();
}

TEST(ConfigParse, ValuesKeepTheirPlaceAndTheirText) {
  const Parsed parsed = parse("a: 64MiB\nb:\n  c: [1, \"2\", ~]\n");
  ASSERT_NE(parsed.tree, nullptr);
  EXPECT_TRUE(parsed.problems.empty());
  const ConfigNode& a = *parsed.tree->find("a")->value;
  EXPECT_EQ(a.text(), "64MiB");
  EXPECT_EQ(a.origin().line, 1);
  EXPECT_EQ(a.origin().column, 4);
  const ConfigNode& c = *parsed.tree->find("b")->value->find("c")->value;
  ASSERT_EQ(c.items().size(), 3U);
  EXPECT_FALSE(c.items()[0]->quoted());
  EXPECT_TRUE(c.items()[1]->quoted());
  EXPECT_EQ(c.items()[2]->kind(), ConfigNode::Kind::null);
  EXPECT_EQ(c.items()[1]->origin().line, 3);
  EXPECT_EQ(c.items()[1]->origin().column, 10);
}

TEST(ConfigParse, DuplicateKey_NamesBothLines) {
  const Parsed parsed = parse("a: 1\nb: 2\na: 3\n");
  ASSERT_EQ(parsed.problems.size(), 1U);
  EXPECT_EQ(parsed.problems[0], "f.yaml:3:1: a: is given twice (first in line 1, and only one can hold) remove one");
  EXPECT_EQ(parsed.tree->find("a")->value->text(), "1");
}

TEST(ConfigParse, SeveralProblemsAreReportedTogether) {
  const Parsed parsed = parse("a: 1\na: 2\nb: {c: 1, c: 2}\nd: !!int 3\n? [x]\n: 4\n");
  EXPECT_EQ(parsed.problems.size(), 4U);
}

TEST(ConfigParse, WhatIsNoMapOfKeysIsRefused) {
  EXPECT_EQ(first_problem(""), "f.yaml: is empty (a map of keys is expected)");
  EXPECT_EQ(first_problem("# only a comment\n"), "f.yaml: is empty (a map of keys is expected)");
  EXPECT_EQ(first_problem("just words"), "f.yaml:1:1: must hold `key: value` lines (a map) at its top level");
  EXPECT_EQ(first_problem("- 1\n- 2\n"), "f.yaml:1:1: must hold `key: value` lines (a map) at its top level");
  EXPECT_EQ(first_problem("a: 1\n---\nb: 2\n").rfind("f.yaml: holds more than one YAML document", 0), 0U);
}

TEST(ConfigParse, SyntaxErrorsHaveAPlace) {
  EXPECT_EQ(first_problem("a: b: c\n"), "f.yaml:1:5: is not valid YAML (illegal map value)");
  EXPECT_EQ(first_problem("a: *nowhere\n"), "f.yaml:1:4: is not valid YAML (the referenced anchor is not defined)");
}

TEST(ConfigParse, BinaryJunkIsNamedByItsFirstByte) {
  EXPECT_EQ(first_problem(std::string("a: 1\nb\0: 2\n", 11)),
            "f.yaml:2:2: byte 0x00 is no text (a YAML file is UTF-8 text; is this a binary file?)");
  EXPECT_EQ(first_problem("\x89PNG\r\n").rfind("f.yaml:1:1: byte 0x89 is no text", 0), 0U);
  EXPECT_EQ(first_problem("a: \xc3(\n").rfind("f.yaml:1:4: byte 0xc3 is no text", 0), 0U);
  EXPECT_TRUE(parse("a: \xc3\xa4\n").problems.empty());  // a-umlaut
}

TEST(ConfigParse, AnAnchorInsideOfItselfIsRefused) {
  EXPECT_EQ(first_problem("a: &x [1, *x]\n").rfind("f.yaml:1:11: the anchor is used inside of its own value", 0), 0U);
}

TEST(ConfigParse, AnchorsThatMultiplyAreRefused) {
  // Nine levels of nine references each: 9^9 values from 300 bytes.
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int level = 1; level < 9; ++level) {
    const std::string inner = "*a" + std::to_string(level - 1);
    bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [";
    for (int i = 0; i < 9; ++i) bomb += (i > 0 ? ", " : "") + inner;
    bomb += "]\n";
  }
  const Parsed parsed = parse(bomb);
  EXPECT_EQ(parsed.tree, nullptr);
  ASSERT_EQ(parsed.problems.size(), 1U);
  EXPECT_NE(parsed.problems[0].find("more than 200000 values once its anchors are expanded"), std::string::npos);
}

TEST(ConfigParse, UsualAnchorsAreShared) {
  const Parsed parsed = parse("a: &x {b: 1}\nc: *x\n");
  ASSERT_TRUE(parsed.problems.empty());
  EXPECT_EQ(parsed.tree->find("a")->value, parsed.tree->find("c")->value);
}

TEST(ConfigParse, MergeKeysPointToBase) {
  EXPECT_EQ(first_problem("a: &x {b: 1}\nc:\n  <<: *x\n"),
            "f.yaml:3:3: <<: merge keys are not known here; `base: name` takes another file's values over");
}

TEST(ConfigParse, DepthAndSizeAreLimited) {
  EXPECT_NE(first_problem("a: " + std::string(200, '[')).find("nested deeper than 32 levels"), std::string::npos);
  EXPECT_EQ(first_problem(std::string(kMaxFileBytes + 1, 'a')),
            "f.yaml: is larger than 4 MiB (no configuration is that long)");
  std::string keys;
  for (int i = 0; i < 5'000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_NE(first_problem(keys).find("more than 4096 keys in one map"), std::string::npos);
}

TEST(ConfigParse, OverrideValuesAreYamlToo) {
  std::vector<Diagnostic> problems;
  const Origin origin{std::make_shared<const std::string>("--set"), 3, 0};
  EXPECT_EQ(parse_value("400Gbps", origin, problems)->text(), "400Gbps");
  EXPECT_EQ(parse_value("[1, 2]", origin, problems)->items().size(), 2U);
  EXPECT_EQ(parse_value("~", origin, problems)->kind(), ConfigNode::Kind::null);
  EXPECT_EQ(parse_value("null", origin, problems)->kind(), ConfigNode::Kind::null);
  EXPECT_EQ(parse_value("", origin, problems)->kind(), ConfigNode::Kind::null);
  EXPECT_EQ(parse_value("-3", origin, problems)->text(), "-3");
  EXPECT_EQ(parse_value("{count: 2}", origin, problems)->find("count")->value->origin().line, 3);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(parse_value("[1, 2", origin, problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(to_string(problems[0]), "--set:3: is not valid YAML (end of sequence flow not found)");
}

}  // namespace
}  // namespace moesim
