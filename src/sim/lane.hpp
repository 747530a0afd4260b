#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/sim/timeline.hpp"

#include "sim/program.hpp"

namespace moesim {

using LaneId = std::uint32_t;

/// A rank, or all ranks of a stage that do the same at the same time.
struct Lane {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// What the lane waits for when no phase is under way.
  enum class Wait : std::uint8_t { nothing, stage, background, host, finished };

  /// A collective that it takes part in, on one stream.
  struct Communication {
    std::uint32_t phase = kNone;
    std::uint32_t task = kNone;
    std::uint32_t run = 0;
    Seconds arrived;
    Seconds began;
    bool moving = false;  ///< all ranks have come
    [[nodiscard]] bool present() const { return task != kNone; }
  };

  // What it is.
  std::uint32_t stage = 0;
  RankId rank;
  int ranks = 1;
  std::uint32_t ep_rank = 0;
  double slowdown = 1;
  std::array<std::uint32_t, kGroupRoles> group{};  ///< number of its group, by GroupRole

  // Where it is in its program.
  std::uint32_t run = 0;  ///< index of the present, or next, PhaseRun
  Wait wait = Wait::nothing;
  Seconds phase_began;
  std::vector<std::uint16_t> waits;  ///< by task of the phase: how many others it waits for
  std::uint32_t left = 0;            ///< tasks of the phase that are waited for
  std::array<int, kChannels> received{};
  std::array<int, kChannels> consumed{};
  int inbound = 0;               ///< transfers from other stages on their way here
  std::optional<Seconds> began;  ///< its first run
  Seconds finished;

  // Compute stream.
  std::uint32_t task = kNone;
  Seconds task_began;
  double work_left = 0;  ///< of the task, in undisturbed seconds, at `progress_at`
  Seconds progress_at;
  double beside = 1;             ///< how much longer the task takes while a collective is under way
  std::uint32_t generation = 0;  ///< of the valid completion event

  std::array<Communication, kStreams> communication;
  struct Background {
    std::uint32_t run = 0;
    std::uint32_t phase = 0;
    std::uint32_t task = 0;
  };
  std::deque<Background> background;  ///< the first is under way

  // Accounts.
  Seconds accounted;  ///< up to when
  RankTime time;

  [[nodiscard]] bool communicates() const {
    return std::ranges::any_of(communication, [](const Communication& one) { return one.moving; });
  }
};

/// Time of the ranks' compute streams by task: what a task kept them busy, and how long they stood still for it.
struct TaskTimes {
  std::vector<double> busy;     ///< rank-seconds, by task of the program
  std::vector<double> exposed;  ///< its data was moving
  std::vector<double> peers;    ///< it waited for slower ranks
};

}  // namespace moesim
