// Collectives of a simulation: ranks come together, move their data, go on.

#include <algorithm>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "sim/simulation.hpp"

namespace moesim {
void Simulation::arrive(LaneId id, std::uint32_t run, std::uint32_t phase, std::uint32_t task) {
  Lane& lane = lanes_[id];
  account(id);
  const auto stream = static_cast<std::size_t>(program_.phases[phase].tasks[task].stream);
  const auto role = static_cast<std::size_t>(costs_.role(phase, task));
  lane.communication[stream] = {.phase = phase, .task = task, .run = run, .arrived = now_, .began = {}};
  const std::uint32_t group = folded_ ? lane.stage : lane.group[role];
  // Ranks of a group run the same program, so (run, task) names the collective within the group.
  const std::uint64_t key = ((static_cast<std::uint64_t>(run) * 1024 + task) * kGroupRoles + role) << 24U | group;
  const auto [entry, first] = gathering_.try_emplace(key, 0);
  if (first) {
    if (free_meetings_.empty()) {
      entry->second = static_cast<std::uint32_t>(meetings_.size());
      meetings_.emplace_back();
    } else {
      entry->second = free_meetings_.back();
      free_meetings_.pop_back();
    }
    Meeting& meeting = meetings_[entry->second];
    meeting.lanes.clear();
    meeting.expected = folded_ ? 1 : graph_.groups[role][group].size();
    meeting.phase = phase;
    meeting.task = task;
    meeting.run = run;
    meeting.send = Channel::none;
    meeting.key = key;
  }
  const std::uint32_t ticket = entry->second;
  meetings_[ticket].lanes.push_back(id);
  if (meetings_[ticket].lanes.size() == meetings_[ticket].expected) {
    gathering_.erase(entry);
    if (costs_.overlap().wait({1}).value > 0) {
      queue_.push(now_, MeetingReady{ticket});
    } else {
      begin_meeting(ticket);
    }
  }
}

/// How long a collective waits for its multiprocessors, on the rank where it waits longest.
Seconds Simulation::wait_for_kernels(const Meeting& meeting) const {
  Seconds longest;
  for (const LaneId id : meeting.lanes) {
    const Lane& lane = lanes_[id];
    if (lane.task == Lane::kNone) continue;
    const Seconds kernel = costs_.kernel_under_way(run_of(lane).phase, lane.task, routing(lane, lane.run, lane.task),
                                                   lane.ep_rank, work_done(lane));
    longest = std::max(longest, lane.slowdown * costs_.overlap().wait(kernel));
  }
  return longest;
}

void Simulation::apply(const MeetingReady& event) {
  const Seconds wait = event.let_in ? Seconds{} : wait_for_kernels(meetings_[event.ticket]);
  if (wait.value > 0) {
    queue_.push(now_ + wait, MeetingReady{event.ticket, true});
  } else {
    begin_meeting(event.ticket);
  }
}

void Simulation::begin_meeting(std::uint32_t ticket) {
  const Meeting& meeting = meetings_[ticket];
  const auto stream = static_cast<std::size_t>(program_.phases[meeting.phase].tasks[meeting.task].stream);
  const Lane& one = lanes_[meeting.lanes.front()];
  const auto role = static_cast<std::size_t>(costs_.role(meeting.phase, meeting.task));
  TrafficRequest request = costs_.request(meeting.phase, meeting.task, routing(one, meeting.run, meeting.task));
  if (folded_) {
    const auto per_stage = static_cast<std::uint32_t>(graph_.groups[role].size() / graph_.stages.size());
    request.first_group = one.stage * per_stage;
    request.end_group = request.first_group + per_stage;
  } else {
    request.first_group = one.group[role];
    request.end_group = request.first_group + 1;
  }
  bool computing = false;
  for (const LaneId id : meeting.lanes) {
    Lane& lane = lanes_[id];
    account(id);
    computing = computing || lane.task != Lane::kNone;
    change_pace(id);
    lane.communication[stream].moving = true;
    lane.communication[stream].began = now_;
    change_pace(id);
  }
  if (computing) {
    overlapped_ = true;
    const bool inside = within_machine(role, request.first_group, request.end_group);
    request.scale = costs_.overlap().communication_slowdown(inside);
  }
  const CompiledPhase& phase = program_.phases[meeting.phase];
  traffic_.begin(request, ticket, phase.phase->ops[phase.tasks[meeting.task].first_op].name, now_);
}

bool Simulation::within_machine(std::size_t role, std::uint32_t first_group, std::uint32_t end_group) const {
  const Topology& topology = *scenario_.cluster.topology;
  const RankGroups& groups = graph_.groups[role];
  for (std::uint32_t group = first_group; group < end_group; ++group) {
    const int host = topology.host_of(groups[group].front());
    if (std::ranges::any_of(groups[group], [&](RankId rank) { return topology.host_of(rank) != host; })) return false;
  }
  return true;
}

void Simulation::end_meeting(std::uint32_t ticket) {
  const Meeting meeting = std::exchange(meetings_[ticket], {});
  free_meetings_.push_back(ticket);
  if (meeting.send != Channel::none) {
    for (const LaneId id : meeting.lanes) {
      Lane& lane = lanes_[id];
      account(id);
      --lane.inbound;
      ++lane.received[static_cast<std::size_t>(meeting.send)];
      if (lane.wait == Lane::Wait::stage) begin_run(id);
    }
    return;
  }
  const Task& task = program_.phases[meeting.phase].tasks[meeting.task];
  const auto stream = static_cast<std::size_t>(task.stream);
  for (const LaneId id : meeting.lanes) {
    Lane& lane = lanes_[id];
    account(id);
    change_pace(id);
    if (options_.record) record_communication(lane, stream);
    lane.communication[stream] = {};
    change_pace(id);
  }
  for (const LaneId id : meeting.lanes) {
    Lane& lane = lanes_[id];
    if (!task.background) {
      finish(id, meeting.phase, meeting.task);
      continue;
    }
    lane.background.pop_front();
    if (!lane.background.empty()) {
      next_background(id);
    } else if (lane.wait == Lane::Wait::background) {
      begin_run(id);
    }
  }
}

/// Activations or their gradients go to the same rank of the neighbouring stage, beside what the sender does next.
void Simulation::send(LaneId id, Channel channel) {
  const Lane& lane = lanes_[id];
  const std::uint32_t step = folded_ ? 1 : ranks_per_stage_;
  const auto lanes = static_cast<LaneId>(lanes_.size());
  const LaneId to = (id + (to_next_rank(channel) ? step : lanes - step)) % lanes;
  auto ticket = static_cast<std::uint32_t>(meetings_.size());
  if (free_meetings_.empty()) {
    meetings_.emplace_back();
  } else {
    ticket = free_meetings_.back();
    free_meetings_.pop_back();
  }
  meetings_[ticket] = {.lanes = {to}, .expected = 1, .send = channel};
  account(to);
  ++lanes_[to].inbound;
  TrafficRequest request = costs_.send_request(to_next_rank(channel));
  request.first_group = static_cast<std::uint32_t>(lane.rank.index());
  request.end_group = request.first_group + static_cast<std::uint32_t>(lane.ranks);
  traffic_.begin(request, ticket, "stage_boundary", now_);
}

/// Books the time since the last change of the lane's state. Call before every change.
void Simulation::account(LaneId id) {
  Lane& lane = lanes_[id];
  const Seconds passed = now_ - lane.accounted;
  if (passed.value <= 0) return;
  lane.accounted = now_;
  if (program_.iterations_overlap && !lane.began) return;  // the rank is still at the iteration before
  const double rank_seconds = passed.value * lane.ranks;
  const auto idle = [&](IdleCause cause) { lane.time.idle[static_cast<std::size_t>(cause)] += passed; };
  if (lane.task != Lane::kNone) {
    lane.time.computing += passed;
    times_.busy[program_.phases[run_of(lane).phase].first_task + lane.task] += rank_seconds;
    return;
  }
  for (const bool moving : {true, false}) {
    for (const Lane::Communication& one : lane.communication) {
      if (!one.present() || one.moving != moving) continue;
      const std::uint32_t task = program_.phases[one.phase].first_task + one.task;
      (moving ? times_.exposed : times_.peers)[task] += rank_seconds;
      idle(moving ? IdleCause::communication : IdleCause::peers);
      return;
    }
  }
  switch (lane.wait) {
    case Lane::Wait::stage:
      if (lane.inbound > 0) exposed_sends_ += rank_seconds;
      idle(lane.inbound > 0 ? IdleCause::communication : IdleCause::pipeline);
      return;
    case Lane::Wait::host:
      idle(IdleCause::host);
      return;
    case Lane::Wait::nothing:
    case Lane::Wait::background:
    case Lane::Wait::finished:
      idle(IdleCause::finished);
      return;
  }
}

void Simulation::record_kernels(const Lane& lane) {
  const PhaseRun& run = run_of(lane);
  const CompiledPhase& phase = program_.phases[run.phase];
  const Task& task = phase.tasks[lane.task];
  const std::uint32_t routed = routing(lane, lane.run, lane.task);
  const PassPart& part = part_of(lane, lane.run, lane.task);
  const double whole = costs_.task_time(run.phase, lane.task, routed, lane.ep_rank).value;
  const double stretch = whole > 0 ? (now_ - lane.task_began).value / whole : 0;
  Seconds begin = lane.task_began;
  for (std::uint32_t op = task.first_op; op < task.end_op; ++op) {
    const Seconds end = begin + stretch * costs_.op_time(run.phase, op, routed, lane.ep_rank);
    timeline_.ops.push_back({.name = phase.phase->ops[op].name,
                             .kind = phase.phase->ops[op].kind,
                             .rank = lane.rank,
                             .stream = Stream::compute,
                             .begin = begin,
                             .end = end,
                             .micro_batch = part.micro_batch,
                             .layer = part.layer,
                             .stage = part.stage});
    begin = end;
  }
}

void Simulation::record_communication(const Lane& lane, std::size_t stream) {
  const Lane::Communication& one = lane.communication[stream];
  const PassPart& part = part_of(lane, one.run, one.task);
  const Op& op = program_.phases[one.phase].phase->ops[program_.phases[one.phase].tasks[one.task].first_op];
  timeline_.ops.push_back({.name = op.name,
                           .kind = op.kind,
                           .rank = lane.rank,
                           .stream = op.stream,
                           .begin = one.began,
                           .end = now_,
                           .micro_batch = part.micro_batch,
                           .layer = part.layer,
                           .stage = part.stage});
}

}  // namespace moesim
