#include "report/text.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Width, CountsCodePoints) {
  EXPECT_EQ(text::width(""), 0U);
  EXPECT_EQ(text::width("abc"), 3U);
  EXPECT_EQ(text::width("1 – 2"), 5U);
  EXPECT_EQ(text::width("█▎"), 2U);
}

TEST(Pad, NeverCutsAndCountsColumns) {
  EXPECT_EQ(text::pad_left("–", 3), "  –");
  EXPECT_EQ(text::pad_right("–", 3), "–  ");
  EXPECT_EQ(text::pad_left("longer", 3), "longer");
}

TEST(Interval, UsesOneUnitForBothEnds) {
  EXPECT_EQ(text::interval({.time = {1.0}, .spread = 0.1}), "0.90 – 1.11 s");
  EXPECT_EQ(text::interval({.time = {0.2}, .spread = 0.1}), "181 – 221 ms");
  EXPECT_EQ(text::interval({.time = {3e-6}, .spread = 0.2}), "2.46 – 3.66 us");
  EXPECT_EQ(text::interval({.time = {1.0}, .spread = 0}), "");
}

TEST(Count, GroupsThousands) {
  EXPECT_EQ(text::count(7), "7");
  EXPECT_EQ(text::count(42.5), "42.5");
  EXPECT_EQ(text::count(999.4), "999");
  EXPECT_EQ(text::count(999.9), "1,000");
  EXPECT_EQ(text::count(262144), "262,144");
  EXPECT_EQ(text::count(1234567.8), "1,234,568");
  EXPECT_EQ(text::count(-1234), "-1,234");
  EXPECT_EQ(text::count(0.1234), "0.12");
}

TEST(LargeCount, NamesThePowerOfThousand) {
  EXPECT_EQ(text::large_count(3.73e9), "3.73 billion");
  EXPECT_EQ(text::large_count(46.7e9), "46.7 billion");
  EXPECT_EQ(text::large_count(671e9), "671 billion");
  EXPECT_EQ(text::large_count(1.5e12), "1.50 trillion");
  EXPECT_EQ(text::large_count(999), "999");
}

TEST(Binary, TakesBinaryPrefixes) {
  EXPECT_EQ(text::binary({1488.0 * 1024 * 1024 * 1024}), "1,488.00 GiB");
  EXPECT_EQ(text::binary({64.0 * 1024 * 1024}), "64.00 MiB");
  EXPECT_EQ(text::binary({1000}), "1000 B");
  EXPECT_EQ(text::binary({1024}), "1.00 KiB");
  EXPECT_EQ(text::binary({0}), "0 B");
}

TEST(TeraFlops, KeepsTwoDecimals) { EXPECT_EQ(text::tera_flops({3490.67e12}), "3,490.67 TFLOP"); }

TEST(CommonUnit, FollowsTheLargest) {
  EXPECT_EQ(text::common_unit({250}).name, "s");
  EXPECT_EQ(text::common_unit({2.5}).name, "ms");
  EXPECT_EQ(text::common_unit({2.5e-3}).name, "us");
  EXPECT_EQ(text::in_unit({0.0123456}, text::common_unit({2.5})), "12.35 ms");
}

TEST(Bar, IsAsLongAsItsShare) {
  EXPECT_EQ(text::bar(0, 10), "");
  EXPECT_EQ(text::bar(1, 4), "████");
  EXPECT_EQ(text::bar(0.5, 4), "██");
  EXPECT_EQ(text::bar(0.5, 1), "▌");
  EXPECT_EQ(text::bar(7, 2), "██");
  EXPECT_EQ(text::bar(-1, 2), "");
}

TEST(Grid, LastColumnOfWords_IsWrapped) {
  text::Grid grid;
  grid.column("n", text::Grid::Align::right);
  grid.column("words", text::Grid::Align::left);
  grid.row({"10", "one two three four five six"});
  grid.row({"7", "short"});
  EXPECT_EQ(grid.render({.width = 24}), " n  words\n10  one two three four\n    five six\n 7  short\n");
  EXPECT_EQ(grid.render({.width = 40}), " n  words\n10  one two three four five six\n 7  short\n");
}

TEST(Wrapped, BreaksBetweenWordsAndIndents) {
  EXPECT_EQ(text::wrapped("- ", "one two three", 9), "- one two\n  three\n");
  EXPECT_EQ(text::wrapped("", "unbreakable", 4), "unbreakable\n");
  EXPECT_EQ(text::wrapped("- ", "", 10), "- \n");
  EXPECT_EQ(text::wrapped("", "a  b", 10), "a b\n");
}

}  // namespace
}  // namespace moesim
