#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "moesim/fit/fit_kernels.hpp"

namespace moesim {

/// Tables of kernel times of one source, measured on one device.
struct KernelTable {
  std::string device;
  std::vector<std::filesystem::path> files;  ///< below `measured_data()`, or below the sources when we measured them
  std::vector<std::string> laws;             ///< that are fitted to it
  Provenance provenance;
};
[[nodiscard]] const std::vector<KernelTable>& kernel_tables();

/// Device of a data sheet in configs/devices, without its calibration.
[[nodiscard]] Device device_sheet(const std::string& name);

/// Whether every file is here.
[[nodiscard]] bool is_here(const KernelTable& table);
/// Samples of one law of a table.
[[nodiscard]] std::vector<KernelSample> samples_of(const KernelTable& table, const std::string& law);
/// The table that a law of a device is fitted to. @throws ContractViolation when there is none
[[nodiscard]] const KernelTable& table_of(const std::string& device, const std::string& law);
/// The fit of a law; made once in a program.
[[nodiscard]] const KernelFit& measured_fit(const std::string& device, const std::string& law);

/// Devices that we ship a calibration of.
[[nodiscard]] std::vector<std::string> calibrated_devices();
/// Whether `moesim calibrate` wrote its calibration, from samples of ours.
[[nodiscard]] bool is_ours(const std::string& device);
/// The calibrations of the others: measured laws, and those transferred from other devices with the error of the same
/// transfer where both ends are measured. Needs all tables. @pre !is_ours(device)
[[nodiscard]] Calibration make_calibration(const std::string& device);

}  // namespace moesim
