#pragma once

#include <array>
#include <string_view>

namespace moesim {

/// Order in which pipeline stages work on micro-batches.
enum class PipelineSchedule {
  gpipe,           ///< all forward passes, then all backward passes (Huang et al. 2019, arXiv 1811.06965)
  one_f_one_b,     ///< 1F1B (Narayanan et al. 2021, arXiv 2104.04473), interleaved with virtual stages
  zero_bubble_h1,  ///< weight gradients fill the bubble, memory of 1F1B (Qi et al. 2024, arXiv 2401.10241)
  zero_bubble_h2,  ///< ... with about twice the activations
  dual_pipe        ///< two streams from both ends, two copies of the weights (DeepSeek-V3, arXiv 2412.19437)
};

struct NamedSchedule {
  std::string_view name;
  PipelineSchedule schedule;
};
inline constexpr std::array kPipelineSchedules = {NamedSchedule{"gpipe", PipelineSchedule::gpipe},
                                                  NamedSchedule{"1f1b", PipelineSchedule::one_f_one_b},
                                                  NamedSchedule{"zero_bubble_h1", PipelineSchedule::zero_bubble_h1},
                                                  NamedSchedule{"zero_bubble_h2", PipelineSchedule::zero_bubble_h2},
                                                  NamedSchedule{"dual_pipe", PipelineSchedule::dual_pipe}};

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
  PipelineSchedule schedule = PipelineSchedule::one_f_one_b;
  int virtual_stages = 1;      ///< model chunks per rank (interleaved 1F1B)
  int first_stage_layers = 0;  ///< layers beside the embedding (all chunks); 0: as many as on the others
  int last_stage_layers = 0;   ///< layers beside the head; 0: likewise

  [[nodiscard]] constexpr int world_size() const { return tp * pp * cp * dp; }
  [[nodiscard]] constexpr int expert_dp() const { return world_size() / (pp * ep * etp); }
};

}  // namespace moesim
