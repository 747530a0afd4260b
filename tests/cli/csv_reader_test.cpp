#include "cli/csv_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "report/csv.hpp"

namespace moesim::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Parsed {
  std::vector<CsvRecord> records;
  std::vector<Diagnostic> problems;
};

Parsed parse(std::string_view text) {
  Parsed parsed;
  parsed.records = parse_csv(text, "in.csv", parsed.problems);
  return parsed;
}

std::vector<std::string> texts(const CsvRecord& record) {
  std::vector<std::string> all;
  for (const CsvCell& cell : record.cells) all.push_back(cell.text);
  return all;
}

TEST(ParseCsv, PlainCells_KeepTheirPlaces) {
  const Parsed parsed = parse("m,n,k\n1, 22 ,333\n");
  ASSERT_THAT(parsed.records, SizeIs(2));
  EXPECT_THAT(parsed.problems, SizeIs(0));
  EXPECT_THAT(texts(parsed.records[1]), ElementsAre("1", "22", "333"));
  EXPECT_EQ(parsed.records[1].line, 2);
  EXPECT_EQ(parsed.records[1].cells[1].column, 4);
  EXPECT_EQ(parsed.records[1].cells[2].column, 8);
  EXPECT_EQ(parsed.records[1].raw, "1, 22 ,333");
}

TEST(ParseCsv, QuotedCells_MayHoldCommasQuotesAndLineEnds) {
  const Parsed parsed = parse("a,\"b,c\",\"say \"\"hi\"\"\",\"two\nlines\"\nnext,1,2,3\n");
  EXPECT_THAT(parsed.problems, SizeIs(0));
  ASSERT_THAT(parsed.records, SizeIs(2));
  EXPECT_THAT(texts(parsed.records[0]), ElementsAre("a", "b,c", "say \"hi\"", "two\nlines"));
  EXPECT_EQ(parsed.records[1].line, 3);
}

TEST(ParseCsv, WindowsLineEndsByteOrderMarkAndEmptyLines_AreFine) {
  const Parsed parsed = parse("\xEF\xBB\xBFm,n\r\n\r\n1,2\r\n\n");
  EXPECT_THAT(parsed.problems, SizeIs(0));
  ASSERT_THAT(parsed.records, SizeIs(2));
  EXPECT_THAT(texts(parsed.records[0]), ElementsAre("m", "n"));
  EXPECT_EQ(parsed.records[0].cells[0].column, 1);
  EXPECT_EQ(parsed.records[1].raw, "1,2");
  EXPECT_EQ(parsed.records[1].line, 3);
}

TEST(ParseCsv, LastLineWithoutEnd_Counts) {
  const Parsed parsed = parse("m\n1");
  ASSERT_THAT(parsed.records, SizeIs(2));
  EXPECT_EQ(parsed.records[1].raw, "1");
}

TEST(ParseCsv, EmptyCells_AreCells) {
  const Parsed parsed = parse(",,\n");
  ASSERT_THAT(parsed.records, SizeIs(1));
  EXPECT_THAT(texts(parsed.records[0]), ElementsAre("", "", ""));
}

TEST(ParseCsv, OpenQuotation_IsReportedWhereItBegins) {
  const Parsed parsed = parse("a,b\n1,\"2\n3,4\n");
  ASSERT_THAT(parsed.problems, SizeIs(1));
  EXPECT_THAT(to_string(parsed.problems[0]), HasSubstr("in.csv:2:3: the quotation that begins here has no end"));
}

TEST(ParseCsv, TextAfterQuotation_IsReportedAndTheRestStillRead) {
  const Parsed parsed = parse("\"a\"b,c\nd,e\n");
  ASSERT_THAT(parsed.problems, SizeIs(1));
  EXPECT_THAT(to_string(parsed.problems[0]), HasSubstr("in.csv:1:4: text after a closing quote"));
  ASSERT_THAT(parsed.records, SizeIs(2));
  EXPECT_THAT(texts(parsed.records[1]), ElementsAre("d", "e"));
}

TEST(ParseCsv, BinaryJunk_IsOneProblem) {
  const Parsed parsed =
      parse(std::string_view("\x7f"
                             "ELF\x02\x01\x00\n\x00\x01",
                             10));
  ASSERT_THAT(parsed.problems, SizeIs(1));
  EXPECT_THAT(parsed.problems[0].message, HasSubstr("is no text"));
}

RC_GTEST_PROP(ParseCsv, AnyBytes_ReturnRecordsThatLieInTheText, (const std::string& text)) {
  const Parsed parsed = parse(text);
  for (const CsvRecord& record : parsed.records) {
    RC_ASSERT(record.line >= 1);
    RC_ASSERT(record.raw.data() >= text.data() && record.raw.data() + record.raw.size() <= text.data() + text.size());
    for (const CsvCell& cell : record.cells) RC_ASSERT(cell.column >= 1);
  }
}

/// Printable text without spaces at its ends (those are not kept).
rc::Gen<std::string> cell_text() {
  return rc::gen::map(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab,\"\n1 "))),
                      [](std::string text) { return "x" + text + "x"; });
}

RC_GTEST_PROP(ParseCsv, WhatIsWritten_IsReadBack, ()) {
  const auto cells = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(cell_text()));
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() ? "" : ",") + csv::cell(cell);
  line += "\n";
  const Parsed parsed = parse(line);
  RC_ASSERT(parsed.problems.empty());
  RC_ASSERT(parsed.records.size() == 1U);
  RC_ASSERT(texts(parsed.records[0]) == cells);
}

}  // namespace
}  // namespace moesim::cli
