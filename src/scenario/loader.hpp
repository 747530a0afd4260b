#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moesim/scenario/load.hpp"

#include "scenario/reader.hpp"
#include "scenario/sections.hpp"
#include "scenario/sources.hpp"
#include "scenario/tree_cache.hpp"

namespace moesim {

/// Reads scenarios and parts of them; keeps parsed files and what was made of their sections.
class Loader {
 public:
  explicit Loader(ConfigRoots roots) : sources_(std::move(roots)) {}

  /// One case of a scenario: the scenario itself, or one of its variants.
  struct Case {
    std::string variant;
    ConfigPtr tree;
  };
  /// Tree of a file that the user named: by path, or as the bare name of a shipped one. @throws InputError
  [[nodiscard]] ConfigPtr open(const std::filesystem::path& file, FileKind kind);
  [[nodiscard]] ConfigPtr open_text(const std::string& text, const std::string& name);

  /// @param completed one draft per case is appended: what was read, defaults written out; null: not wanted
  /// @throws InputError with every problem
  [[nodiscard]] std::vector<Scenario> scenarios(const ConfigPtr& root, const std::vector<Override>& overrides,
                                                std::vector<ConfigPtr>* completed = nullptr);
  /// The two halves of `scenarios`, for points of a sweep: what is the same in all of them, and the cases of one tree
  /// made from it. The same content gives the same pointer while it is remembered. @throws InputError
  [[nodiscard]] ConfigPtr whole(const ConfigPtr& root, const std::vector<Override>& overrides);
  [[nodiscard]] const std::vector<InputFile>& files_behind_whole() const { return used_by_all_; }
  [[nodiscard]] std::vector<std::shared_ptr<const Scenario>> shared_scenarios(const ConfigPtr& whole);
  [[nodiscard]] Cluster cluster(const ConfigPtr& root, const std::vector<Override>& overrides, bool ideal);
  [[nodiscard]] KernelModel device(const ConfigPtr& root, const std::vector<Override>& overrides);
  [[nodiscard]] Model model(const ConfigPtr& root, const std::vector<Override>& overrides);
  [[nodiscard]] Framework framework(const ConfigPtr& root, const std::vector<Override>& overrides);
  [[nodiscard]] Calibration calibration(const ConfigPtr& root);

 private:
  struct DeviceModel {
    std::shared_ptr<const KernelModel> kernels;
    std::vector<std::string> assumptions;
  };
  struct Resolved {
    ConfigPtr tree;
    std::vector<InputFile> files;  ///< that its references led through
  };
  [[nodiscard]] ConfigPtr whole(const ConfigPtr& root, const std::vector<Override>& overrides, ReadLog& log);
  [[nodiscard]] std::vector<Case> cases(const ConfigPtr& root, ReadLog& log) const;
  [[nodiscard]] std::optional<Scenario> read_case(const Case& one, ReadLog& log, Draft* completed);
  [[nodiscard]] ConfigPtr section(Reader& in, const Key& key, FileKind kind);
  [[nodiscard]] ConfigPtr overridden(const ConfigPtr& root, const std::vector<Override>& overrides, FileKind kind,
                                     ReadLog& log);
  [[nodiscard]] std::optional<Model> model_of(const ConfigPtr& tree, ReadLog& log, Draft* completed);
  [[nodiscard]] std::optional<DeviceModel> device_of(const ConfigPtr& tree, const std::string& path, ReadLog& log,
                                                     Draft* completed);
  [[nodiscard]] std::optional<Cluster> cluster_of(const ConfigPtr& tree, const std::string& path, ReadLog& log,
                                                  Draft* completed, bool ideal);

  [[nodiscard]] FrameworkSection framework_of(const ConfigPtr& tree, ReadLog& log, Draft* completed);

  Sources sources_;
  TreeCache<Resolved> resolved_;
  TreeCache<Model> models_;
  TreeCache<DeviceModel> devices_;
  TreeCache<Cluster> clusters_;
  TreeCache<FrameworkSection> frameworks_;
  TreeCache<std::shared_ptr<const Scenario>> scenarios_;
  std::vector<InputFile> used_by_all_;  ///< files behind `whole`
};

/// Rules between the sections of a scenario, reported at the section's keys.
struct SectionReaders {
  Reader& model;
  Reader& parallelism;
  Reader& workload;
};
/// @param scenario complete but for what is checked here
void check_scenario(const Scenario& scenario, SectionReaders at);

}  // namespace moesim
