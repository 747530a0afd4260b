#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cluster/topologies.hpp"

namespace moesim {

/// Collects what is wrong with a ClusterConfig; each builder names the fields that it needs.
class ConfigCheck {
 public:
  void require(bool holds, std::string_view key, std::string message);
  /// lo <= value <= hi
  void in_range(int value, int lo, int hi, std::string_view key);
  /// Bandwidth positive and finite, latency finite and not negative.
  void cable(const Cable& cable, std::string_view key);
  void bandwidth(BytesPerSecond rate, std::string_view key);
  void latency(Seconds time, std::string_view key);
  /// machines and GPUs each: present, and not more than kMostRanks together
  void size(const ClusterConfig& config);
  /// nic.bandwidth, nic.latency, nic.count, when there is more than one machine
  void nic(const ClusterConfig& config);
  /// fabric.nodes_per_leaf, fabric.oversubscription, fabric.latency
  void fat_tree(const ClusterConfig& config);
  /// @throws InputError when anything was found
  void finish();

 private:
  std::vector<Diagnostic> problems_;
};

/// More GPUs than any machine of this decade has: a larger number is a slip of the pen, not a cluster.
inline constexpr int kMostRanks = 1 << 18;

}  // namespace moesim
