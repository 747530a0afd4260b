#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/base/estimate.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

inline constexpr std::size_t kWorkKinds = static_cast<std::size_t>(WorkKind::launch) + 1;

/// What an engine finds out about a whole graph.
struct GraphTime {
  std::array<Seconds, kWorkKinds> by_kind{};  ///< on the critical path; adds up to `total`
  Seconds total;
  Seconds communication;  ///< part of `total` in which only communication goes on
  Seconds products;       ///< part of `total`: matrix products that the multiprocessors bound, and not the memory
  Seconds other_kernels;  ///< ... all other kernels
  EstimateSum errors;
  std::vector<double> link_bytes;  ///< by LinkId
  std::set<const FittedLaw*> laws;
  std::set<std::string_view> extrapolated;  ///< laws used outside their samples
  std::set<std::string_view> unfitted;      ///< kernels that the calibration has no law for
};

/// A link and how long its bytes keep it busy at its full capacity.
struct BusyLink {
  LinkId link;
  Seconds busy;
};
/// @param bytes by LinkId
[[nodiscard]] std::optional<BusyLink> busiest_link(const Topology& topology, const std::vector<double>& bytes);

/// The prediction that an engine's times give: throughput, shares, memory, bounds are the same for all engines.
/// @param evaluate is asked for the training iteration, or for the prefill and then for one decode step
[[nodiscard]] Prediction predict(const Scenario& scenario,
                                 const std::function<GraphTime(const Scenario&, const OpGraph&)>& evaluate);

}  // namespace moesim
