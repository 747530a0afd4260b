#include "scenario/reader.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "scenario/config_parse.hpp"

namespace moesim {
namespace {

/// A map of the text, read under the path "part".
class ReaderTest : public ::testing::Test {
 protected:
  Reader reader(const std::string& text) {
    ConfigPtr tree = parse_config(text, "f.yaml", log_.problems);
    return {tree, "part", log_};
  }
  std::vector<std::string> problems() const {
    std::vector<std::string> lines;
    for (const Diagnostic& problem : log_.problems) lines.push_back(to_string(problem));
    return lines;
  }
  std::string problem() const {
    EXPECT_EQ(log_.problems.size(), 1U);
    return log_.problems.empty() ? "" : to_string(log_.problems.front());
  }
  ReadLog log_;
};

constexpr Limits<int> kFew = {1, 64};
constexpr Limits<BytesPerSecond> kRates = {{1e6}, {1e15}};

TEST_F(ReaderTest, Integer_ReadDefaultedOrAbsent) {
  Reader in = reader("n: 8");
  EXPECT_EQ(in.integer({"n", ""}, kFew), 8);
  EXPECT_EQ(in.integer({"m", ""}, kFew, 5), 5);
  EXPECT_EQ(in.optional_integer({"o", ""}, kFew), std::nullopt);
  EXPECT_TRUE(problems().empty());
}

TEST_F(ReaderTest, Integer_Missing) {
  Reader in = reader("m: 8");
  in.ignore("m");
  EXPECT_EQ(in.integer({"n", "number of things"}, kFew), 1);
  EXPECT_EQ(problem(), "f.yaml:1:1: part.n: is missing (number of things) give a whole number");
}

TEST_F(ReaderTest, Integer_OutOfRangeFractionQuotedHuge) {
  Reader in = reader("a: 65\nb: 1.5\nc: \"8\"\nd: 99999999999999999999\ne: 8x\nf: [1]\n");
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) EXPECT_EQ(in.integer({key, ""}, kFew), 1);
  EXPECT_EQ(problems(), (std::vector<std::string>{"f.yaml:1:4: part.a = 65: must be between 1 and 64",
                                                  "f.yaml:2:4: part.b = 1.5: must be a whole number between 1 and 64",
                                                  "f.yaml:3:4: part.c = \"8\": must be a whole number, not quoted text",
                                                  "f.yaml:4:4: part.d = 99999999999999999999: must be between 1 and 64",
                                                  "f.yaml:5:4: part.e = 8x: must be a whole number between 1 and 64",
                                                  "f.yaml:6:4: part.f = [...]: must be a whole number, not a list"}));
}

TEST_F(ReaderTest, Number_FiniteAndInRange) {
  Reader in = reader("a: 1e-3\nb: nan\nc: inf\nd: 2.5\ne: 0x10\n");
  EXPECT_EQ(in.number({"a", ""}, {0, 1}), 1e-3);
  EXPECT_EQ(in.number({"b", ""}, {0, 1}, 0.5), 0.5);
  EXPECT_EQ(in.number({"c", ""}, {0, 1}, 0.5), 0.5);
  EXPECT_EQ(in.number({"d", ""}, {0, 1}, 0.5), 0.5);
  EXPECT_EQ(in.number({"e", ""}, {0, 1}, 0.5), 0.5);
  EXPECT_EQ(problems(),
            (std::vector<std::string>{"f.yaml:2:4: part.b = nan: must be a finite number without a unit",
                                      "f.yaml:3:4: part.c = inf: must be a finite number without a unit",
                                      "f.yaml:4:4: part.d = 2.5: must be between 0 and 1",
                                      "f.yaml:5:4: part.e = 0x10: must be a finite number without a unit"}));
}

TEST_F(ReaderTest, Quantity_UnitsRangeAndBareNumbers) {
  Reader in = reader("a: 100Gbps\nb: 100\nc: 2us\nd: 0GB/s\ne: -1GB/s\nf: 1e30GB/s\n");
  EXPECT_EQ(in.quantity<BytesPerSecond>({"a", ""}, kRates).value, 12.5e9);
  for (const char* key : {"b", "c", "d", "e", "f"}) {
    EXPECT_EQ(in.quantity<BytesPerSecond>({key, ""}, kRates), kRates.lo);
  }
  const auto found = problems();
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0],
            "f.yaml:2:4: part.b = 100: has no unit (a bare number may mean anything) write e.g. 100Gbps or 12.5GB/s");
  EXPECT_EQ(found[1].rfind("f.yaml:3:4: part.c = 2us: is no bandwidth (units: B/s, ", 0), 0U);
  EXPECT_EQ(found[2],
            "f.yaml:4:4: part.d = 0GB/s: must be between 1.00 MB/s and 1.00 PB/s (what is physically possible)");
  EXPECT_EQ(found[3].rfind("f.yaml:5:4: part.e = -1GB/s: must be between", 0), 0U);
  EXPECT_EQ(found[4].rfind("f.yaml:6:4: part.f = 1e30GB/s: must be between", 0), 0U);
}

TEST_F(ReaderTest, Flag_TrueOrFalseOnly) {
  Reader in = reader("a: true\nb: yes\nc: \"true\"\n");
  EXPECT_TRUE(in.flag({"a", ""}, false));
  EXPECT_FALSE(in.flag({"b", ""}, false));
  EXPECT_FALSE(in.flag({"c", ""}, false));
  EXPECT_EQ(problems(), (std::vector<std::string>{"f.yaml:2:4: part.b = yes: must be true or false",
                                                  "f.yaml:3:4: part.c = \"true\": must be true or false"}));
}

