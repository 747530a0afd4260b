#pragma once

#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/base/estimate.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

#include "analytic/schedule.hpp"

namespace moesim {

/// Closed-form time of a whole graph.
struct GraphTime {
  std::array<Seconds, kWorkKinds> by_kind{};  ///< on the critical path; adds up to `total`
  Seconds total;
  Seconds communication;  ///< part of `total` in which only communication goes on
  EstimateSum errors;
  std::vector<double> link_bytes;  ///< by LinkId
  std::set<const FittedLaw*> laws;
  std::set<std::string_view> extrapolated;  ///< laws used outside their samples
  std::set<std::string_view> unfitted;      ///< kernels that the calibration has no law for
};

[[nodiscard]] GraphTime evaluate(const Scenario& scenario, const OpGraph& graph);

}  // namespace moesim
