#include "sim/costs.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/build.hpp"

namespace moesim {
namespace {

/// What the closed form needs of a plan.
CollectivePlan without_transfers(CollectivePlan plan) {
  for (CollectivePlan::Phase& one : plan.phases) one.transfers.clear();
  return plan;
}

}  // namespace

Routings::Routings(const Scenario& scenario, const OpGraph& graph, const SimulationOptions& options)
    : draws_(route_instances(scenario, graph, options.most_routings)), wanted_(distinct_routings(scenario, graph)) {
  if (wanted_ > 1) layers_ = static_cast<std::size_t>(scenario.model.layers);
}

std::uint32_t Routings::index(int layer, int micro_batch) const {
  const std::size_t batches = wanted_ / layers_;
  const std::size_t at =
      static_cast<std::size_t>(layer) % layers_ + layers_ * (static_cast<std::size_t>(micro_batch) % batches);
  return static_cast<std::uint32_t>(at % draws_.size());
}

ProgramCosts::ProgramCosts(const Scenario& scenario, const OpGraph& graph, const Program& program,
                           const Routings& routings, const SimulationOptions& options)
    : scenario_(scenario),
      graph_(graph),
      program_(program),
      routings_(routings),
      overlap_(scenario, options),
      plans_(*scenario.cluster.collectives),
      costs_(program.phases.size()),
      times_(program.phases.size()),
      sizes_(program.phases.size()),
      ep_ranks_(graph.routing.balanced() ? 1 : static_cast<std::size_t>(graph.routing.ranks())) {
  for (std::uint32_t phase = 0; phase < program.phases.size(); ++phase) {
    costs_[phase].resize(program.phases[phase].phase->ops.size());
    times_[phase].resize(costs_[phase].size());
    sizes_[phase].resize(costs_[phase].size());
    add_kernels(phase);
    add_collectives(phase);
  }
  if (scenario.parallelism.pp > 1) add_sends();
  plans_.finish();
}

const RankGroups& ProgramCosts::groups(GroupRole role) const { return graph_.groups[static_cast<std::size_t>(role)]; }

void ProgramCosts::add_kernels(std::uint32_t phase) {
  const std::vector<Op>& ops = program_.phases[phase].phase->ops;
  const KernelModel& kernels = *scenario_.kernels;
  for (std::size_t op = 0; op < ops.size(); ++op) {
    const auto* work = std::get_if<KernelWork>(&ops[op].work);
    if (work == nullptr) continue;
    std::vector<Seconds>& times = times_[phase][op];
    costs_[phase][op] = kernel_cost(kernels, *work, graph_.routing, graph_.routing.busiest_rank());
    if (!works_on_routed_rows(*work) || graph_.routing.balanced()) {
      times.push_back(costs_[phase][op].estimate.time);
      continue;
    }
    for (std::uint32_t routing = 0; routing < routings_.size(); ++routing) {
      for (std::size_t rank = 0; rank < ep_ranks_; ++rank) {
        times.push_back(kernel_cost(kernels, *work, routings_[routing], static_cast<int>(rank)).estimate.time);
      }
    }
  }
}

void ProgramCosts::add_collectives(std::uint32_t phase) {
  const std::vector<Op>& ops = program_.phases[phase].phase->ops;
  const CollectiveModel& model = *scenario_.cluster.collectives;
  for (std::size_t op = 0; op < ops.size(); ++op) {
    std::vector<Sized>& sizes = sizes_[phase][op];
    if (const auto* work = std::get_if<CollectiveWork>(&ops[op].work)) {
      const TrafficId traffic = planned(work->kind, work->group);
      sizes.push_back({traffic, work->bytes_per_rank.value});
      costs_[phase][op] = collective_cost(model, closed_.at(traffic), work->bytes_per_rank);
    } else if (const auto* exchange = std::get_if<ExchangeWork>(&ops[op].work)) {
      const double bytes_per_row = exchange->bytes_per_row.value * exchange->share;
      if (graph_.routing.balanced()) {
        const TrafficId traffic = planned(CollectiveKind::all_to_all, GroupRole::expert);
        const double bytes = graph_.routing.rows_sent(0) * bytes_per_row;
        sizes.push_back({traffic, bytes});
        costs_[phase][op] = collective_cost(model, closed_.at(traffic), {bytes});
        continue;
      }
      for (std::uint32_t routing = 0; routing < routings_.size(); ++routing) {
        sizes.push_back({uneven(routing, exchange->reversed), bytes_per_row});
      }
      const CollectivePlan& plan = closed_.at(sizes.front().traffic);
      costs_[phase][op] = collective_cost(model, plan, {plan.uneven_bytes * bytes_per_row});
    }
  }
}

TrafficId ProgramCosts::planned(CollectiveKind kind, GroupRole role) {
  const auto [entry, added] = known_.try_emplace({kind, role}, 0);
  if (!added) return entry->second;
  const bool exchange = kind == CollectiveKind::all_to_all;
  const CollectivePlan plan = scenario_.cluster.collectives->plan(
      kind, algorithms_of(graph_, kind, role), groups(role), exchange ? token_copies(graph_.routing) : TokenCopies{},
      PlanDetail::transfers);
  entry->second = plans_.add(plan, groups(role));
  closed_.emplace(entry->second, without_transfers(plan));
  return entry->second;
}

TrafficId ProgramCosts::uneven(std::uint32_t routing, bool reversed) {
  const auto [entry, added] = uneven_.try_emplace({routing, reversed}, 0);
  if (!added) return entry->second;
  const ExchangeRows rows = exchange_rows(routings_[routing], graph_.exchange_algorithm, reversed);
  std::vector<CollectivePlan> plans;
  for (const std::vector<RankId>& group : groups(GroupRole::expert)) {
    plans.push_back(scenario_.cluster.collectives->plan_uneven(group, rows.between, graph_.exchange_algorithm,
                                                               rows.to_nodes, PlanDetail::transfers));
  }
  CollectivePlan closed = without_transfers(plans.front());
  const auto back = uneven_.find({routing, !reversed});
  entry->second = plans_.add(std::move(plans), back == uneven_.end() ? std::nullopt : std::optional(back->second));
  closed_.emplace(entry->second, std::move(closed));
  return entry->second;
}

/// What goes from rank to rank of neighbouring stages: pairs of the pipeline groups, stage by stage; chunks
/// of interleaved stages go round.
void ProgramCosts::add_sends() {
  const CollectiveModel& model = *scenario_.cluster.collectives;
  const auto stages = graph_.stages.size();
  const std::size_t per_stage = static_cast<std::size_t>(scenario_.parallelism.world_size()) / stages;
  std::vector<std::pair<RankId, RankId>> forward;
  std::vector<std::pair<RankId, RankId>> backward;
  for (std::size_t rank = 0; rank < stages * per_stage; ++rank) {
    const RankId self(rank);
    forward.emplace_back(self, RankId((rank + per_stage) % (stages * per_stage)));
    backward.emplace_back(self, RankId((rank + (stages - 1) * per_stage) % (stages * per_stage)));
  }
  const CollectivePlan plan =
      model.plan(CollectiveKind::send_recv, AllToAllAlgorithm::flat, groups(GroupRole::pipeline));
  send_forward_ = {plans_.add_pairs(plan, forward), graph_.stage_boundary.value};
  send_backward_ = {plans_.add_pairs(plan, backward), graph_.stage_boundary.value};
  send_cost_ = collective_cost(model, plan, graph_.stage_boundary);
}

Seconds ProgramCosts::op_time(std::uint32_t phase, std::uint32_t op, std::uint32_t routing,
                              std::uint32_t ep_rank) const {
  const std::vector<Seconds>& times = times_[phase][op];
  return times.size() == 1 ? times.front() : times[routing * ep_ranks_ + ep_rank];
}

Seconds ProgramCosts::task_time(std::uint32_t phase, std::uint32_t task, std::uint32_t routing,
                                std::uint32_t ep_rank) const {
  const Task& of = program_.phases[phase].tasks[task];
  Seconds time;
  for (std::uint32_t op = of.first_op; op < of.end_op; ++op) time += op_time(phase, op, routing, ep_rank);
  return time;
}

double ProgramCosts::task_slowdown(std::uint32_t phase, std::uint32_t task, std::uint32_t routing,
                                   std::uint32_t ep_rank) const {
  const Task& of = program_.phases[phase].tasks[task];
  Seconds alone;
  Seconds beside;
  for (std::uint32_t op = of.first_op; op < of.end_op; ++op) {
    const Seconds time = op_time(phase, op, routing, ep_rank);
    alone += time;
    beside += overlap_.compute_slowdown(std::get<KernelWork>(program_.phases[phase].phase->ops[op].work), time) * time;
  }
  return alone.value > 0 ? beside / alone : 1;
}

Seconds ProgramCosts::kernel_under_way(std::uint32_t phase, std::uint32_t task, std::uint32_t routing,
                                       std::uint32_t ep_rank, Seconds done) const {
  const Task& of = program_.phases[phase].tasks[task];
  for (std::uint32_t op = of.first_op; op < of.end_op; ++op) {
    const Seconds time = op_time(phase, op, routing, ep_rank);
    done = done - time;
    if (done.value >= 0 && op + 1 < of.end_op) continue;
    const auto& work = std::get<KernelWork>(program_.phases[phase].phase->ops[op].work);
    if (std::holds_alternative<HostWait>(work.shape)) return {};
    return time * (1 / std::max(work.launches, 1.0));
  }
  return {};
}

TrafficRequest ProgramCosts::request(std::uint32_t phase, std::uint32_t task, std::uint32_t routing) const {
  const std::vector<Sized>& sizes = sizes_[phase][program_.phases[phase].tasks[task].first_op];
  const Sized& sized = sizes.size() == 1 ? sizes.front() : sizes[routing];
  return {.traffic = sized.traffic, .size = sized.size};
}

TrafficRequest ProgramCosts::send_request(bool to_next_rank) const {
  const Sized& sized = to_next_rank ? send_forward_ : send_backward_;
  return {.traffic = sized.traffic, .size = sized.size};
}

GroupRole ProgramCosts::role(std::uint32_t phase, std::uint32_t task) const {
  const Op& op = program_.phases[phase].phase->ops[program_.phases[phase].tasks[task].first_op];
  const auto* work = std::get_if<CollectiveWork>(&op.work);
  return work != nullptr ? work->group : GroupRole::expert;
}

}  // namespace moesim
