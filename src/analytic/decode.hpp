#pragma once

#include <algorithm>

#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Decode steps of a generation: the first token comes from the prefill. All stand for those at the mean context length
/// (attention is affine in it, everything else does not change).
struct DecodeSteps {
  double count = 0;
  double context_tokens = 0;
};
[[nodiscard]] inline DecodeSteps decode_steps(const InferenceWorkload& inference) {
  const double steps = std::max(inference.generated_tokens - 1, 0);
  return {.count = steps, .context_tokens = inference.prompt_tokens + 0.5 * (steps + 1)};
}

}  // namespace moesim
