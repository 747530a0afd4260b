#pragma once

#include <string>
#include <variant>
#include <vector>

#include "moesim/report/run_info.hpp"

namespace moesim {

/// A plain table of things that exist: devices, models, topologies ...
struct Listing {
  struct Column {
    std::string key;    ///< in JSON and CSV; ends in the unit of its numbers
    std::string title;  ///< for people; empty: not shown in the table
    double scale = 1;   ///< numbers are divided by it for people only
  };
  using Cell = std::variant<std::monostate, double, std::string>;

  std::string what;  ///< "devices"
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< each as long as `columns`
};

[[nodiscard]] std::string to_table(const Listing& listing, const RunInfo& run, const TextStyle& style);
/// {"list": what, "items": [{column: value, ...}, ...], "provenance"}
[[nodiscard]] std::string to_json(const Listing& listing, const RunInfo& run);
[[nodiscard]] std::string to_csv(const Listing& listing, const RunInfo& run);

}  // namespace moesim
