#include "analytic/pipeline.hpp"

#include <algorithm>

namespace moesim {
namespace {

/// A forward and a backward pass side by side: each stream does the work of both.
Seconds overlapped(const StageTime& stage) {
  return std::min(std::max(stage.compute, stage.communication), stage.forward + stage.backward);
}

}  // namespace

double bubble_share(const Parallelism& parallelism, const StageTime& stage) {
  const Seconds both = stage.forward + stage.backward;
  if (both.value <= 0) return 0;
  const auto share_of = [both](Seconds bubble) { return std::max(bubble / both, 0.0); };
  switch (parallelism.schedule) {
    case PipelineSchedule::gpipe:
    case PipelineSchedule::one_f_one_b:
      return 1.0 / parallelism.virtual_stages;
    case PipelineSchedule::zero_bubble_h1:
      return share_of(both - 2 * stage.weight_gradient);
    case PipelineSchedule::zero_bubble_h2:
      return share_of(both - 3 * stage.weight_gradient);
    case PipelineSchedule::dual_pipe: {
      if (parallelism.pp <= 2) return 0;
      const double others = parallelism.pp - 1;
      return (0.5 * parallelism.pp - 1) / others *
             share_of(overlapped(stage) + stage.backward - 3 * stage.weight_gradient);
    }
  }
  return 1;
}

double exposed_share(const Parallelism& parallelism, const StageTime& stage, Seconds exposed) {
  if (parallelism.schedule != PipelineSchedule::dual_pipe || exposed.value <= 0) return 1;
  const Seconds hidden = stage.forward + stage.backward - overlapped(stage);
  return std::clamp(1 - hidden / exposed, 0.0, 1.0);
}

double exposed_exchange_share(const Parallelism& parallelism, int micro_batches, Seconds both,
                              const ExchangeTime& exchange) {
  if (exchange.exposed.value <= 0) return 1;
  const Seconds rest = both - exchange.exposed;
  const Seconds pair = std::max(exchange.all, rest + exchange.all * (1 - 1 / exchange.slowdown));
  const double of_pairs = (pair - rest) / exchange.exposed;
  const double stages = parallelism.pp;
  const double chunks = parallelism.virtual_stages;
  const double ahead = chunks > 1 ? 2 * (stages - 1) + (chunks - 1) * stages : stages - 1;
  const double alone = std::min(std::max(ahead, 1.0) / (micro_batches * chunks), 1.0);
  return alone + (1 - alone) * std::clamp(of_pairs, 0.0, 1.0);
}

}  // namespace moesim
