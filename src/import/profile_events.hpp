#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "import/json_document.hpp"

namespace moesim {

/// An operator that the host ran.
struct HostOp {
  std::string name;  ///< "aten::mm"
  double begin = 0;  ///< [us]
  double end = 0;
  int parent = -1;  ///< the operator around it on the same thread
  std::vector<std::vector<double>> shapes;
  std::vector<std::vector<double>> strides;
  std::vector<std::string> types;
  std::vector<std::string> values;  ///< scalars by position ("True"), as record_shapes keeps them
};

struct DeviceKernel {
  std::string name;
  double microseconds = 0;
  int op = -1;  ///< innermost operator that launched it; -1: not known
};

/// What a Chrome trace of torch.profiler says of the host's operators and the device's kernels.
struct ProfileEvents {
  std::vector<HostOp> ops;
  std::vector<DeviceKernel> kernels;
  std::string device;  ///< name of the first GPU; empty: not said
};

/// @throws InputError when the text is none
[[nodiscard]] ProfileEvents read_profile(std::string_view text, const std::string& file);

}  // namespace moesim
