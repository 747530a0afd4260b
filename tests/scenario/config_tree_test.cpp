#include "scenario/config_tree.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "scenario/config_parse.hpp"
#include "scenario/draft.hpp"

namespace moesim {
namespace {

ConfigPtr tree(const std::string& text, const std::string& file = "f.yaml") {
  std::vector<Diagnostic> problems;
  ConfigPtr parsed = parse_config(text, file, problems);
  EXPECT_TRUE(problems.empty());
  return parsed;
}

ConfigPtr value(const std::string& text) {
  std::vector<Diagnostic> problems;
  return parse_value(text, {std::make_shared<const std::string>("--set"), 1, 0}, problems);
}

TEST(ConfigTree, SameContent_WhereverItWasWritten) {
  EXPECT_TRUE(same_content(tree("a: {b: [1, 2]}"), tree("# other place\na:\n  b:\n    - 1\n    - 2\n", "g.yaml")));
  EXPECT_FALSE(same_content(tree("a: {b: [1, 2]}"), tree("a: {b: [2, 1]}")));
  EXPECT_FALSE(same_content(tree("a: 1"), tree("a: \"1\"")));
}

TEST(ConfigTree, Merge_MapsKeyByKeyAndAllElseReplaced) {
  const ConfigPtr result = merged(tree("a: {x: 1, y: 2}\nb: [1, 2]\nc: word\n"), tree("a: {y: 3}\nb: [9]\nd: new\n"));
  EXPECT_TRUE(same_content(result, tree("a: {x: 1, y: 3}\nb: [9]\nc: word\nd: new\n")));
}

TEST(ConfigTree, Merge_AMapOverANameKeepsTheNameAsBase) {
  const ConfigPtr result = merged(tree("cluster: paper_4x8"), tree("cluster: {nic: {count: 2}}"));
  EXPECT_TRUE(same_content(result, tree("cluster: {base: paper_4x8, nic: {count: 2}}")));
  const ConfigPtr other = merged(tree("cluster: paper_4x8"), tree("cluster: {base: other}"));
  EXPECT_TRUE(same_content(other, tree("cluster: {base: other}")));
}

TEST(ConfigTree, Merge_NothingTakesAwayAndAnEmptyMapChangesNothing) {
  EXPECT_TRUE(same_content(merged(tree("a: {x: 1}"), tree("a: ~")), tree("a: ~")));
  EXPECT_TRUE(same_content(merged(tree("a: {x: 1}"), tree("a: {}")), tree("a: {x: 1}")));
}

TEST(ConfigTree, WithValue_ChangesOnePlaceAndSharesTheRest) {
  const ConfigPtr before = tree("a: {x: 1, y: {z: 2}}\nb: {c: 3}\n");
  const std::vector<std::string> path = {"a", "y", "z"};
  const ConfigPtr after = with_value(before, path, value("7"));
  EXPECT_TRUE(same_content(after, tree("a: {x: 1, y: {z: 7}}\nb: {c: 3}\n")));
  EXPECT_EQ(after->find("b")->value, before->find("b")->value);
  EXPECT_EQ(before->find("a")->value->find("y")->value->find("z")->value->text(), "2");
}

TEST(ConfigTree, WithValue_MakesTheWay) {
  const std::vector<std::string> path = {"cluster", "nic", "count"};
  EXPECT_TRUE(same_content(with_value(tree("cluster: paper_4x8"), path, value("2")),
                           tree("cluster: {base: paper_4x8, nic: {count: 2}}")));
  EXPECT_TRUE(same_content(with_value(tree("a: 1"), path, value("2")), tree("a: 1\ncluster: {nic: {count: 2}}\n")));
}

TEST(ConfigTree, WithValue_EntersListsByIndex) {
  const std::vector<std::string> path = {"links", "1", "latency"};
  EXPECT_TRUE(same_content(with_value(tree("links: [{latency: 1us}, {latency: 2us}]"), path, value("3us")),
                           tree("links: [{latency: 1us}, {latency: 3us}]")));
}

TEST(ConfigTree, ToYaml_ReadsBackAsTheSameContent) {
  const ConfigPtr original = tree(R"(a: 64MiB
b: {c: [1, -2, "three", "~", "- x"], d: {}, e: []}
f: "text with: colon # and hash"
g:
  - {x: 1, y: [1.5, 2]}
  - {x: 2, y: []}
h: ~
"odd key": 'quote '' and "double" and \ '
i: "true"
)");
  EXPECT_TRUE(same_content(tree(to_yaml(original)), original)) << to_yaml(original);
}

TEST(ConfigTree, Draft_KeepsOrderAndReplaces) {
  Draft draft;
  draft.put("a", "1");
  draft.child("b").put("c", "2");
  draft.item("d").put("e", "3");
  draft.item("d").put("e", "4");
  draft.put_empty_sequence("f");
  draft.put("a", "5");
  EXPECT_TRUE(same_content(draft.tree(), tree("a: 5\nb: {c: 2}\nd: [{e: 3}, {e: 4}]\nf: []\n")));
}

}  // namespace
}  // namespace moesim