enum class Colour { red, green };
constexpr std::array kColours = {Choice<Colour>{"red", Colour::red}, Choice<Colour>{"green", Colour::green}};

TEST_F(ReaderTest, Choice_SuggestsTheNearest) {
  Reader in = reader("a: green\nb: gren\nc: {x: 1}\n");
  EXPECT_EQ(in.choice({"a", ""}, kColours), Colour::green);
  EXPECT_EQ(in.choice({"b", ""}, kColours, Colour::red), Colour::red);
  EXPECT_EQ(in.choice({"c", ""}, kColours, Colour::red), Colour::red);
  EXPECT_EQ(in.choice({"d", "hue"}, kColours), Colour::red);
  EXPECT_EQ(in.optional_choice({"e", ""}, kColours), std::nullopt);
  EXPECT_EQ(problems(),
            (std::vector<std::string>{"f.yaml:2:4: part.b = gren: must be one of: red, green, did you mean green?",
                                      "f.yaml:3:4: part.c = {...}: must be one of: red, green",
                                      "f.yaml:1:1: part.d: is missing (hue) give one of: red, green"}));
}

TEST_F(ReaderTest, UnknownKeys_NameTheKnownOnes) {
  Reader in = reader("top_k: 2\nexpert: 4\n");
  EXPECT_EQ(in.integer({"top_k", ""}, kFew), 2);
  EXPECT_EQ(in.integer({"experts", ""}, kFew, 8), 8);
  in.reject_unknown_keys();
  EXPECT_EQ(problem(), "f.yaml:2:1: part.expert: is no key here (known: top_k, experts), did you mean experts?");
}

TEST_F(ReaderTest, Require_IsNotJudgedOnWhatCouldNotBeRead) {
  Reader in = reader("a: many\nb: 9\n");
  const int a = in.integer({"a", ""}, kFew);
  const int b = in.integer({"b", ""}, kFew);
  in.require(b <= a, {"b", "a"}, "must not exceed a ({})", a);
  EXPECT_EQ(problem(), "f.yaml:1:4: part.a = many: must be a whole number between 1 and 64");
}

TEST_F(ReaderTest, Require_IsReportedAtItsFirstKey) {
  Reader in = reader("a: 8\nb: 9\n");
  const int a = in.integer({"a", ""}, kFew);
  const int b = in.integer({"b", ""}, kFew);
  in.require(b <= a, {"b", "a"}, "must not exceed a ({})", a);
  EXPECT_EQ(problem(), "f.yaml:2:4: part.b = 9: must not exceed a (8)");
}

TEST_F(ReaderTest, Child_OfTheWrongKindIsSilentInside) {
  Reader in = reader("a: 5\n");
  Reader child = in.child({"a", ""});
  EXPECT_EQ(child.integer({"x", "needed"}, kFew), 1);
  child.reject_unknown_keys();
  EXPECT_EQ(problem(), "f.yaml:1:4: part.a: must be a map of keys, not a single value");
}

TEST_F(ReaderTest, Nothing_IsAsIfTheKeyWereAbsent) {
  Reader in = reader("a: ~\nb:\n");
  EXPECT_EQ(in.optional_integer({"a", ""}, kFew), std::nullopt);
  EXPECT_EQ(in.integer({"b", ""}, kFew, 3), 3);
  EXPECT_FALSE(in.has("a"));
  in.reject_unknown_keys();
  EXPECT_TRUE(problems().empty());
}

TEST_F(ReaderTest, Lists_PlaceEachBadEntry) {
  Reader in = reader("a: [1, x, 99]\nb: 3\nc: [word, {}]\n");
  EXPECT_EQ(in.integers({"a", ""}, kFew, 10), (std::vector<int>{1, 1, 1}));
  EXPECT_TRUE(in.integers({"b", ""}, kFew, 10).empty());
  EXPECT_EQ(in.texts({"c", ""}, 10), std::vector<std::string>{"word"});
  EXPECT_EQ(problems(),
            (std::vector<std::string>{"f.yaml:1:8: part.a[1] = x: must be a whole number between 1 and 64",
                                      "f.yaml:1:11: part.a[2] = 99: must be a whole number between 1 and 64",
                                      "f.yaml:2:4: part.b = 3: must be a list, not a single value",
                                      "f.yaml:3:11: part.c: must be a list of texts, and one entry is a map"}));
}

TEST_F(ReaderTest, Lists_AreLimited) {
  Reader in = reader("a: [1, 2, 3]\n");
  EXPECT_TRUE(in.integers({"a", ""}, kFew, 2).empty());
  EXPECT_EQ(problem(), "f.yaml:1:4: part.a = [...]: has 3 entries, more than 2");
}

TEST_F(ReaderTest, CompletedTree_HasTheDefaults) {
  Draft draft;
  Reader in(parse_config("n: 8\nrate: 100Gbps\ninner: {}\n", "f.yaml", log_.problems), "part", log_, &draft);
  EXPECT_EQ(in.integer({"n", ""}, kFew), 8);
  EXPECT_EQ(in.integer({"m", ""}, kFew, 5), 5);
  EXPECT_EQ(in.quantity<BytesPerSecond>({"rate", ""}, kRates).value, 12.5e9);
  EXPECT_EQ(in.optional_integer({"absent", ""}, kFew), std::nullopt);
  EXPECT_TRUE(in.optional_child({"inner", ""})->flag({"on", ""}, true));
  EXPECT_EQ(to_yaml(draft.tree()), "n: 8\nm: 5\nrate: 12500000000B/s\ninner:\n  on: true\n");
}

}  // namespace
}  // namespace moesim
