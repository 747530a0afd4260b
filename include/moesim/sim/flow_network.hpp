#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "moesim/base/ids.hpp"
#include "moesim/base/units.hpp"
#include "moesim/cluster/paths.hpp"
#include "moesim/cluster/topology.hpp"
#include "moesim/sim/max_min.hpp"

namespace moesim {

using FlowId = Id<struct FlowTag>;  ///< a flow under way; the number is given again after its end

[[nodiscard]] std::vector<BytesPerSecond> link_capacities(const Topology& topology);

/// Flows that share links by max-min fairness, from event to event: the rates hold until a flow begins or ends. Time
/// moves when the owner says so, up to the next completion. No latencies here: a flow begins when its first byte moves.
class FlowNetwork {
 public:
  /// @param routes that flows will name by index; add_route() appends
  explicit FlowNetwork(std::span<const BytesPerSecond> capacities, RouteList routes = {});
  FlowNetwork(FlowNetwork&&) noexcept;
  FlowNetwork& operator=(FlowNetwork&&) noexcept;
  ~FlowNetwork();

  template <class Links>
  std::size_t add_route(const Links& links) {
    return routes().add(links);
  }

  /// Begins a flow now. One without bytes, or with neither links nor a cap, is done at once.
  FlowId start(std::size_t route, Bytes size, BytesPerSecond rate_cap = kNoCap);

  [[nodiscard]] Seconds now() const;
  [[nodiscard]] std::size_t active() const;
  /// Infinite when no flow is under way.
  [[nodiscard]] Seconds next_completion();
  /// Moves time, and appends the flows that are done by then, in a fixed order.
  /// @pre now() <= to <= next_completion()
  void advance(Seconds to, std::vector<FlowId>& done);

  /// Present rate. @pre the flow is under way
  [[nodiscard]] BytesPerSecond rate(FlowId flow);
  /// Bytes that have passed each link since the beginning.
  [[nodiscard]] std::vector<Bytes> link_bytes();

  static constexpr BytesPerSecond kNoCap{std::numeric_limits<double>::infinity()};

 private:
  struct State;
  [[nodiscard]] RouteList& routes();
  std::unique_ptr<State> state_;
};

/// Flows that are known beforehand.
struct FlowSet {
  RouteList routes;            ///< one per flow
  std::vector<Seconds> begin;  ///< when the first byte moves: start plus the latencies of the route
  std::vector<Bytes> bytes;
  std::vector<BytesPerSecond> caps;  ///< empty: none

  /// A flow that starts at `start` on a path. Empty routes (own rank) are done when they begin.
  void add(const Path& path, Bytes size, Seconds start = {});
};

struct FlowTimes {
  std::vector<Seconds> end;  ///< by flow
  Seconds makespan;          ///< the last end
};

[[nodiscard]] FlowTimes run_flows(std::span<const BytesPerSecond> capacities, FlowSet flows);

/// All-to-all in which every pair of ranks moves at once, from the first instant: bytes[i * R + j] from the i-th to the
/// j-th rank of the group. @pre bytes.size() == R * R
[[nodiscard]] FlowSet all_to_all_flows(const PathTable& paths, const std::vector<RankId>& group,
                                       const std::vector<double>& bytes);

}  // namespace moesim
