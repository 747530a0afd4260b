#pragma once

#include "moesim/base/units.hpp"
#include "moesim/model/parallelism.hpp"

namespace moesim {

/// What a pipeline schedule needs to know of one stage and micro-batch.
struct StageTime {
  Seconds forward;
  Seconds backward;         ///< weight gradients included
  Seconds weight_gradient;  ///< nothing in the micro-batch waits for it
  Seconds compute;          ///< forward and backward: the compute stream is busy
  Seconds communication;    ///< forward and backward: the communication streams are busy
};

/// How much of the time of one pass of each other stage the slowest stage stands idle, filling and draining included,
/// as a share of that pass (forward and backward alike). With p equal stages, times F, B (whole backward), W (its
/// weight gradients) and v chunks per rank the bubbles are
///   GPipe, 1F1B              (p - 1)(F + B) / v     Narayanan et al. 2021, arXiv 2104.04473, section 2.2
///   zero bubble H1, H2       (p - 1)(F + B - 2 W), (p - 1)(F + B - 3 W), not below 0
///                                                   Qi et al. 2024, arXiv 2401.10241, table 2 (its B is our B - W)
///   DualPipe                 (p / 2 - 1)(FB + B - 3 W), FB a forward and a backward pass overlapped
///                                                   DeepSeek-V3, arXiv 2412.19437, table 2
[[nodiscard]] double bubble_share(const Parallelism& parallelism, const StageTime& stage);

/// Share of the communication of a micro-batch that stays exposed while the slowest stage is busy, of what is exposed
/// when passes run alone: 1, but for DualPipe, which runs the forward pass of one micro-batch beside the backward pass
/// of another, so that communication shows only beyond the compute of both.
/// @param exposed time of both passes in which only communication goes on
[[nodiscard]] double exposed_share(const Parallelism& parallelism, const StageTime& stage, Seconds exposed);

/// The all-to-alls of a forward and a backward pass of one stage.
struct ExchangeTime {
  Seconds all;
  Seconds exposed;      ///< in which nothing else goes on while the passes run alone
  double slowdown = 1;  ///< of the work beside it
};
/// Share of the exposed all-to-alls that stays exposed when the forward pass of one micro-batch and the backward pass
/// of another run side by side, each computing while the other communicates (Megatron Core,
/// overlap_moe_expert_parallel_comm). With r the pair's time without the exposed exchange, e the exchange and f how
/// many times as long the work takes beside it, the pair takes max(e, r + e (1 - 1 / f)). Passes of the fill and the
/// drain have no partner: p - 1 of m on the first stage, 2 (p - 1) + (v - 1) p of m v when interleaved, one at least.
/// @param both time of the two passes, one after the other
[[nodiscard]] double exposed_exchange_share(const Parallelism& parallelism, int micro_batches, Seconds both,
                                            const ExchangeTime& exchange);

}  // namespace moesim
