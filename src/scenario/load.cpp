#include "moesim/scenario/load.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "scenario/loader.hpp"

namespace moesim {

std::vector<Scenario> load_scenario(const std::filesystem::path& file, const std::vector<Override>& overrides,
                                    const ConfigRoots& roots) {
  Loader loader(roots);
  return loader.scenarios(loader.open(file, FileKind::scenario), overrides);
}

ScenarioLoader::ScenarioLoader(ConfigRoots roots) : loader_(std::make_unique<Loader>(std::move(roots))) {}
ScenarioLoader::ScenarioLoader(ScenarioLoader&&) noexcept = default;
ScenarioLoader& ScenarioLoader::operator=(ScenarioLoader&&) noexcept = default;
ScenarioLoader::~ScenarioLoader() = default;

std::vector<Scenario> ScenarioLoader::load(const std::filesystem::path& file, const std::vector<Override>& overrides) {
  return loader_->scenarios(loader_->open(file, FileKind::scenario), overrides);
}

std::vector<Scenario> ScenarioLoader::load_text(const std::string& text, const std::string& name) {
  return loader_->scenarios(loader_->open_text(text, name), {});
}

std::vector<Scenario> load_scenario_text(const std::string& text, const std::string& name, const ConfigRoots& roots) {
  return ScenarioLoader(roots).load_text(text, name);
}

Cluster load_cluster(const std::filesystem::path& file, const std::vector<Override>& overrides,
                     const ConfigRoots& roots, bool ideal) {
  Loader loader(roots);
  return loader.cluster(loader.open(file, FileKind::cluster), overrides, ideal);
}

KernelModel load_device(const std::filesystem::path& file, const std::vector<Override>& overrides,
                        const ConfigRoots& roots) {
  Loader loader(roots);
  return loader.device(loader.open(file, FileKind::device), overrides);
}

Model load_model(const std::filesystem::path& file, const std::vector<Override>& overrides, const ConfigRoots& roots) {
  Loader loader(roots);
  return loader.model(loader.open(file, FileKind::model), overrides);
}

Framework load_framework(const std::filesystem::path& file, const std::vector<Override>& overrides,
                         const ConfigRoots& roots) {
  Loader loader(roots);
  return loader.framework(loader.open(file, FileKind::framework), overrides);
}

Calibration load_calibration(const std::filesystem::path& file) {
  Loader loader(ConfigRoots{});
  return loader.calibration(loader.open(file, FileKind::calibration));
}

namespace {

/// A scenario with variants, from the completed tree of each: what they have in common stands once.
ConfigPtr joined_cases(const std::vector<Scenario>& scenarios, const std::vector<ConfigPtr>& completed) {
  const Origin nowhere;
  std::vector<ConfigEntry> shared;
  for (const ConfigEntry& entry : completed.front()->entries()) {
    const bool common = std::all_of(completed.begin(), completed.end(), [&](const ConfigPtr& one) {
      const ConfigEntry* other = one->find(entry.key);
      return other != nullptr && same_content(entry.value, other->value);
    });
    if (common) shared.push_back(entry);
  }
  std::vector<ConfigEntry> variants;
  for (std::size_t i = 0; i < completed.size(); ++i) {
    std::vector<ConfigEntry> changes;
    for (const ConfigEntry& entry : completed[i]->entries()) {
      const bool common =
          std::any_of(shared.begin(), shared.end(), [&](const ConfigEntry& one) { return one.key == entry.key; });
      if (!common) changes.push_back(entry);
    }
    ConfigPtr own = ConfigNode::map({}, std::move(changes));
    variants.push_back(ConfigEntry{scenarios[i].variant, nowhere, std::move(own)});
  }
  ConfigPtr all = ConfigNode::map({}, std::move(variants));
  shared.push_back(ConfigEntry{"variants", nowhere, std::move(all)});
  return ConfigNode::map({}, std::move(shared));
}

}  // namespace

std::string dump_scenario(const std::filesystem::path& file, const std::vector<Override>& overrides,
                          const ConfigRoots& roots) {
  Loader loader(roots);
  std::vector<ConfigPtr> completed;
  const std::vector<Scenario> scenarios =
      loader.scenarios(loader.open(file, FileKind::scenario), overrides, &completed);
  return to_yaml(scenarios.front().variant.empty() ? completed.front() : joined_cases(scenarios, completed));
}

std::vector<std::string> shipped_names(const std::string& kind, const ConfigRoots& roots) {
  std::vector<std::string> names;
  for (const std::filesystem::path& root : roots.roots) {
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(root / "configs" / kind, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() == ".yaml") names.push_back(entry->path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace moesim
