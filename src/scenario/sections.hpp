#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "moesim/cluster/device.hpp"
#include "moesim/cluster/topologies.hpp"
#include "moesim/cost/calibration.hpp"
#include "moesim/model/moe_model.hpp"
#include "moesim/model/parallelism.hpp"
#include "moesim/model/routing.hpp"
#include "moesim/scenario/scenario.hpp"

#include "scenario/reader.hpp"
#include "scenario/sources.hpp"

namespace moesim {

// One function per section of a configuration; each reads, checks what can be checked inside of the section, and
// describes its keys. Sections arrive with their references followed (Sources::resolve).

/// Counts above which nothing is built: a cluster's paths and a routing matrix grow with the square of the ranks.
inline constexpr int kMostRanks = 4'096;
inline constexpr int kMostExperts = 4'096;
inline constexpr std::size_t kMostListed = 100'000;  ///< nodes or links of an explicit cluster
inline constexpr std::size_t kMostAssumptions = 200;

[[nodiscard]] Model read_model(Reader in);

[[nodiscard]] Calibration read_calibration(Reader in);

struct DeviceSection {
  Device device;
  Calibration calibration;
  std::vector<std::string> assumptions;
};
[[nodiscard]] DeviceSection read_device(Reader in);

struct ClusterSection {
  ClusterConfig config;
  Calibration calibration;
};
/// Without the device, which is read apart: another GPU in the same machines is the same network.
[[nodiscard]] ClusterSection read_cluster(Reader in);
/// Ranks that the configuration asks for, 0 when that cannot be told or is more than kMostRanks.
[[nodiscard]] int ranks_of(const ClusterConfig& config);

struct FrameworkSection {
  Framework framework;
  std::vector<std::string> assumptions;
};
[[nodiscard]] FrameworkSection read_framework(Reader in);

/// @param cluster_ranks GPUs of the cluster; 0: not known, because it could not be read
[[nodiscard]] Parallelism read_parallelism(Reader in, int cluster_ranks);

struct RoutingSection {
  RoutingConfig config;
  std::vector<int> placement;
};
/// @param sources opens traces; null when describing
/// @param moe of the model, null when it has no MoE layers or could not be read
/// @param ep ranks over which the experts are placed
[[nodiscard]] RoutingSection read_routing(Reader in, Sources* sources, const MoeLayer* moe, int ep);

[[nodiscard]] TrainingWorkload read_training(Reader in);
[[nodiscard]] InferenceWorkload read_inference(Reader in);

/// Problems that a room below found in what a section described, placed at the keys that they name.
void place_problems(const InputError& error, const ConfigPtr& section, const std::string& path, ReadLog& log);

}  // namespace moesim
