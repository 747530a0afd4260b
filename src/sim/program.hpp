#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "moesim/graph/op_graph.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Operators of one stream that run without a break in between, as far as other streams are concerned: several
/// kernels, or one collective.
struct Task {
  Stream stream = Stream::compute;
  std::uint32_t first_op = 0;  ///< operators [first_op, end_op) of the phase
  std::uint32_t end_op = 0;
  bool background = false;               ///< not waited for at the end of the phase
  std::uint8_t pass = 0;                 ///< of PhaseRun::of: whose operators they are
  std::uint16_t waits = 0;               ///< tasks that must have ended before
  std::vector<std::uint16_t> then = {};  ///< tasks that wait for this one
};

struct CompiledPhase {
  const Phase* phase = nullptr;
  std::vector<Task> tasks;
  std::uint32_t foreground = 0;  ///< tasks that are waited for
  std::uint32_t first_task = 0;  ///< number of tasks[0] among the tasks of all phases
  Seconds host;                  ///< that the host needs for its launches
  bool uses_experts = false;     ///< times or sizes depend on the routing
};

/// Between neighbouring pipeline ranks: activations of forward passes, gradients of backward passes; in DualPipe also
/// those of micro-batches that entered at the last rank, the other way round.
enum class Channel : std::uint8_t { none, forward, backward, forward_from_last, backward_from_last };
inline constexpr std::size_t kChannels = 5;
[[nodiscard]] constexpr bool to_next_rank(Channel channel) {
  return channel == Channel::forward || channel == Channel::backward_from_last;
}

/// What a phase works on.
struct PassPart {
  int micro_batch = -1;     ///< none: of the whole iteration
  int layer = -1;           ///< within the stage, in forward order (chunk after chunk)
  std::uint32_t stage = 0;  ///< whose layers
};

/// One execution of a phase by the ranks of a stage. Two passes run side by side in an overlapped phase.
struct PhaseRun {
  std::uint32_t phase = 0;  ///< in Program::phases
  std::array<PassPart, 2> of{};
  std::array<Channel, 2> receive{};  ///< what must have come from other stages before
  std::array<Channel, 2> send{};     ///< what goes to other stages afterwards
  bool quiet = false;                ///< waits for background work to end
};

/// What the ranks of each stage do, in order.
struct Program {
  std::vector<CompiledPhase> phases;
  std::vector<std::vector<PhaseRun>> stages;            ///< by pipeline rank
  std::vector<std::unique_ptr<const Phase>> made = {};  ///< phases that the graph does not have: split, overlapped
  std::uint32_t tasks = 0;                              ///< of all phases
  /// The optimizer waits for no other stage, so the first ranks begin the next iteration while the last ones are at
  /// this one (zero bubble H2: Qi et al. 2024, arXiv 2401.10241, section 4): a step is the longest time from a rank's
  /// first operator to its last.
  bool iterations_overlap = false;
};

/// The order is pipeline_order()'s.
/// @throws InputError for DualPipe with micro-batches that are odd in number or too few
[[nodiscard]] Program compile(const Scenario& scenario, const OpGraph& graph);

}  // namespace moesim
