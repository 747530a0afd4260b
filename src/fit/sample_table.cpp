#include "fit/sample_table.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <utility>

#include "moesim/base/quantity_text.hpp"

namespace moesim {
namespace {

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',') {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

bool is_comment(std::string_view line) { return line.empty() || line.front() == '#' || line == "\r"; }

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw MachineError(fmt::format("{}: cannot be read", path));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad() || text.bad()) throw MachineError(fmt::format("{}: cannot be read", path));
  return std::move(text).str();
}

}  // namespace

bool table_has(const std::string& path, std::initializer_list<std::string_view> columns) {
  std::ifstream file(path);
  if (!file) throw MachineError(fmt::format("{}: cannot be read", path));
  std::string line;
  while (is_comment(line) && std::getline(file, line)) {
  }
  const std::vector<std::string> header = split(line);
  return std::ranges::all_of(
      columns, [&](std::string_view column) { return std::ranges::find(header, column) != header.end(); });
}

SampleTable::SampleTable(const std::string& path) : SampleTable(path, text_of(path)) {}

SampleTable::SampleTable(std::string path, std::string_view text) : path_(std::move(path)) {
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_comment(one)) continue;
    std::vector<std::string> fields = split(one);
    if (header_.empty()) {
      header_ = std::move(fields);
    } else if (fields.size() < header_.size()) {
      problems_.push_back({.file = path_,
                           .line = line,
                           .column = 0,
                           .key = "",
                           .message = fmt::format("{} fields where the header has {}", fields.size(), header_.size())});
    } else {
      lines_.push_back({line, std::move(fields)});
    }
  }
  throw_problems();
}

std::size_t SampleTable::index(std::string_view column) const {
  return static_cast<std::size_t>(std::distance(header_.begin(), std::ranges::find(header_, column)));
}

bool SampleTable::has(std::string_view column) const { return index(column) < header_.size(); }

bool SampleTable::has_all(std::initializer_list<std::string_view> columns) const {
  return std::ranges::all_of(columns, [this](std::string_view column) { return has(column); });
}

std::string_view SampleTable::text(std::size_t row, std::string_view column) const {
  const std::size_t at = index(column);
  return at < header_.size() ? std::string_view(lines_[row].fields[at]) : std::string_view();
}

double SampleTable::number(std::size_t row, std::string_view column) {
  const std::string_view field = text(row, column);
  const std::optional<double> value = finite_number(field);
  if (!value || *value < 0) {
    complain(row, column, fmt::format("'{}' is not a number >= 0", field));
    return 0;
  }
  return *value;
}

double SampleTable::positive(std::size_t row, std::string_view column) {
  const double value = number(row, column);
  if (value > 0) return value;
  complain(row, column, "must be above 0");
  return 1;
}

void SampleTable::complain(std::size_t row, std::string_view column, const std::string& message) {
  problems_.push_back(
      {.file = path_, .line = lines_[row].number, .column = 0, .key = std::string(column), .message = message});
}

void SampleTable::throw_problems() const {
  if (!problems_.empty()) throw InputError(problems_);
}

}  // namespace moesim
