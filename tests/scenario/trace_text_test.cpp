#include "scenario/trace_text.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

using Rows = std::vector<std::vector<double>>;

TEST(TraceText, RowsWithHeaderCommentsAndAnySeparator) {
  std::vector<Diagnostic> problems;
  EXPECT_EQ(parse_rows("expert,load\n# measured\n0,1.5\n\n1; 2\t3\r\n", "t.csv", 100, problems),
            (Rows{{0, 1.5}, {1, 2, 3}}));
  EXPECT_TRUE(problems.empty());
}

TEST(TraceText, AWordAmongNumbersHasAPlace) {
  std::vector<Diagnostic> problems;
  EXPECT_TRUE(parse_rows("1,2\n3,four\n", "t.csv", 100, problems).empty());
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(to_string(problems[0]), "t.csv:2:3: is no finite number");
}

TEST(TraceText, LengthIsLimited) {
  std::vector<Diagnostic> problems;
  EXPECT_TRUE(parse_rows("1,2\n3,4\n", "t.csv", 3, problems).empty());
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(to_string(problems[0]), "t.csv:2: has more than 3 numbers");
}

}  // namespace
}  // namespace moesim
