#include "moesim/figure/report_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <regex>

namespace moesim {
namespace {

using nlohmann::json;

ReportPage page_named(const std::string& name) {
  return {.title = name,
          .command = "moesim report " + name,
          .comparison = json{{"baseline", name}, {"variants", json::array()}}.dump(),
          .clusters = {"{\"nodes\": []}"},
          .variants = {{.name = name,
                        .explanation = json{{"sentences", {name}}}.dump(),
                        .cluster = 0,
                        .link_use = "[]",
                        .timelines = {"{}"}}}};
}

json data_of(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t begin = page.find(open) + open.size();
  return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

// Names come from the user: whatever they contain, they are text.
TEST(ReportPage, NamesStayText) {
  const std::string name = "</script><img src=x onerror=alert(1)>&\"'@data@@script@";
  const std::string page = report_page(page_named(name));
  EXPECT_THAT(page, ::testing::Not(::testing::HasSubstr("<img")));
  EXPECT_THAT(page, ::testing::HasSubstr("<title>&lt;/script>&lt;img"));
  const json data = data_of(page);
  EXPECT_EQ(data["title"], name);
  EXPECT_EQ(data["variants"][0]["name"], name);
  EXPECT_EQ(data["variants"][0]["explanation"]["sentences"][0], name);
  EXPECT_EQ(data["comparison"]["baseline"], name);
}

// Bytes that are no UTF-8 in a file name are replaced: JSON has to be Unicode.
TEST(ReportPage, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(data_of(report_page({.title = "a\xff",
                                 .command = {},
                                 .comparison = "{}",
                                 .clusters = {},
                                 .variants = page_named("b").variants}))["title"],
            "a\xef\xbf\xbd");
}

// One file, no requests: nothing in the template or in the scripts names another place.
TEST(ReportPage, NamesNoOtherPlace) {
  const std::string page = report_page(page_named("demo"));
  EXPECT_THAT(page, ::testing::HasSubstr("default-src 'none'"));
  const std::regex place("(src|href)=\"(?!data:)|url\\(|@import|fetch\\(|XMLHttpRequest|import\\(|eval\\(");
  EXPECT_FALSE(std::regex_search(page, place));
  const std::regex address("https?://[^\"]*");
  for (std::sregex_iterator match(page.begin(), page.end(), address), end; match != end; ++match) {
    EXPECT_EQ(match->str(), "http://www.w3.org/2000/svg");  // the name of a namespace
  }
}

// Colours are told apart by colour-blind readers and mean the same as in figures.
TEST(ReportPage, PartsOfTheTimeAreThoseOfFigures) {
  const json parts = data_of(report_page(page_named("demo")))["parts"];
  EXPECT_EQ(parts[0], (json{{"name", "all-to-all"}, {"kinds", {"dispatch", "combine"}}, {"color", "#D55E00"}}));
  EXPECT_EQ(parts.back()["name"], "other");
}

}  // namespace
}  // namespace moesim
