#pragma once

#include "scenario/reader.hpp"

namespace moesim::scenario_keys {

// Top level of a scenario file; read in loader.cpp, described in describe.cpp.
inline constexpr Key kName = {"name", "of the scenario, as reports print it"};
inline constexpr Key kMode = {"mode", "what runs; decides the keys of `workload`"};
inline constexpr Key kCluster = {"cluster", "the machines; see cluster"};
inline constexpr Key kModel = {"model", "the transformer; see model"};
inline constexpr Key kFramework = {"framework", "how layers are executed; see framework"};
inline constexpr Key kParallelism = {"parallelism", "the layout; absent: data parallel alone; see parallelism"};
inline constexpr Key kWorkload = {"workload", "what one iteration or batch is; see workload"};
inline constexpr Key kRouting = {"routing", "how tokens choose experts; absent: uniform; see routing"};
inline constexpr Key kAssumptions = {"assumptions", "what the scenario takes for granted; reports print it"};

}  // namespace moesim::scenario_keys
