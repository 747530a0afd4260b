#pragma once

#include <string>
#include <vector>

#include "moesim/base/dtype.hpp"
#include "moesim/base/units.hpp"

namespace moesim {

/// Peak dense rate of the matrix units for one element type.
struct MatrixPeak {
  DType dtype;
  FlopsPerSecond rate;
};

/// A GPU as its data sheet describes it. What it reaches is in the calibration, not here.
struct Device {
  std::string name;
  std::string source;          ///< where the data sheet's numbers are from
  int compute_capability = 0;  ///< 80, 86, 89, 90, 120
  int multiprocessors = 0;
  std::vector<MatrixPeak> matrix_peaks;
  FlopsPerSecond vector_peak;  ///< fp32, outside the matrix units
  BytesPerSecond memory_bandwidth;
  Bytes memory;  ///< that a program can use: chips less error correction and the driver's own
  Bytes l2_cache;
  std::string calibration;  ///< name of its fitted laws in calibration/; empty: none, data-sheet bounds only

  /// @return 0 when the device has no matrix unit for this type
  [[nodiscard]] FlopsPerSecond matrix_peak(DType dtype) const;
};

/// Laws that a device obeys, each problem with the key of its field: everything positive, known compute capability, a
/// matrix peak once per type and never below the vector peak.
/// @throws InputError with every problem
void check_device(const Device& device);

}  // namespace moesim
