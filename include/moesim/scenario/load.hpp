#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "moesim/cost/calibration.hpp"
#include "moesim/scenario/scenario.hpp"

namespace moesim {

/// Where shipped files are found by name: `cluster: paper_4x8` is <root>/configs/clusters/paper_4x8.yaml, a calibration
/// <root>/calibration/<name>.yaml. A name with a slash or a .yaml ending is a path, relative to the file that says it.
/// Roots are tried in order: the nearest ancestor of the referring file that has a configs/ folder, then these.
struct ConfigRoots {
  std::vector<std::filesystem::path> roots;
};

/// `key.path=value`, from --set: replaces or adds one value before anything is read; reported as `--set:1` (the first
/// of them). Files named by a value are relative to the working directory.
struct Override {
  std::string text;
};

/// Reads a scenario and its `variants:` (one Scenario each, in file order; a scenario without variants gives one).
/// Order: the file, over its `base`; overrides, over that; each variant, over the result. An override of a shared key
/// therefore yields to a variant that sets the same key, unless it names the variant:
/// `variants.bigmac.model.moe.low_rank_ratio=0.125`.
/// Here and below `file` may also be the bare name of a shipped file, and "-" is standard input.
/// @throws InputError with all problems of all files; MachineError when reading a file fails midway
[[nodiscard]] std::vector<Scenario> load_scenario(const std::filesystem::path& file,
                                                  const std::vector<Override>& overrides, const ConfigRoots& roots);

/// The same again and again with other overrides (sweeps, searches): files are read and parsed once, and sections whose
/// content was seen before are not read again: clusters and kernel models are shared between the scenarios. Files that
/// change meanwhile are not noticed. One loader per thread.
class ScenarioLoader {
 public:
  explicit ScenarioLoader(ConfigRoots roots);
  ScenarioLoader(ScenarioLoader&&) noexcept;
  ScenarioLoader& operator=(ScenarioLoader&&) noexcept;
  ~ScenarioLoader();

  [[nodiscard]] std::vector<Scenario> load(const std::filesystem::path& file, const std::vector<Override>& overrides);
  /// A scenario from memory, reported under `name`; other files are found by name through the roots only.
  [[nodiscard]] std::vector<Scenario> load_text(const std::string& text, const std::string& name);

 private:
  std::unique_ptr<class Loader> loader_;
};

/// The completed scenario as YAML: every default written out, names of files replaced by their content; loading it
/// gives the same predictions.
[[nodiscard]] std::string dump_scenario(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                        const ConfigRoots& roots);

/// A cluster alone, for `collective`. @param ideal leaves fitted efficiencies out
[[nodiscard]] Cluster load_cluster(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                   const ConfigRoots& roots, bool ideal);
/// A device alone, with its calibration, for `kernel`.
[[nodiscard]] KernelModel load_device(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                      const ConfigRoots& roots);
[[nodiscard]] Model load_model(const std::filesystem::path& file, const std::vector<Override>& overrides,
                               const ConfigRoots& roots);
[[nodiscard]] Framework load_framework(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                       const ConfigRoots& roots);
[[nodiscard]] Calibration load_calibration(const std::filesystem::path& file);

/// Parses and reads a scenario from memory; what the fuzzer drives. Other files are found by name through `roots` only.
[[nodiscard]] std::vector<Scenario> load_scenario_text(const std::string& text, const std::string& name,
                                                       const ConfigRoots& roots);

/// Every key of every kind of file with type, unit, range, default and meaning, as Markdown: docs/configuration.md,
/// written by the readers themselves.
[[nodiscard]] std::string describe_configuration();

/// Names of the shipped files of a kind ("clusters", "devices", "models", "frameworks", "scenarios", "sweeps": folders
/// of configs/), sorted.
[[nodiscard]] std::vector<std::string> shipped_names(const std::string& kind, const ConfigRoots& roots);

}  // namespace moesim
