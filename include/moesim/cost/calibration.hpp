#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/units.hpp"

namespace moesim {

/// Where fitted numbers come from and how far they may be off. Every law of a calibration carries one.
struct Provenance {
  std::string source;  ///< project, table or paper the samples are from, or "measured by moesim-bench"
  std::string license = {};
  std::string hardware = {};  ///< GPU, driver, clocks, library versions as far as the source tells
  std::string date = {};      ///< of the fit
  std::string command = {};   ///< that made the fit
  int samples = 0;
  double median_error = 0;  ///< of |measured / predicted - 1|, cross-validated
  double p90_error = 0;
  std::string validation;  ///< how it was cross-validated, e.g. "5 folds over distinct (n, k)"
};

/// Half-width of the central 90 % interval of ln(measured / predicted), cross-validated, by region of the law.
struct Spread {
  std::string region;  ///< a name that the law gives to part of its range, e.g. "launch", "memory", "compute"
  double value = 0;
};

/// Range of one shape argument that the samples cover.
struct Range {
  double lo = 0;
  double hi = 0;
};

/// One fitted law: named coefficients, read by the function of the same kernel or link class in this room.
struct FittedLaw {
  std::string name;  ///< "gemm.fp16", "grouped_gemm.bf16", "memory.layer_norm", "links.l40s_1x8" ...
  std::map<std::string, double, std::less<>> coefficients;
  std::map<std::string, Range, std::less<>> ranges;
  std::vector<Spread> spreads;
  Provenance provenance;

  /// @throws ContractViolation when absent: the loader has checked that a law has its coefficients
  [[nodiscard]] double coefficient(std::string_view key) const;
  /// For coefficients that a law may leave out.
  [[nodiscard]] double coefficient_or(std::string_view key, double otherwise) const;
  /// Spread of a region; the largest of all regions when the law does not name it.
  [[nodiscard]] double spread(std::string_view region) const;
  [[nodiscard]] bool has_spread(std::string_view region) const;
  /// Whether `value` of the shape argument lies in the covered range (arguments without a range: always).
  [[nodiscard]] bool covers(std::string_view argument, double value) const;
};

/// What was fitted for one device, or for one kind of machine: configs name it, `calibrate` writes it.
struct Calibration {
  std::string name;
  std::string device;  ///< name of the device or machine kind that it holds for
  std::vector<FittedLaw> laws;

  [[nodiscard]] const FittedLaw* find(std::string_view law) const;
};

}  // namespace moesim
