#pragma once

#include "moesim/base/units.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// A time that the closed form does not undercut, whatever the all-to-all algorithm, the ZeRO stage and the pipeline
/// schedule: of each stage its kernels and its tensor-parallel collectives in their order, for all micro-batches, and
/// the least bubble of any schedule around them. Exchanges, other communication, waiting and the optimizer are left
/// out; so are kernels of unevenly loaded experts, since which rank is slowest is not known before they are drawn.
[[nodiscard]] Seconds step_time_bound(const Scenario& scenario);

}  // namespace moesim
