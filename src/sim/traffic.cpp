#include "sim/traffic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr Seconds kNever{std::numeric_limits<double>::infinity()};
/// Groups that end this close to each other, relative to their time, end together.
constexpr double kTogether = 1e-9;

}  // namespace

Traffic::Traffic(const TrafficPlans& plans, bool record)
    : plans_(plans), network_(plans.capacities(), plans.routes()), record_(record) {}

/// Visits (leg, transfer, bytes on the links, bytes) of the present step: one phase, or all of an overlapped plan.
template <class Visit>
void Traffic::for_each_transfer(const Job& job, Visit visit) const {
  const PlannedTraffic& planned = plans_[job.request.traffic];
  for (std::uint32_t group = job.request.first_group; group < job.request.end_group; ++group) {
    const std::vector<Leg>& legs = planned.groups[group];
    const double size = job.request.size * planned.unit[group];
    const std::size_t last = planned.overlapped ? legs.size() : std::min<std::size_t>(legs.size(), job.phase + 1);
    for (std::size_t phase = job.phase; phase < last; ++phase) {
      const Leg& leg = legs[phase];
      for (std::size_t i = 0; i < leg.transfers.size(); ++i) {
        const double bytes = size * leg.transfers[i].bytes;
        visit(leg, i, bytes * leg.inflation * job.request.scale, bytes);
      }
    }
  }
}

std::size_t Traffic::transfers(const Job& job) const {
  std::size_t count = 0;
  for_each_transfer(job, [&count](const Leg&, std::size_t, double, double) { ++count; });
  return count;
}

Seconds Traffic::startup(const Job& job) const {
  const PlannedTraffic& planned = plans_[job.request.traffic];
  double longest = 0;
  for (std::uint32_t group = job.request.first_group; group < job.request.end_group; ++group) {
    const std::vector<Leg>& legs = planned.groups[group];
    const double size = job.request.size * planned.unit[group];
    double time = 0;
    for (std::size_t phase = job.phase; phase < legs.size(); ++phase) {
      time += phase_pace(legs[phase].load, legs[phase].law, size).startup;
      if (!planned.overlapped) break;
    }
    longest = std::max(longest, time);
  }
  return {longest};
}

Traffic::JobId Traffic::add_job(Job job) {
  if (free_jobs_.empty()) {
    jobs_.push_back(std::move(job));
    return static_cast<JobId>(jobs_.size() - 1);
  }
  const JobId id = free_jobs_.back();
  free_jobs_.pop_back();
  jobs_[id] = std::move(job);
  return id;
}

void Traffic::begin(const TrafficRequest& request, Ticket ticket, std::string_view name, Seconds now) {
  const PlannedTraffic& planned = plans_[request.traffic];
  for (std::uint32_t group = request.first_group; group < request.end_group; ++group) {
    carried_[{request.traffic, group}] += request.size * planned.unit[group];
  }
  const JobId id = add_job({.request = request, .ticket = ticket, .name = name});
  starting_.push(now + startup(jobs_[id]), id);
}

Seconds Traffic::next_time() {
  if (!pending_.empty()) flush();
  if (!ready_.empty()) return now_;
  Seconds next = starting_.empty() ? kNever : starting_.next_time();
  for (const SoloMember& member : solo_) {
    if (!member.ended) next = std::min(next, member.end);
  }
  if (network_.active() > 0) next = std::min(next, network_.next_completion());
  return next;
}

void Traffic::advance(Seconds to, std::vector<Ticket>& ended) {
  now_ = to;
  while (!starting_.empty() && starting_.next_time() <= to) pending_.push_back(starting_.pop().action);
  if (network_.active() > 0) drain_network(to);
  bool all_ended = true;
  for (SoloMember& member : solo_) {
    if (!member.ended && member.end <= to) {
      member.ended = true;
      ready_.push_back(member.id);
    }
    all_ended = all_ended && member.ended;
  }
  if (all_ended) solo_.clear();
  for (const JobId id : std::exchange(ready_, {})) end_step(id, to, &ended);
}

void Traffic::end_step(JobId id, Seconds now, std::vector<Ticket>* ended) {
  Job& job = jobs_[id];
  if (job.ghost) {
    free_jobs_.push_back(id);
    return;
  }
  const PlannedTraffic& planned = plans_[job.request.traffic];
  const std::size_t phases = planned.groups[job.request.first_group].size();
  job.phase = planned.overlapped ? static_cast<std::uint32_t>(phases) : job.phase + 1;
  if (job.phase < phases) {
    starting_.push(now + startup(job), id);
    return;
  }
  ended->push_back(job.ticket);
  free_jobs_.push_back(id);
}

