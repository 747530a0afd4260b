#pragma once

#include <map>
#include <string>
#include <vector>

#include "moesim/cost/kernels.hpp"

#include "cli/common.hpp"
#include "cli/kernel_shapes.hpp"

namespace moesim::cli {

/// Devices by the words that name them, each loaded once.
class DeviceShelf {
 public:
  explicit DeviceShelf(const CommonOptions& common) : common_(common) {}
  /// @throws InputError
  [[nodiscard]] const KernelModel& get(const std::string& word);

 private:
  const CommonOptions& common_;
  std::map<std::string, KernelModel> devices_;
};

/// The rows of a CSV file with time_us, lo_us and hi_us added. What the command line gives holds for all rows; a column
/// of the same name is then passed through like any column that is no argument.
/// @param given texts of the command line by argument, null: not given
/// @param device of the command line; null: the column `device` names one for each row
/// @throws InputError with every bad cell
struct Batch {
  std::string csv;
  std::vector<std::string> notes;
};
[[nodiscard]] Batch run_batch(const KernelKind& kind, const std::string& file,
                              const std::vector<const std::string*>& given, const std::string* device,
                              DeviceShelf& devices);

}  // namespace moesim::cli
