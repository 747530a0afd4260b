#pragma once

#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moesim::microbench {

/// Values of a sample by column; columns that are not named stay empty.
using Row = std::vector<std::pair<std::string, std::string>>;

/// Tidy CSV of samples: comment lines (# GPU, driver, date, command), a header, one line a sample, each written at
/// once. A file that is there is continued: what it holds is not measured again.
class SampleFile {
 public:
  /// @param shape columns that tell what was measured, `results` those that tell how long it took
  /// @throws InputError when the file has other columns, MachineError when it cannot be written
  SampleFile(std::string path, std::vector<std::string> shape, std::vector<std::string> results,
             const std::vector<std::string>& comments);

  /// Whether a sample of this shape is there.
  [[nodiscard]] bool has(const Row& shape) const;
  /// @throws MachineError when the line cannot be written
  void add(const Row& shape, const Row& results);
  [[nodiscard]] std::size_t known() const { return known_.size(); }

 private:
  [[nodiscard]] std::string line_of(const std::vector<std::string>& columns, const Row& row) const;
  void read_known(std::size_t columns);

  std::string path_;
  std::vector<std::string> shape_;
  std::vector<std::string> results_;
  std::set<std::string> known_;  ///< shape parts of the lines
  std::ofstream file_;
};

}  // namespace moesim::microbench
