#include "figure/sweep_table.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sweep/columns.hpp"

namespace moesim::figure {
namespace {

/// The result column that a name ends in: "bigmac.speedup" is speedup of bigmac; nothing for a swept key.
const SweepColumn* result_of(std::string_view column) {
  const std::string_view name = column.substr(column.rfind('.') + 1);
  const auto found = std::ranges::find(sweep_columns(), name, &SweepColumn::name);
  return found == sweep_columns().end() ? nullptr : &*found;
}

}  // namespace

SweepTable::SweepTable(const ResultFile& file, const FigureOptions& options) : file_(file) {
  if (!file.table) throw InputError({{.file = file.name, .message = "is no table (a sweep writes CSV)"}});
  const ResultTable& table = *file.table;
  std::size_t swept = 0;
  while (swept < table.columns.size() && result_of(table.columns[swept]) == nullptr) ++swept;
  for (std::size_t c = swept; c < table.columns.size(); ++c) {
    const std::string& column = table.columns[c];
    const SweepColumn* const result = result_of(column);
    if (result == nullptr) continue;
    const std::size_t point = column.rfind('.');
    results_.push_back({.column = column,
                        .variant = point == std::string::npos ? std::string() : column.substr(0, point),
                        .name = std::string(result->name)});
  }
  if (results_.empty()) {
    throw InputError(
        {{.file = file.name, .message = "has no column that `moesim sweep` writes (step_time_s, speedup ...)"}});
  }
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const bool wanted = std::ranges::all_of(options.where, [&](const auto& condition) {
      return table.rows[row][find(condition.first)] == condition.second;
    });
    if (wanted) kept_.push_back(row);
  }
  if (kept_.empty()) throw InputError({{.file = file.name, .message = "has no row with the values of --where"}});
  for (std::size_t c = 0; c < swept; ++c) {
    std::set<std::string> different;
    for (std::size_t row = 0; row < kept_.size(); ++row) different.insert(text(row, c));
    if (different.size() > 1) axes_.push_back(table.columns[c]);
  }
}

bool SweepTable::has(std::string_view column) const {
  return std::ranges::find(file_.table->columns, column) != file_.table->columns.end();
}

std::size_t SweepTable::find(std::string_view column) const {
  const auto found = std::ranges::find(file_.table->columns, column);
  if (found != file_.table->columns.end()) return static_cast<std::size_t>(found - file_.table->columns.begin());
  throw InputError({{.file = file_.name,
                     .line = 1,
                     .key = std::string(column),
                     .message = fmt::format("is no column (there are: {})", fmt::join(file_.table->columns, ", "))}});
}

const std::string& SweepTable::text(std::size_t row, std::size_t column) const {
  return file_.table->rows[kept_[row]][column];
}

double SweepTable::number(std::size_t row, std::size_t column) const { return cell_number(file_, kept_[row], column); }

bool SweepTable::numeric(std::size_t column) const {
  for (std::size_t row = 0; row < rows(); ++row) {
    const std::string& cell = text(row, column);
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc{} || end != cell.data() + cell.size()) return false;
  }
  return true;
}

double SweepTable::largest(std::size_t column) const {
  double most = 0;
  for (std::size_t row = 0; row < rows(); ++row) {
    if (!text(row, column).empty()) most = std::max(most, number(row, column));
  }
  return most;
}

std::vector<SweepTable::Value> SweepTable::values(const std::string& asked) const {
  const auto named = [this](std::string_view name) {
    std::vector<Value> found;
    std::ranges::copy_if(results_, std::back_inserter(found),
                         [name](const Value& one) { return one.column == name || one.name == name; });
    return found;
  };
  if (asked.empty()) {
    const std::vector<Value> speedups = named("speedup");
    return speedups.empty() ? named("step_time_s") : speedups;
  }
  std::vector<Value> found = named(asked);
  if (found.empty()) static_cast<void>(find(asked));  // says what there is
  return found;
}

std::string SweepTable::baseline() const {
  for (const Value& one : results_) {
    if (!has(one.variant + ".speedup")) return one.variant;
  }
  return {};
}

}  // namespace moesim::figure
