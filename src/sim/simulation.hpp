#pragma once

#include <cstdint>
#include <unordered_map>
#include <variant>
#include <vector>

#include "moesim/sim/event_queue.hpp"
#include "moesim/sim/simulate.hpp"

#include "sim/costs.hpp"
#include "sim/lane.hpp"
#include "sim/program.hpp"
#include "sim/traffic.hpp"

namespace moesim {

/// One execution of a program, from the first event to the last.
class Simulation {
 public:
  /// @param folded one lane per stage instead of one per rank. @throws NotSymmetric when that is not exact
  Simulation(const Scenario& scenario, const OpGraph& graph, const Program& program, const Routings& routings,
             const ProgramCosts& costs, const SimulationOptions& options, bool folded);

  /// Call once.
  void run();

  [[nodiscard]] Timeline take_timeline();
  /// In rank-seconds.
  [[nodiscard]] const TaskTimes& task_times() const { return times_; }
  /// Rank-seconds in which transfers between stages were on their way to a rank that waited for them.
  [[nodiscard]] double exposed_sends() const { return exposed_sends_; }
  /// Whether kernels and collectives of a rank ever ran at the same time.
  [[nodiscard]] bool overlapped() const { return overlapped_; }

 private:
  struct KernelsDone {
    LaneId lane = 0;
    std::uint32_t generation = 0;
  };
  struct HostReady {
    LaneId lane = 0;
  };
  /// All ranks of a collective have come, and everything else that happens at this time has happened; or their kernels
  /// have let it in.
  struct MeetingReady {
    std::uint32_t ticket = 0;
    bool let_in = false;
  };
  using Action = std::variant<KernelsDone, HostReady, MeetingReady>;

  /// A collective that some of its ranks have reached, or that is under way.
  struct Meeting {
    std::vector<LaneId> lanes;
    std::size_t expected = 0;
    std::uint32_t phase = 0;
    std::uint32_t task = 0;
    std::uint32_t run = 0;
    Channel send = Channel::none;  ///< a transfer between stages instead
    std::uint64_t key = 0;
  };

  void make_lanes(bool folded);
  [[nodiscard]] const PhaseRun& run_of(const Lane& lane) const { return program_.stages[lane.stage][lane.run]; }
  /// What a task of a run works on.
  [[nodiscard]] const PassPart& part_of(const Lane& lane, std::uint32_t run, std::uint32_t task) const;
  [[nodiscard]] std::uint32_t routing(const Lane& lane, std::uint32_t run, std::uint32_t task) const;

  void apply(const KernelsDone& event);
  void apply(const HostReady& event);
  void apply(const MeetingReady& event);
  void begin_run(LaneId id);
  [[nodiscard]] bool take_inputs(Lane& lane, const PhaseRun& run) const;
  void end_run(LaneId id);
  void release(LaneId id, std::uint32_t task);
  void finish(LaneId id, std::uint32_t phase, std::uint32_t task);
  void begin_kernels(LaneId id, std::uint32_t task);
  void change_pace(LaneId id);
  [[nodiscard]] double pace(const Lane& lane) const;
  [[nodiscard]] Seconds work_done(const Lane& lane) const;
  void arrive(LaneId id, std::uint32_t run, std::uint32_t phase, std::uint32_t task);
  void next_background(LaneId id);
  [[nodiscard]] Seconds wait_for_kernels(const Meeting& meeting) const;
  void begin_meeting(std::uint32_t ticket);
  void end_meeting(std::uint32_t ticket);
  void send(LaneId id, Channel channel);
  void end();
  [[nodiscard]] bool within_machine(std::size_t role, std::uint32_t first_group, std::uint32_t end_group) const;
  void account(LaneId id);
  void record_kernels(const Lane& lane);
  void record_communication(const Lane& lane, std::size_t stream);

  const Scenario& scenario_;
  const OpGraph& graph_;
  const Program& program_;
  const Routings& routings_;
  const ProgramCosts& costs_;
  const SimulationOptions& options_;
  bool folded_ = false;
  std::uint32_t ranks_per_stage_ = 1;
  std::vector<std::uint32_t> first_layer_;  ///< by stage
  Seconds now_;
  EventQueue<Action> queue_;
  Traffic traffic_;
  std::vector<Lane> lanes_;
  std::vector<Meeting> meetings_;  ///< by ticket
  std::vector<std::uint32_t> free_meetings_;
  std::unordered_map<std::uint64_t, std::uint32_t> gathering_;  ///< ticket of the meeting that is not complete, by key
  TaskTimes times_;
  double exposed_sends_ = 0;
  bool overlapped_ = false;
  Timeline timeline_;
};

}  // namespace moesim
