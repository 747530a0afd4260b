#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "moesim/cluster/topology.hpp"
#include "moesim/cost/calibration.hpp"

namespace moesim {

/// How a phase of a collective moves its data: each has coefficients of its own in a link law, under this prefix.
/// Phases that leave a machine use those with `net.` before it.
enum class LinkFamily {
  all_to_all,  ///< all pairs at once; send_recv is the exchange of one pair
  ring,        ///< all_gather and reduce_scatter
  all_reduce   ///< both, one after the other
};
inline constexpr std::array<std::string_view, 3> kLinkFamilies = {"all_to_all", "ring", "all_reduce"};

/// Border between the two regions of a spread [B per rank].
inline constexpr double kLargeBytesPerRank = 1048576;

/// What a phase asks of the cluster, per byte of the collective's size S. Found once from the graph.
struct PhaseLoad {
  std::array<double, kLinkKinds.size()> seconds_per_byte{};  ///< by LinkKind: max over its links of load / capacity
  double message_per_byte = 0;  ///< m / S: what one rank sends to one peer, or in one step of a ring
  double rounds = 0;   ///< log2(ranks) of an all-to-all, its remote peers when it leaves the machine; steps of a ring
  double latency = 0;  ///< of the links of the longest path, times the steps [s]
  double steps = 1;    ///< that follow each other, each with the latency of the path
  double busiest_host = 0;     ///< GPUs that use PCIe at the same time in one machine
  double network_users = 0;    ///< GPUs of one machine that use its NICs at the same time
  double local_to_remote = 0;  ///< bytes that stay in the machine : bytes that leave it
  bool network = false;
};

/// The link law (docs/theory_collectives.md): with m the message of a peer, n the GPUs at work in a machine,
///   t(S) = latency + startup + startup_per_round rounds + simple_startup s(m) + bend g(n) (m / 1 MiB)^bend_power
///          + S W (1 + small_message_cost (1 - s(m))) (1 + local_share local_to_remote),
///   s(m) = m^2 / (m^2 + switch_bytes^2)                   from the low-latency protocols to the simple one,
///   W    = max over kinds k of seconds_per_byte[k] / efficiency[k]; PCIe's times g(n), the NIC's times h(q),
///   g(n) = (min(n, contention_ranks) / 2)^contention      and 1 for two GPUs or fewer,
///   h(q) = q^nic_contention                               with q the GPUs of a machine that use its NICs: what they
/// lose to each other is the machine's (PCIe tree, host), so twice the ports carry twice as much and never more.
/// The defaults make it the bound of the links plus their latency.
struct LinkCoefficients {
  double startup = 0;             ///< [s]
  double startup_per_round = 0;   ///< [s]
  double simple_startup = 0;      ///< [s]
  double switch_bytes = 1;        ///< [B]
  double bend = 0;                ///< [s]
  double bend_power = 0.5;        ///< in (0, 1]
  double small_message_cost = 0;  ///< in [0, 8]: beyond 8 the time would fall with m
  double contention = 0;          ///< >= 0
  double contention_ranks = 1e9;
  double nic_contention = 0;  ///< >= 0
  double local_share = 0;     ///< of the local bytes that wait for the network instead of passing beside it, >= 0
  std::array<double, kLinkKinds.size()> efficiency = filled_with_one();  ///< in (0, 1]

 private:
  static constexpr std::array<double, kLinkKinds.size()> filled_with_one() {
    std::array<double, kLinkKinds.size()> ones{};
    for (double& one : ones) one = 1;
    return ones;
  }
};

/// One coefficient by name: where it stands in the struct and what values make sense.
struct LinkCoefficientField {
  std::string_view name;
  double LinkCoefficients::*field;
  double lo;
  double hi;
};
[[nodiscard]] std::span<const LinkCoefficientField> link_coefficient_fields();

/// Slowest kind of link per byte: W (1 + local_share local_to_remote) of the law [s/B].
[[nodiscard]] double drain_per_byte(const PhaseLoad& load, const LinkCoefficients& law);
/// t(S) of the law, the drain included [s]. @param bytes S >= 0
[[nodiscard]] double phase_time(const PhaseLoad& load, const LinkCoefficients& law, double bytes);

/// The same law for a simulation of the phase's transfers: everything but the drain comes first, then each byte counts
/// `inflation` times on links that carry capacity x capacity_factor. Transfers of equal size, alone on the cluster,
/// then take t(S): the busiest link is full until the last of them ends.
struct PhasePace {
  double startup = 0;                                       ///< t(S) - S drain_per_byte [s]
  double inflation = 1;                                     ///< 1 + local_share local_to_remote
  std::array<double, kLinkKinds.size()> capacity_factor{};  ///< by LinkKind: efficiency over contention, in (0, 1]
};
[[nodiscard]] PhasePace phase_pace(const PhaseLoad& load, const LinkCoefficients& law, double bytes);

/// All coefficients of a machine, looked up once.
class LinkLaw {
 public:
  /// Capacities and latencies only, exact.
  LinkLaw() = default;
  /// The same where real links are meant and none was measured: the interval spans a factor of two each way, and every
  /// estimate counts as extrapolated.
  [[nodiscard]] static LinkLaw unmeasured();
  /// @param law coefficients `[net.]FAMILY.NAME`, NAME a field above or `efficiency.KIND`; ranges `[net.]FAMILY.bytes`
  /// and
  /// `.ranks`; spreads `[net.]FAMILY.small` (below 1 MiB per rank) and `.large`
  /// @throws InputError with every unknown name and every value out of range
  explicit LinkLaw(const FittedLaw& law);

  struct Family {
    LinkCoefficients coefficients;
    double spread_small = 0;
    double spread_large = 0;
    Range bytes{0, 1e300};
    Range ranks{0, 1e300};
    bool fitted = true;  ///< false: borrowed from the nearest family that is
  };
  [[nodiscard]] const Family& family(LinkFamily family, bool network) const {
    return families_[2 * static_cast<std::size_t>(family) + (network ? 1 : 0)];
  }

 private:
  std::array<Family, 2 * kLinkFamilies.size()> families_;
};

}  // namespace moesim
