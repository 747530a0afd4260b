#include "sim/simulation.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "moesim/analytic/graph_time.hpp"
#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

std::size_t at(Channel channel) { return static_cast<std::size_t>(channel); }

}  // namespace

Simulation::Simulation(const Scenario& scenario, const OpGraph& graph, const Program& program, const Routings& routings,
                       const ProgramCosts& costs, const SimulationOptions& options, bool folded)
    : scenario_(scenario),
      graph_(graph),
      program_(program),
      routings_(routings),
      costs_(costs),
      options_(options),
      folded_(folded),
      ranks_per_stage_(static_cast<std::uint32_t>(scenario.parallelism.world_size()) /
                       static_cast<std::uint32_t>(graph.stages.size())),
      traffic_(costs.plans(), options.record && options.record_flows) {
  std::uint32_t layer = 0;
  for (const Stage& stage : graph.stages) {
    first_layer_.push_back(layer);
    for (const Phase& phase : stage.forward) layer += static_cast<std::uint32_t>(phase.repeat);
  }
  times_.busy.assign(program.tasks, 0);
  times_.exposed.assign(program.tasks, 0);
  times_.peers.assign(program.tasks, 0);
  make_lanes(folded);
}

void Simulation::make_lanes(bool folded) {
  const auto stages = static_cast<std::uint32_t>(graph_.stages.size());
  const std::uint32_t per_stage = folded ? 1 : ranks_per_stage_;
  lanes_.resize(static_cast<std::size_t>(stages) * per_stage);
  for (std::uint32_t id = 0; id < lanes_.size(); ++id) {
    Lane& lane = lanes_[id];
    lane.stage = id / per_stage;
    lane.rank = RankId(lane.stage * ranks_per_stage_ + id % per_stage);
    lane.ranks = folded ? static_cast<int>(ranks_per_stage_) : 1;
    if (!options_.rank_slowdown.empty()) lane.slowdown = options_.rank_slowdown[lane.rank.index()];
    lane.time.first = lane.rank;
    lane.time.ranks = lane.ranks;
    lane.time.stage = lane.stage;
  }
  if (folded) return;
  for (std::size_t role = 0; role < kGroupRoles; ++role) {
    const RankGroups& groups = graph_.groups[role];
    for (std::uint32_t group = 0; group < groups.size(); ++group) {
      for (std::uint32_t position = 0; position < groups[group].size(); ++position) {
        Lane& lane = lanes_[groups[group][position].index()];
        lane.group[role] = group;
        if (role == static_cast<std::size_t>(GroupRole::expert)) lane.ep_rank = position;
      }
    }
  }
}

const PassPart& Simulation::part_of(const Lane& lane, std::uint32_t run, std::uint32_t task) const {
  const PhaseRun& of = program_.stages[lane.stage][run];
  return of.of.at(program_.phases[of.phase].tasks[task].pass);
}

std::uint32_t Simulation::routing(const Lane& lane, std::uint32_t run, std::uint32_t task) const {
  if (!program_.phases[program_.stages[lane.stage][run].phase].uses_experts) return 0;
  const PassPart& part = part_of(lane, run, task);
  return routings_.index(static_cast<int>(first_layer_[part.stage]) + part.layer, part.micro_batch);
}

void Simulation::run() {
  for (LaneId id = 0; id < lanes_.size(); ++id) begin_run(id);
  std::vector<Traffic::Ticket> ended;
  while (true) {
    // All that happens now comes first: collectives that begin together are one problem.
    if (!queue_.empty() && queue_.next_time() <= now_) {
      const auto event = queue_.pop();
      ++timeline_.events;
      std::visit([this](const auto& action) { apply(action); }, event.action);
      continue;
    }
    const Seconds moved = traffic_.next_time();
    const Seconds computed = queue_.empty() ? Seconds{std::numeric_limits<double>::infinity()} : queue_.next_time();
    const Seconds next = std::min(moved, computed);
    if (next.value == std::numeric_limits<double>::infinity()) break;
    now_ = std::max(now_, next);
    ended.clear();
    traffic_.advance(now_, ended);
    timeline_.events += ended.size();
    for (const Traffic::Ticket ticket : ended) end_meeting(ticket);
  }
  end();
}

/// Closes the accounts: every rank is through its iteration, and waits for the last one. Where iterations overlap, a
/// rank's begins with its first operator.
void Simulation::end() {
  const auto from = [this](const Lane& lane) {
    return program_.iterations_overlap ? lane.began.value_or(Seconds{}) : Seconds{};
  };
  for (const Lane& lane : lanes_) {
    MOESIM_ENSURES(lane.wait == Lane::Wait::finished);
    timeline_.makespan = std::max(timeline_.makespan, lane.finished - from(lane));
    timeline_.end = std::max(timeline_.end, lane.finished);
  }
  timeline_.link_bytes = traffic_.link_bytes();
  const std::optional<BusyLink> busiest = busiest_link(*scenario_.cluster.topology, timeline_.link_bytes);
  if (program_.iterations_overlap && busiest) {  // however they do, each needs the links for as long as its bytes take
    timeline_.makespan = std::max(timeline_.makespan, busiest->busy);
  }
  for (LaneId id = 0; id < lanes_.size(); ++id) {
    now_ = from(lanes_[id]) + timeline_.makespan;
    account(id);
  }
}

Timeline Simulation::take_timeline() {
  for (const Lane& lane : lanes_) timeline_.ranks.push_back(lane.time);
  timeline_.flows = traffic_.spans();
  timeline_.flows_simulated = traffic_.flows_simulated();
  timeline_.flows_reused = traffic_.flows_reused();
  timeline_.flows_folded = traffic_.flows_folded();
  return std::move(timeline_);
}