void Traffic::flush() {
  const bool idle = solo_.empty() && network_.active() == 0;
  if (!idle) {
    if (!solo_.empty()) leave_solo();
    for (const JobId id : std::exchange(pending_, {})) put_on_network(id, now_);
    return;
  }
  std::ranges::sort(pending_, [this](JobId a, JobId b) { return jobs_[a].request < jobs_[b].request; });
  const SoloRun& run = solo_run();
  solo_begin_ = now_;
  for (std::size_t step = 0; step < pending_.size(); ++step) {
    solo_.push_back({.id = pending_[step], .step = jobs_[pending_[step]], .end = now_ + run.end[step]});
  }
  pending_.clear();
  if (record_) record_solo(run);
}

/// The steps that begin now; mirror images have one key, as they take the same time. (Which one ran first decides the
/// last bits, and the order of events is always the same.)
std::vector<Traffic::StepKey> Traffic::memory_key() const {
  std::vector<StepKey> key;
  std::vector<StepKey> mirrored;
  for (const JobId id : pending_) {
    key.push_back({jobs_[id].request, jobs_[id].phase});
    const std::optional<TrafficId> mirror = plans_[jobs_[id].request.traffic].mirror;
    if (!mirror || record_) continue;
    mirrored.push_back(key.back());
    mirrored.back().request.traffic = *mirror;
  }
  // Results are kept in the order of the steps: it must be that of the mirror images too.
  const bool usable = mirrored.size() == key.size() && mirrored < key && std::ranges::is_sorted(mirrored);
  return usable ? mirrored : key;
}

const Traffic::SoloRun& Traffic::solo_run() {
  const auto [entry, added] = memory_.try_emplace(memory_key());
  SoloRun& run = entry->second;
  if (added) {
    const Job& first = jobs_[pending_.front()];
    const std::optional<Seconds> folded = pending_.size() == 1 && !record_ ? folded_time(first) : std::nullopt;
    if (folded) {
      run = {.end = {*folded}, .flow_ends = {}, .flows = transfers(first), .folded = true};
    } else {
      simulate_solo(run);
      flows_simulated_ += run.flows;
      return run;
    }
  }
  (run.folded ? flows_folded_ : flows_reused_) += run.flows;
  return run;
}

/// Equal transfers of one group: the busiest link is full until the last byte (see run_collective.hpp).
std::optional<Seconds> Traffic::folded_time(const Job& job) const {
  const PlannedTraffic& planned = plans_[job.request.traffic];
  const std::vector<Leg>& legs = planned.groups[job.request.first_group];
  if (job.request.end_group != job.request.first_group + 1 || planned.overlapped) return std::nullopt;
  if (job.phase >= legs.size() || legs[job.phase].transfers.empty() || !legs[job.phase].equal) return std::nullopt;
  const Leg& leg = legs[job.phase];
  std::vector<std::uint32_t> passages(plans_.capacities().size(), 0);
  for (const std::uint32_t route : leg.routes) {
    for (const LinkId link : plans_.routes()[route]) ++passages[link.index()];
  }
  const double bytes = job.request.size * planned.unit[job.request.first_group] * leg.transfers.front().bytes *
                       leg.inflation * job.request.scale;
  double longest = 0;
  for (std::size_t link = 0; link < passages.size(); ++link) {
    longest = std::max(longest, passages[link] * bytes / plans_.capacities()[link].value);
  }
  return Seconds{longest};
}

/// Traffic of one kind needs only the links that can stop it.
const RouteList& Traffic::routes_of_pending() const {
  std::optional<std::uint32_t> shares;
  bool alike = true;
  for (const JobId id : pending_) {
    for_each_transfer(jobs_[id], [&](const Leg& leg, std::size_t, double, double) {
      alike = alike && leg.shares == shares.value_or(leg.shares);
      shares = leg.shares;
    });
  }
  return shares && alike ? plans_.routes_alone(*shares) : plans_.routes();
}

