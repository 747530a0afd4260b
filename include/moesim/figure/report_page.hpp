#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

/// What a page shows of one variant; the texts are JSON, as other rooms write them.
struct PageVariant {
  std::string name;
  std::string explanation;             ///< of ExplainReport
  std::size_t cluster = 0;             ///< by index into ReportPage::clusters
  std::string link_use;                ///< of its drawn links
  std::vector<std::string> timelines;  ///< of TimelineExcerpt
};

struct ReportPage {
  std::string title;
  std::string command;                ///< that makes the page
  std::string compare_command = {};   ///< that prints the comparison; what-ifs append their settings to it
  std::string comparison;             ///< JSON of `compare`
  std::vector<std::string> clusters;  ///< of ClusterDrawing
  std::vector<PageVariant> variants;  ///< in the order of the comparison
  std::string what_if = {};           ///< of WhatIf; empty: there is none
  std::string no_what_if = {};        ///< why not
};

/// One page that needs neither network nor other files: HTML with data, scripts and style inside; a
/// content-security policy forbids every request. The scripts (src/figure/page) depend on nothing.
[[nodiscard]] std::string report_page(const ReportPage& page);

}  // namespace moesim