void Simulation::begin_run(LaneId id) {
  Lane& lane = lanes_[id];
  account(id);
  const std::vector<PhaseRun>& runs = program_.stages[lane.stage];
  const bool over = lane.run == runs.size();
  if ((over || runs[lane.run].quiet) && !lane.background.empty()) {
    lane.wait = Lane::Wait::background;
    return;
  }
  if (over) {
    lane.wait = Lane::Wait::finished;
    lane.finished = now_;
    return;
  }
  const PhaseRun& run = runs[lane.run];
  if (!take_inputs(lane, run)) {
    lane.wait = Lane::Wait::stage;
    return;
  }
  if (!lane.began) lane.began = now_;
  lane.wait = Lane::Wait::nothing;
  lane.phase_began = now_;
  const CompiledPhase& phase = program_.phases[run.phase];
  lane.left = phase.foreground;
  lane.waits.clear();
  for (const Task& task : phase.tasks) lane.waits.push_back(task.waits);
  const std::uint32_t current = lane.run;
  for (std::uint32_t task = 0; task < phase.tasks.size(); ++task) {
    if (phase.tasks[task].waits == 0) release(id, task);
  }
  if (phase.foreground == 0 && lane.run == current) end_run(id);
}

/// @return false when something has not come yet; then nothing is taken
bool Simulation::take_inputs(Lane& lane, const PhaseRun& run) const {
  for (const Channel channel : run.receive) {
    if (channel != Channel::none && lane.received[at(channel)] == lane.consumed[at(channel)]) return false;
  }
  for (const Channel channel : run.receive) {
    if (channel != Channel::none) ++lane.consumed[at(channel)];
  }
  return true;
}

void Simulation::end_run(LaneId id) {
  Lane& lane = lanes_[id];
  const PhaseRun& run = run_of(lane);
  // The host runs ahead of the device, or the device waits for the host: whichever is slower over the whole phase.
  const Seconds host = lane.phase_began + program_.phases[run.phase].host;
  if (host > now_) {
    account(id);
    lane.wait = Lane::Wait::host;
    queue_.push(host, HostReady{id});
    return;
  }
  apply(HostReady{id});
}

void Simulation::apply(const HostReady& event) {
  Lane& lane = lanes_[event.lane];
  account(event.lane);
  lane.wait = Lane::Wait::nothing;
  const PhaseRun& run = run_of(lane);
  for (const Channel channel : run.send) {
    if (channel != Channel::none) send(event.lane, channel);
  }
  ++lane.run;
  begin_run(event.lane);
}

void Simulation::release(LaneId id, std::uint32_t task) {
  Lane& lane = lanes_[id];
  const PhaseRun& run = run_of(lane);
  const Task& of = program_.phases[run.phase].tasks[task];
  if (of.stream == Stream::compute) {
    begin_kernels(id, task);
  } else if (of.background) {
    lane.background.push_back({.run = lane.run, .phase = run.phase, .task = task});
    if (lane.background.size() == 1) next_background(id);
  } else {
    arrive(id, lane.run, run.phase, task);
  }
}

void Simulation::next_background(LaneId id) {
  const Lane::Background next = lanes_[id].background.front();
  arrive(id, next.run, next.phase, next.task);
}

void Simulation::finish(LaneId id, std::uint32_t phase, std::uint32_t task) {
  Lane& lane = lanes_[id];
  const std::vector<Task>& tasks = program_.phases[phase].tasks;
  const bool last = --lane.left == 0;
  for (const std::uint16_t next : tasks[task].then) {
    if (--lane.waits[next] == 0) release(id, next);
  }
  if (last) end_run(id);
}

double Simulation::pace(const Lane& lane) const {
  return 1 / (lane.slowdown * (lane.communicates() ? lane.beside : 1));
}

void Simulation::begin_kernels(LaneId id, std::uint32_t task) {
  Lane& lane = lanes_[id];
  account(id);
  lane.task = task;
  lane.task_began = now_;
  lane.progress_at = now_;
  lane.work_left = costs_.task_time(run_of(lane).phase, task, routing(lane, lane.run, task), lane.ep_rank).value;
  lane.beside = costs_.task_slowdown(run_of(lane).phase, task, routing(lane, lane.run, task), lane.ep_rank);
  overlapped_ = overlapped_ || lane.communicates();
  queue_.push(now_ + Seconds{lane.work_left / pace(lane)}, KernelsDone{id, ++lane.generation});
}

/// Undisturbed time of the present task that has passed.
Seconds Simulation::work_done(const Lane& lane) const {
  const Seconds whole =
      costs_.task_time(run_of(lane).phase, lane.task, routing(lane, lane.run, lane.task), lane.ep_rank);
  return whole - Seconds{lane.work_left} + pace(lane) * (now_ - lane.progress_at);
}

/// A collective of the rank is about to begin, or has ended: call before and after its `moving` changes.
void Simulation::change_pace(LaneId id) {
  Lane& lane = lanes_[id];
  if (lane.task == Lane::kNone || lane.beside == 1) return;
  if (lane.progress_at < now_) {
    lane.work_left = std::max(0.0, lane.work_left - (now_ - lane.progress_at).value * pace(lane));
    lane.progress_at = now_;
    return;
  }
  queue_.push(now_ + Seconds{lane.work_left / pace(lane)}, KernelsDone{id, ++lane.generation});
}

void Simulation::apply(const KernelsDone& event) {
  Lane& lane = lanes_[event.lane];
  if (event.generation != lane.generation) return;
  account(event.lane);
  if (options_.record) record_kernels(lane);
  const std::uint32_t task = std::exchange(lane.task, Lane::kNone);
  finish(event.lane, run_of(lane).phase, task);
}

}  // namespace moesim