void Traffic::simulate_solo(SoloRun& run) {
  FlowSet set;
  std::vector<std::size_t> first_flow;  // by step
  const RouteList& routes = routes_of_pending();
  for (const JobId id : pending_) {
    first_flow.push_back(set.bytes.size());
    for_each_transfer(jobs_[id], [&](const Leg& leg, std::size_t i, double load, double) {
      set.routes.add(routes[leg.routes[i]]);
      set.begin.push_back({});
      set.bytes.push_back({load});
    });
  }
  first_flow.push_back(set.bytes.size());
  run.flows = set.bytes.size();
  const FlowTimes times = run_flows(plans_.capacities(), std::move(set));
  for (std::size_t step = 0; step < pending_.size(); ++step) {
    const Job& job = jobs_[pending_[step]];
    std::size_t flow = first_flow[step];
    Seconds last;
    for (std::uint32_t group = job.request.first_group; group < job.request.end_group; ++group) {
      Job one = job;
      one.request.first_group = group;
      one.request.end_group = group + 1;
      Seconds end;
      for (const std::size_t stop = flow + transfers(one); flow < stop; ++flow) end = std::max(end, times.end[flow]);
      if (group > job.request.first_group && std::abs(end.value - last.value) > kTogether * last.value) {
        throw NotSymmetric{};
      }
      last = std::max(last, end);
    }
    run.end.push_back(last);
  }
  if (record_) run.flow_ends = times.end;
}

void Traffic::record_solo(const SoloRun& run) {
  std::size_t flow = 0;
  for (const SoloMember& member : solo_) {
    for_each_transfer(member.step, [&](const Leg& leg, std::size_t i, double, double bytes) {
      spans_.push_back({.from = leg.transfers[i].from,
                        .to = leg.transfers[i].to,
                        .bytes = {bytes},
                        .begin = solo_begin_,
                        .end = solo_begin_ + run.flow_ends[flow++],
                        .name = member.step.name});
    });
  }
}

void Traffic::put_on_network(JobId id, Seconds begin) {
  Job& job = jobs_[id];
  if (network_.now() < begin) {
    MOESIM_EXPECTS(network_.active() == 0 || network_.next_completion() >= begin);
    network_.advance(begin, done_);
  }
  job.flows_left = 0;
  for_each_transfer(job, [&](const Leg& leg, std::size_t i, double load, double bytes) {
    const FlowId flow = network_.start(leg.routes[i], {load});
    if (flow.index() >= flows_.size()) flows_.resize(flow.index() + 1);
    flows_[flow.index()] = {id, leg.transfers[i].from, leg.transfers[i].to, bytes, begin};
    ++job.flows_left;
    ++flows_simulated_;
  });
  if (job.flows_left == 0) {
    ready_.push_back(id);
  }
}

/// Another collective begins: the flows of those that ran alone go on the network, which has been idle since, and
/// catch up.
void Traffic::leave_solo() {
  if (record_) {  // as recorded, they were undisturbed: those still under way are recorded again when they end
    const Seconds now = now_;
    std::erase_if(spans_, [&](const FlowSpan& span) { return span.begin == solo_begin_ && span.end > now; });
  }
  for (SoloMember& member : std::exchange(solo_, {})) {
    if (member.ended) {
      member.step.ghost = true;
      member.id = add_job(member.step);
    }
    put_on_network(member.id, solo_begin_);
  }
  catching_up_ = true;
  while (network_.active() > 0 && network_.next_completion() <= now_) drain_network(network_.next_completion());
  catching_up_ = false;
  if (network_.now() < now_) network_.advance(now_, done_);
}

void Traffic::drain_network(Seconds to) {
  done_.clear();
  const Seconds at = std::min(to, network_.next_completion());
  network_.advance(at, done_);
  for (const FlowId id : done_) {
    const Flow& flow = flows_[id.index()];
    if (record_ && !catching_up_ && !jobs_[flow.job].ghost) {
      spans_.push_back({.from = flow.from,
                        .to = flow.to,
                        .bytes = {flow.bytes},
                        .begin = flow.begin,
                        .end = at,
                        .name = jobs_[flow.job].name});
    }
    Job& job = jobs_[flow.job];
    if (--job.flows_left > 0) continue;
    ready_.push_back(flow.job);
  }
}

std::vector<double> Traffic::link_bytes() const {
  std::vector<double> bytes(plans_.model().topology().links().size(), 0);
  for (const auto& [key, carried] : carried_) {
    for (const Leg& leg : plans_[key.first].groups[key.second]) {
      for (const Transfer& transfer : leg.transfers) {
        for (const LinkId link : plans_.model().paths().path(transfer.from, transfer.to).links) {
          bytes[link.index()] += carried * transfer.bytes;
        }
      }
    }
  }
  return bytes;
}

}  // namespace moesim
