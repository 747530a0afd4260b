#pragma once

#include <cstdint>
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

enum class Direction : std::uint8_t { none, forward, backward };

/// One execution of a phase by the ranks of a stage.
struct PhaseRun {
  std::uint32_t phase = 0;  ///< in Program::phases
  int micro_batch = 0;
  int layer = 0;                        ///< within the stage, in forward order (chunk after chunk)
  Direction receive = Direction::none;  ///< what must have come from another stage before
  Direction send = Direction::none;     ///< what goes to another stage afterwards
  bool quiet = false;                   ///< waits for background work to end
};

/// What the ranks of each stage do, in order.
struct Program {
  std::vector<CompiledPhase> phases;
  std::vector<std::vector<PhaseRun>> stages;
  std::uint32_t tasks = 0;  ///< of all phases
};

/// GPipe: all forward passes, then all backward passes. One forward, one backward: a stage begins with as many forward
/// passes as there are stages after it, then takes backward and forward passes in turn (Narayanan et al. 2021, arXiv
/// 2104.04473, section 2.2). With virtual stages, interleaved: chunks of layers go round the ranks (section 2.2 there).
/// @throws InputError for the other schedules
[[nodiscard]] Program compile(const Scenario& scenario, const OpGraph& graph);

}  // namespace moesim
