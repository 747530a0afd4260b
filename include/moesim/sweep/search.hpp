#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/scenario/points.hpp"

namespace moesim {

/// A key and the values that the search may give it.
struct SearchKey {
  std::string key;
  std::vector<std::string> values;
};

struct SearchOptions {
  std::vector<int> gpus = {};             ///< empty: all of the cluster
  std::vector<SearchKey> structure = {};  ///< further keys, e.g. of the expert structure
  bool equal_parameters = false;          ///< only models as large as the scenario's (2 %)
  bool equal_flops = false;               ///< only models with as many FLOPs a step
  bool gpu_time = false;                  ///< the least GPU time, not the least time
  bool pareto = false;                    ///< also everything that nothing beats in time, memory and GPUs at once
  bool exhaustive = false;                ///< no bounds: every layout is predicted
  std::size_t top = 10;
  std::string variant = {};  ///< empty: the first
};

struct FoundLayout {
  std::vector<std::pair<std::string, std::string>> settings;  ///< key and value
  int gpus = 0;
  std::shared_ptr<const Prediction> prediction;
  double value = 0;  ///< of the objective [s] or [GPU s]
};

struct SearchResult {
  std::vector<FoundLayout> best;    ///< best first, at most `top`
  std::vector<FoundLayout> pareto;  ///< by time
  std::uint64_t layouts = 0;        ///< of the space, those that divide
  std::uint64_t invalid = 0;        ///< that the scenario refuses
  std::uint64_t too_large = 0;      ///< for the GPUs' memory
  std::uint64_t pruned = 0;         ///< whose lower bound is no better than what was found
  std::uint64_t predicted = 0;
};

/// The best layouts of a scenario that fit into memory: degrees of parallelism that divide the GPUs, ZeRO stage,
/// micro-batch, recomputation, pipeline schedule, all-to-all algorithm. Exact: branch and bound by `step_time_bound`;
/// layouts that share their kernels share the bound, and whole groups whose bound is no better are never predicted.
/// @throws InputError when nothing is valid
[[nodiscard]] SearchResult search_layouts(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                          const ConfigRoots& roots, const SearchOptions& options);

}  // namespace moesim
