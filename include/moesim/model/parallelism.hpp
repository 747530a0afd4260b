#pragma once

namespace moesim {

/// Degrees of parallelism. world_size = tp * cp * pp * dp; the expert-parallel group is taken out of dp (and cp):
/// ep divides dp * cp * tp / etp. Ranks are placed in Megatron's order tp-cp-ep-dp-pp (tp varies fastest).
struct Parallelism {
  int tp = 1;    ///< tensor
  int pp = 1;    ///< pipeline
  int ep = 1;    ///< expert
  int etp = 1;   ///< tensor degree inside an expert
  int cp = 1;    ///< context
  int dp = 1;    ///< data
  int zero = 0;  ///< ZeRO stage, 0 to 3; 1 is the distributed optimizer
  bool sequence_parallel = false;

  [[nodiscard]] constexpr int world_size() const { return tp * pp * cp * dp; }
  [[nodiscard]] constexpr int expert_dp() const { return world_size() / (pp * ep * etp); }
};

}  // namespace moesim
