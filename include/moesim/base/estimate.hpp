#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "moesim/base/units.hpp"

namespace moesim {

/// Central 90 % interval of a predicted time.
struct Interval {
  Seconds lo;
  Seconds hi;
};

/// A predicted time and how far it may be off: `spread` is the half-width of the central 90 % interval of
/// ln(measured / predicted), taken from cross-validated residuals of the fit. 0 means exact (a bound, an ideal time).
struct Estimate {
  Seconds time;
  double spread = 0;

  /// time * exp(-spread) .. time * exp(+spread)
  [[nodiscard]] Interval interval() const;
};

/// Adds estimates up to a total. Errors that share a source (the same fitted kernel or link law: one bias) add
/// linearly; errors of different sources are independent and add in quadrature. The logarithms are linearised: a part
/// of the total time t with spread s deviates by t * s.
class EstimateSum {
 public:
  /// @param source name of the fitted law the estimate comes from
  /// @param count how often the operation runs (layers x micro-batches)
  /// @pre time, spread and count are finite and not negative
  void add(std::string_view source, const Estimate& estimate, double count = 1);
  /// All that `other` has added up, `count` times.
  void add(const EstimateSum& other, double count);
  [[nodiscard]] Estimate total() const;
  /// By source: sum of count * time * spread [s].
  [[nodiscard]] const std::map<std::string, double, std::less<>>& deviations() const { return deviation_by_source_; }

 private:
  Seconds time_;
  std::map<std::string, double, std::less<>> deviation_by_source_;  ///< sum of count * time * spread [s]
};

}  // namespace moesim
