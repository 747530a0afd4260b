#include "moesim/cost/link_law.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <numbers>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr double kMebibyte = 1048576;
constexpr double kLongest = 1e3;  // no start-up takes longer [s]

constexpr std::array kFields = {
    LinkCoefficientField{"startup", &LinkCoefficients::startup, 0, kLongest},
    LinkCoefficientField{"startup_per_round", &LinkCoefficients::startup_per_round, 0, kLongest},
    LinkCoefficientField{"simple_startup", &LinkCoefficients::simple_startup, 0, kLongest},
    LinkCoefficientField{"switch_bytes", &LinkCoefficients::switch_bytes, 1, 1e12},
    LinkCoefficientField{"bend", &LinkCoefficients::bend, 0, kLongest},
    LinkCoefficientField{"bend_power", &LinkCoefficients::bend_power, 1e-3, 1},
    LinkCoefficientField{"small_message_cost", &LinkCoefficients::small_message_cost, 0, 8},
    LinkCoefficientField{"contention", &LinkCoefficients::contention, 0, 10},
    LinkCoefficientField{"contention_ranks", &LinkCoefficients::contention_ranks, 2, 1e9},
    LinkCoefficientField{"nic_contention", &LinkCoefficients::nic_contention, 0, 10},
    LinkCoefficientField{"local_share", &LinkCoefficients::local_share, 0, 10}};

double contention_factor(const PhaseLoad& load, const LinkCoefficients& law) {
  const double ranks = std::min(load.busiest_host, law.contention_ranks);
  return ranks <= 2 || law.contention == 0 ? 1 : std::pow(ranks / 2, law.contention);
}

/// Share of its capacity that a link of each kind attains in this phase.
std::array<double, kLinkKinds.size()> capacity_factors(const PhaseLoad& load, const LinkCoefficients& law) {
  auto factors = law.efficiency;
  factors[static_cast<std::size_t>(LinkKind::pcie)] /= contention_factor(load, law);
  if (load.network_users > 1 && law.nic_contention > 0) {
    factors[static_cast<std::size_t>(LinkKind::nic)] /= std::pow(load.network_users, law.nic_contention);
  }
  return factors;
}

/// What a byte counts for on the links, when local ones wait for the network.
double inflation(const PhaseLoad& load, const LinkCoefficients& law) {
  return 1 + law.local_share * load.local_to_remote;
}

std::string prefix_of(std::size_t index) {
  return fmt::format("{}{}.", index % 2 == 1 ? "net." : "", kLinkFamilies[index / 2]);
}

/// Families to borrow from, nearest first: the same on the other side of the machine's border, then the others.
std::array<std::size_t, 5> neighbours(std::size_t index) {
  const std::size_t side = index % 2;
  const std::size_t family = index / 2;
  // A ring and an all-reduce are each other's nearest; an all-to-all is nearest to a ring.
  constexpr std::array<std::array<std::size_t, 2>, 3> kOrder = {{{1, 2}, {2, 0}, {1, 0}}};
  const auto [near, far] = kOrder[family];
  return {2 * near + side, 2 * far + side, 2 * family + 1 - side, 2 * near + 1 - side, 2 * far + 1 - side};
}

}  // namespace

std::span<const LinkCoefficientField> link_coefficient_fields() { return kFields; }

double drain_per_byte(const PhaseLoad& load, const LinkCoefficients& law) {
  const auto factor = capacity_factors(load, law);
  double slowest = 0;
  for (std::size_t kind = 0; kind < kLinkKinds.size(); ++kind) {
    slowest = std::max(slowest, load.seconds_per_byte[kind] / factor[kind]);
  }
  return slowest * inflation(load, law);
}

PhasePace phase_pace(const PhaseLoad& load, const LinkCoefficients& law, double bytes) {
  return {.startup = std::max(0.0, phase_time(load, law, bytes) - bytes * drain_per_byte(load, law)),
          .inflation = inflation(load, law),
          .capacity_factor = capacity_factors(load, law)};
}

double phase_time(const PhaseLoad& load, const LinkCoefficients& law, double bytes) {
  const double message = bytes * load.message_per_byte;
  const double squared = message * message;
  const double simple = squared / (squared + law.switch_bytes * law.switch_bytes);
  double time = load.latency + law.startup + law.startup_per_round * load.rounds + law.simple_startup * simple;
  if (law.bend > 0 && message > 0) {
    time += law.bend * contention_factor(load, law) * std::pow(message / kMebibyte, law.bend_power);
  }
  return time + bytes * drain_per_byte(load, law) * (1 + law.small_message_cost * (1 - simple));
}

LinkLaw LinkLaw::unmeasured() {
  LinkLaw law;
  for (Family& family : law.families_) {
    family.spread_small = std::numbers::ln2;
    family.spread_large = std::numbers::ln2;
    family.fitted = false;
  }
  return law;
}

LinkLaw::LinkLaw(const FittedLaw& law) {
  std::vector<Diagnostic> problems;
  const auto complain = [&](const std::string& name, const std::string& message) {
    problems.push_back({.file = law.name, .line = 0, .column = 0, .key = "coefficients." + name, .message = message});
  };
  std::array<bool, 2 * kLinkFamilies.size()> present{};
  for (const auto& [name, value] : law.coefficients) {
    bool known = false;
    for (std::size_t index = 0; index < families_.size() && !known; ++index) {
      const std::string prefix = prefix_of(index);
      if (!std::string_view(name).starts_with(prefix)) continue;
      const std::string_view rest = std::string_view(name).substr(prefix.size());
      LinkCoefficients& target = families_[index].coefficients;
      double lo = 1e-6;
      double hi = 1;
      double* field = nullptr;
      for (const LinkCoefficientField& candidate : kFields) {
        if (candidate.name != rest) continue;
        field = &(target.*candidate.field);
        lo = candidate.lo;
        hi = candidate.hi;
      }
      constexpr std::string_view kEfficiency = "efficiency.";
      for (std::size_t kind = 0; kind < kLinkKinds.size(); ++kind) {
        if (rest.starts_with(kEfficiency) && rest.substr(kEfficiency.size()) == kLinkKinds[kind].name) {
          field = &target.efficiency[kind];
        }
      }
      if (field == nullptr) break;
      known = true;
      present[index] = true;
      *field = value;
      if (!(value >= lo && value <= hi)) {
        complain(name, fmt::format("{} is out of range (between {} and {})", value, lo, hi));
      }
    }
    if (!known) complain(name, "unknown coefficient of a link law (see docs/theory_collectives.md)");
  }
  if (!problems.empty()) throw InputError(problems);

  for (std::size_t index = 0; index < families_.size(); ++index) {
    if (!present[index]) continue;
    Family& family = families_[index];
    const std::string prefix = prefix_of(index);
    family.spread_small = law.spread(prefix + "small");
    family.spread_large = law.spread(prefix + "large");
    if (const auto found = law.ranges.find(prefix + "bytes"); found != law.ranges.end()) family.bytes = found->second;
    if (const auto found = law.ranges.find(prefix + "ranks"); found != law.ranges.end()) family.ranks = found->second;
  }
  for (std::size_t index = 0; index < families_.size(); ++index) {
    if (present[index]) continue;
    for (const std::size_t other : neighbours(index)) {
      if (!present[other]) continue;
      families_[index] = families_[other];
      families_[index].fitted = false;
      break;
    }
  }
}

}  // namespace moesim
