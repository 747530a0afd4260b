#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "moesim/analytic/predict.hpp"
#include "moesim/scenario/load.hpp"
#include "moesim/scenario/points.hpp"
#include "moesim/scenario/sweep_file.hpp"
#include "moesim/sweep/columns.hpp"
#include "moesim/sweep/grid.hpp"

namespace moesim {

/// How a scenario becomes a prediction.
struct SweepEngine {
  std::string name = "analytic";
  std::function<Prediction(const Scenario&)> predict = [](const Scenario& scenario) {
    return moesim::predict(scenario);  // by name alone it is ambiguous where graph_time.hpp adds an overload
  };
};

/// A key that points set, and where its value comes from.
struct SweepSlot {
  std::string key;
  Binding::Source source = Binding::Source::axis;
  std::size_t index = 0;  ///< of the axis or derived key
};

/// A sweep that was read and checked; what all threads and ranks share. Immutable.
struct SweepPlan {
  std::filesystem::path file;
  std::vector<Override> overrides;
  ConfigRoots roots;
  SweepEngine engine;
  SweepFile sweep;
  Grid grid;
  std::vector<const SweepColumn*> columns;
  std::vector<std::string> variants;  ///< one empty name: none
  std::size_t baseline = 0;           ///< index into `variants`
  std::vector<SweepSlot> slots;       ///< in the order in which they are laid: what is dear to change comes first
  std::string header;                 ///< of the table, with its line end
  std::vector<InputFile> inputs;      ///< of the sweep before any point
  std::string fingerprint;            ///< of everything that the rows depend on
};

/// @param program version and commit; results of different programs are never mixed
/// @throws InputError
[[nodiscard]] SweepPlan plan_sweep(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                   const ConfigRoots& roots, const SweepEngine& engine, const std::string& program);

/// Keys of the slots, for a PointLoader.
[[nodiscard]] std::vector<std::string> slot_keys(const SweepPlan& plan);

}  // namespace moesim
