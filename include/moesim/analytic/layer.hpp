#pragma once

#include <array>
#include <string_view>

#include "moesim/base/estimate.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Parts of an iteration that are measured alone.
enum class Part {
  step,                    ///< the whole training step, or the whole inference
  prefill,                 ///< of an inference: until the first token
  decode_step,             ///< of an inference: one token more of every sequence, at the mean context
  layer_forward,           ///< one MoE layer of the transformer, attention and norms included
  layer_forward_backward,  ///< without the reduction of its gradients and without the optimizer
  moe_block_forward,       ///< router to weighted sum, projections and exchanges included
  moe_block_forward_backward,
};
struct NamedPart {
  std::string_view name;
  Part part;
};
inline constexpr std::array kParts = {NamedPart{"step", Part::step},
                                      NamedPart{"prefill", Part::prefill},
                                      NamedPart{"decode_step", Part::decode_step},
                                      NamedPart{"layer.forward", Part::layer_forward},
                                      NamedPart{"layer.forward_backward", Part::layer_forward_backward},
                                      NamedPart{"moe_block.forward", Part::moe_block_forward},
                                      NamedPart{"moe_block.forward_backward", Part::moe_block_forward_backward}};

/// Time of a part of one micro-batch on the slowest rank (step: of all), in closed form.
/// @throws InputError when the scenario has no such part (no MoE layer, no backward pass, no decode steps)
[[nodiscard]] Estimate predict_part(const Scenario& scenario, Part part);

}  // namespace moesim
