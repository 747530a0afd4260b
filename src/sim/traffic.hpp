#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "moesim/sim/event_queue.hpp"
#include "moesim/sim/flow_network.hpp"
#include "moesim/sim/run_collective.hpp"

#include "sim/traffic_plans.hpp"

namespace moesim {

/// What a collective is asked to do. Two requests that compare equal take the same time on an idle network.
struct TrafficRequest {
  TrafficId traffic = 0;
  std::uint32_t first_group = 0;  ///< groups [first_group, end_group) begin and end together
  std::uint32_t end_group = 0;
  double size = 0;   ///< bytes_per_rank, or bytes per row of an uneven exchange
  double scale = 1;  ///< of the bytes on the links: what a concurrent kernel costs
  friend auto operator<=>(const TrafficRequest&, const TrafficRequest&) = default;
};

/// Groups that were to be simulated as one end at different times.
struct NotSymmetric {};

/// Collectives under way, from event to event.
///
/// Collectives that begin together on an idle network, and end before another begins, take the same time whenever they
/// run: such runs are remembered, and serve their mirror images too. If another one does begin in between, the flows
/// are put on the network as of their own beginning and both go on from there.
class Traffic {
 public:
  using Ticket = std::uint32_t;  ///< of the caller, given back at the end

  Traffic(const TrafficPlans& plans, bool record);

  void begin(const TrafficRequest& request, Ticket ticket, std::string_view name, Seconds now);
  /// Infinite when nothing is under way. Call it when all that begins now has begun.
  [[nodiscard]] Seconds next_time();
  /// Moves time; appends the tickets of the collectives that end then. @pre to <= next_time()
  void advance(Seconds to, std::vector<Ticket>& ended);

  [[nodiscard]] std::vector<double> link_bytes() const;
  [[nodiscard]] const std::vector<FlowSpan>& spans() const { return spans_; }
  [[nodiscard]] std::size_t flows_simulated() const { return flows_simulated_; }
  [[nodiscard]] std::size_t flows_reused() const { return flows_reused_; }
  [[nodiscard]] std::size_t flows_folded() const { return flows_folded_; }

 private:
  /// A collective, or what is left of it: phases [phase, ...).
  struct Job {
    TrafficRequest request;
    Ticket ticket = 0;
    std::string_view name;
    std::uint32_t phase = 0;
    std::size_t flows_left = 0;
    bool ghost = false;  ///< has ended, but its flows are needed to find out how far the others have come
  };
  using JobId = std::uint32_t;
  struct Flow {
    JobId job = 0;
    RankId from;
    RankId to;
    double bytes = 0;
    Seconds begin;
  };
  /// One step of a job as a key of the memory.
  struct StepKey {
    TrafficRequest request;
    std::uint32_t phase = 0;
    friend auto operator<=>(const StepKey&, const StepKey&) = default;
  };
  /// How steps that began together went, counted from their beginning.
  struct SoloRun {
    std::vector<Seconds> end;        ///< by step
    std::vector<Seconds> flow_ends;  ///< by step, then transfer; empty unless recorded
    std::size_t flows = 0;
    bool folded = false;
  };

  struct SoloMember {
    JobId id = 0;
    Job step;  ///< as it began
    Seconds end;
    bool ended = false;
  };

  template <class Visit>
  void for_each_transfer(const Job& job, Visit visit) const;
  [[nodiscard]] std::size_t transfers(const Job& job) const;
  [[nodiscard]] Seconds startup(const Job& job) const;
  [[nodiscard]] std::vector<StepKey> memory_key() const;
  [[nodiscard]] const RouteList& routes_of_pending() const;
  [[nodiscard]] const SoloRun& solo_run();
  [[nodiscard]] std::optional<Seconds> folded_time(const Job& job) const;
  void simulate_solo(SoloRun& run);
  void record_solo(const SoloRun& run);
  void flush();
  void put_on_network(JobId id, Seconds begin);
  void leave_solo();
  void drain_network(Seconds to);
  void end_step(JobId id, Seconds now, std::vector<Ticket>* ended);
  JobId add_job(Job job);

  const TrafficPlans& plans_;
  FlowNetwork network_;
  bool record_;
  Seconds now_;
  std::vector<Job> jobs_;
  std::vector<JobId> free_jobs_;
  EventQueue<JobId> starting_;    ///< steps whose start-up is under way
  std::vector<JobId> pending_;    ///< begin to move data now
  std::vector<JobId> ready_;      ///< have ended by now, to be reported
  std::vector<SoloMember> solo_;  ///< run without others, from solo_begin_ on
  Seconds solo_begin_;
  bool catching_up_ = false;
  std::vector<Flow> flows_;  ///< by FlowId, on the network
  std::vector<FlowId> done_;
  std::map<std::vector<StepKey>, SoloRun> memory_;
  std::map<std::pair<TrafficId, std::uint32_t>, double> carried_;  ///< bytes_per_rank of all runs, by traffic and group
  std::vector<FlowSpan> spans_;
  std::size_t flows_simulated_ = 0;
  std::size_t flows_reused_ = 0;
  std::size_t flows_folded_ = 0;
};

}  // namespace moesim
