#include "microbench/sample_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {
namespace {

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ",")); }

/// The first `count` fields of a line; our fields have no commas. Empty when there are fewer in all than `columns`.
std::string first_fields(const std::string& line, std::size_t count, std::size_t columns) {
  if (static_cast<std::size_t>(std::ranges::count(line, ',')) + 1 != columns) return {};
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) at = line.find(',', at) + 1;
  return line.substr(0, at == 0 ? 0 : at - 1);
}

}  // namespace

SampleFile::SampleFile(std::string path, std::vector<std::string> shape, std::vector<std::string> results,
                       const std::vector<std::string>& comments)
    : path_(std::move(path)), shape_(std::move(shape)), results_(std::move(results)) {
  const bool there = std::filesystem::exists(path_) && std::filesystem::file_size(path_) > 0;
  bool torn = false;
  if (there) {
    read_known(shape_.size() + results_.size());
    std::ifstream end(path_, std::ios::binary | std::ios::ate);
    end.seekg(-1, std::ios::end);
    torn = end.get() != '\n';  // a run was killed in the middle of a line, which was not taken as known
  }
  file_.open(path_, std::ios::app);
  if (torn) file_ << '\n';
  if (!there) {
    for (const std::string& comment : comments) file_ << "# " << comment << '\n';
    file_ << joined(shape_) << ',' << joined(results_) << '\n';
  }
  file_.flush();
  if (!file_) throw MachineError(fmt::format("{}: cannot be written", path_));
}

void SampleFile::read_known(std::size_t columns) {
  std::ifstream old(path_);
  std::string line;
  bool header = true;
  while (std::getline(old, line)) {
    if (line.empty() || line.starts_with('#')) continue;
    if (header) {
      if (line != joined(shape_) + "," + joined(results_)) {
        throw InputError({Diagnostic{.file = path_,
                                     .line = 1,
                                     .message = "has other columns than this measurement writes (it would be "
                                                "continued) name another file"}});
      }
      header = false;
      continue;
    }
    const std::string shape = first_fields(line, shape_.size(), columns);
    if (!shape.empty()) known_.insert(shape);
  }
}

std::string SampleFile::line_of(const std::vector<std::string>& columns, const Row& row) const {
  std::vector<std::string> fields(columns.size());
  for (const auto& [name, value] : row) {
    const auto column = std::ranges::find(columns, name);
    MOESIM_EXPECTS(column != columns.end());
    MOESIM_EXPECTS(value.find_first_of(",\n\"") == std::string::npos);
    fields[static_cast<std::size_t>(column - columns.begin())] = value;
  }
  return joined(fields);
}

bool SampleFile::has(const Row& shape) const { return known_.contains(line_of(shape_, shape)); }

void SampleFile::add(const Row& shape, const Row& results) {
  const std::string key = line_of(shape_, shape);
  file_ << key << ',' << line_of(results_, results) << '\n';
  file_.flush();
  if (!file_) throw MachineError(fmt::format("{}: cannot be written", path_));
  known_.insert(key);
}

}  // namespace moesim::microbench
