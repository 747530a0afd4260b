#include "cluster/config_check.hpp"

#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <utility>

namespace moesim {

void ConfigCheck::require(bool holds, std::string_view key, std::string message) {
  if (holds) return;
  problems_.push_back({.file = {}, .line = 0, .column = 0, .key = std::string(key), .message = std::move(message)});
}

void ConfigCheck::in_range(int value, int lo, int hi, std::string_view key) {
  require(value >= lo && value <= hi, key, fmt::format("{} is out of range (from {} to {})", value, lo, hi));
}

void ConfigCheck::cable(const Cable& cable, std::string_view key) {
  bandwidth(cable.bandwidth, fmt::format("{}.bandwidth", key));
  latency(cable.latency, fmt::format("{}.latency", key));
}

void ConfigCheck::bandwidth(BytesPerSecond rate, std::string_view key) {
  require(rate.value > 0 && std::isfinite(rate.value), key, "is needed, positive (the topology has such a link)");
}

void ConfigCheck::latency(Seconds time, std::string_view key) {
  require(time.value >= 0 && std::isfinite(time.value), key, "must not be negative");
}

void ConfigCheck::size(const ClusterConfig& config) {
  in_range(config.fabric.nodes, 1, kMostRanks, "nodes");
  in_range(config.box.gpus, 1, kMostRanks, "box.gpus");
  const std::int64_t ranks = static_cast<std::int64_t>(config.fabric.nodes) * config.box.gpus;
  require(ranks <= kMostRanks, "nodes", fmt::format("x box.gpus makes {} GPUs (at most {})", ranks, kMostRanks));
}

void ConfigCheck::nic(const ClusterConfig& config) {
  if (config.fabric.nodes < 2) return;
  bandwidth(config.nic.port.bandwidth, "nic.bandwidth");
  latency(config.nic.port.latency, "nic.latency");
  in_range(config.nic.count, 1, 64, "nic.count");
}

void ConfigCheck::fat_tree(const ClusterConfig& config) {
  const FabricConfig& fabric = config.fabric;
  in_range(fabric.nodes_per_leaf, 0, kMostRanks, "fabric.nodes_per_leaf");
  require(fabric.oversubscription > 0 && std::isfinite(fabric.oversubscription), "fabric.oversubscription",
          "must be positive (downlinks : uplinks of a leaf, 1 is non-blocking)");
  require(fabric.nodes_per_leaf > 0 || fabric.oversubscription == 1, "fabric.oversubscription",
          "has no effect under one switch (set fabric.nodes_per_leaf)");
  latency(fabric.switch_latency, "fabric.latency");
}

void ConfigCheck::finish() {
  if (!problems_.empty()) throw InputError(std::move(problems_));
}

}  // namespace moesim
