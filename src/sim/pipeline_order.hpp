#pragma once

#include <cstdint>
#include <vector>

#include "moesim/model/parallelism.hpp"

namespace moesim {

/// What a pipeline rank does with one micro-batch: a pass through the layers that it holds.
enum class Pass : std::uint8_t {
  forward,
  backward,        ///< gradients of inputs and weights
  input_gradient,  ///< what the stage before waits for ...
  weight_gradient  ///< ... and what nobody waits for
};

struct PassSlot {
  Pass pass = Pass::forward;
  int micro_batch = 0;
  int chunk = 0;             ///< of the rank's virtual stages
  bool from_last = false;    ///< DualPipe: the micro-batch entered at the last rank, which holds stage 0's copy
  bool beside_next = false;  ///< DualPipe: operators are interleaved with those of the next slot
};

/// Slots of one pipeline rank in order.
///
///   gpipe           all forward passes, then all backward passes
///   1f1b            as many forward passes as there are ranks behind, then backward and forward in turn (Narayanan et
///                   al. 2021, arXiv 2104.04473, section 2.2); with virtual stages, interleaved: micro-batches in
///                   groups of pp through chunk after chunk
///   zero_bubble_h1  1F1B with split backward passes: rank i puts its weight gradients off by i micro-batches, so that
///                   all ranks hold pp (Qi et al. 2024, arXiv 2401.10241, section 2.1)
///   zero_bubble_h2  twice as many forward passes ahead and weight gradients put off twice as long: 2 pp - 1 held
///                   (section 2.2 there)
///   dual_pipe       micro-batches enter at both ends; in the middle of the step the forward pass of one runs beside
///                   the backward pass of another (DeepSeek-V3, arXiv 2412.19437, section 3.2.1; the order of its eight
///                   steps is that of github.com/deepseek-ai/DualPipe)
/// @param rank pipeline rank @pre dual_pipe: pp even, micro_batches even and at least 2 (pp - 1)
[[nodiscard]] std::vector<PassSlot> pipeline_order(const Parallelism& parallelism, int rank, int micro_batches,
                                                   bool training);

}  // namespace moesim
