#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cost/collectives.hpp"
#include "moesim/graph/op_graph.hpp"
#include "moesim/sim/run_collective.hpp"

namespace moesim {

/// One operator on one rank. Names are those of the graph: a timeline outlives the graph, not the program.
struct OpSpan {
  std::string_view name;
  WorkKind kind = WorkKind::attention;
  RankId rank;
  Stream stream = Stream::compute;
  Seconds begin;
  Seconds end;
  int micro_batch = 0;  ///< -1: of the whole iteration
  int layer = 0;        ///< within the stage, -1: of none
  std::uint32_t stage = 0;
};

/// Why the compute stream of a rank stands still.
enum class IdleCause {
  communication,  ///< its own collective is moving data: exposed communication
  peers,          ///< it waits in a collective for slower ranks
  pipeline,       ///< it waits for another pipeline stage
  host,           ///< the host is behind with its launches
  finished        ///< it was done before the last rank
};
inline constexpr std::array<std::string_view, 5> kIdleCauses = {"communication", "peers", "pipeline", "host",
                                                                "finished"};

/// Ranks that were simulated as one, and what their compute stream did. The parts add up to the makespan.
struct RankTime {
  RankId first;             ///< the rank that stands for them
  int ranks = 1;            ///< how many they are
  std::uint32_t stage = 0;  ///< pipeline rank
  Seconds computing;
  std::array<Seconds, kIdleCauses.size()> idle{};
};

/// What happened in one execution of a graph. Everything else (utilisation, trace, idle time) is a function of it.
struct Timeline {
  Seconds makespan;  ///< of the step
  Seconds end;       ///< of the last operator; later than the makespan where iterations overlap (zero bubble H2)
  std::vector<RankTime> ranks;
  std::vector<double> link_bytes;   ///< by LinkId, of the whole step
  std::vector<OpSpan> ops;          ///< empty unless recorded
  std::vector<FlowSpan> flows;      ///< empty unless recorded
  std::size_t events = 0;           ///< that were handled
  std::size_t flows_simulated = 0;  ///< from their beginning to their end
  std::size_t flows_reused = 0;     ///< of collectives that ran alone once more, as before
  std::size_t flows_folded = 0;     ///< of equal size, computed together
  std::vector<std::string> notes;   ///< what was folded or used again, and why that is exact
};

/// Mean over the ranks, by cause; the makespan is the mean of computing plus all of them.
[[nodiscard]] RankTime mean_rank_time(const Timeline& timeline);
/// The same for the ranks of each stage, in order.
[[nodiscard]] std::vector<RankTime> stage_times(const Timeline& timeline);

/// Use of every link in equal intervals of the step: [link][bin], as a share of its capacity, each flow at its mean
/// rate. Links that carry nothing have no bins. @pre flows were recorded
[[nodiscard]] std::vector<std::vector<double>> link_utilization(const Timeline& timeline, const CollectiveModel& model,
                                                                std::size_t bins);

}  // namespace moesim
