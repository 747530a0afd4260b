#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "moesim/base/units.hpp"
#include "moesim/cost/kernels.hpp"
#include "moesim/report/run_info.hpp"

namespace moesim {

/// A named argument of the kernel, as it was given, for the report's head.
struct ShapeArgument {
  std::string name;
  std::variant<double, std::string> value;
};

struct KernelReport {
  std::string kernel;
  std::string device;
  std::vector<ShapeArgument> shape;
  KernelEstimate estimate;
  std::optional<Flops> work;           ///< of the shape, where the kernel is a matrix product
  std::optional<FlopsPerSecond> peak;  ///< of the device for that element type
  std::optional<Bytes> moved;          ///< read and written, where the kernel only moves
  BytesPerSecond memory_bandwidth;     ///< of the device
};

[[nodiscard]] std::string to_table(const KernelReport& report, const RunInfo& run, const TextStyle& style);
[[nodiscard]] std::string to_json(const KernelReport& report, const RunInfo& run);
[[nodiscard]] std::string to_csv(const KernelReport& report, const RunInfo& run);

/// What the estimate rests on, for the key "bound": "extrapolated" outside the samples, else what decides the time.
[[nodiscard]] std::string_view bound_text(const KernelEstimate& estimate);

}  // namespace moesim
