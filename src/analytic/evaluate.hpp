#pragma once

#include "moesim/analytic/graph_time.hpp"

namespace moesim {

/// Closed-form time of a whole graph.
[[nodiscard]] GraphTime evaluate(const Scenario& scenario, const OpGraph& graph);

}  // namespace moesim
