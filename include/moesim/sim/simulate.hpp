#pragma once

#include <optional>
#include <vector>

#include "moesim/analytic/graph_time.hpp"
#include "moesim/analytic/op_cost.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"
#include "moesim/sim/timeline.hpp"

namespace moesim {

struct SimulationOptions {
  /// How much longer a kernel takes while a collective of its rank is under way (its channels take multiprocessors and
  /// memory bandwidth). 1: not at all; none: what the device's calibration says (law `overlap.bf16`), without it 1.
  std::optional<double> compute_slowdown = {};
  /// How much longer a collective takes when a kernel runs on one of its ranks as it begins. 1, none: as above.
  std::optional<double> communication_slowdown = {};
  /// By rank: how much longer all kernels of that rank take (a throttled GPU). Empty: all are alike.
  std::vector<double> rank_slowdown = {};
  bool record = false;       ///< spans of operators and flows
  bool record_flows = true;  ///< those of flows too: every transfer is then simulated on its own, which costs time
  bool fold = true;          ///< simulate ranks once that do the same at the same time
  /// Different routings to draw at most, where the scenario draws one per layer or micro-batch; the rest use them
  /// again.
  std::size_t most_routings = kMostRoutings;
};

/// Executes the graph in time. Every rank has a compute stream and communication streams; an operator begins when its
/// stream is free and its inputs are there, a collective when all its ranks have reached it. Collectives are flows that
/// share the links; the times of kernels, start-ups and attainable capacities are those of the closed form. Stages run
/// one forward, one backward. Same arguments, same result, bit for bit.
///
/// Laws (checked): no link carries more than its capacity over the makespan; each rank's time adds up to it.
[[nodiscard]] Timeline simulate(const Scenario& scenario, const OpGraph& graph, const SimulationOptions& options = {});

/// The prediction of the flow engine, with the intervals of the same fitted laws.
/// @param timelines gets one per graph: the training iteration, or prefill and decode step
[[nodiscard]] Prediction predict_by_flows(const Scenario& scenario, const SimulationOptions& options = {},
                                          std::vector<Timeline>* timelines = nullptr);

}  // namespace moesim
