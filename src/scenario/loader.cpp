#include "scenario/loader.hpp"

#include <algorithm>
#include <array>
#include <system_error>
#include <tuple>
#include <utility>

#include "scenario/choices.hpp"
#include "scenario/override.hpp"
#include "scenario/reader_words.hpp"
#include "scenario/scenario_keys.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostVariants = 100;
constexpr std::string_view kVariants = "variants";

/// Throws what was found: each problem once (variants share sections), file by file in the order in which they came up,
/// from top to bottom.
void raise(ReadLog& log) {
  if (log.problems.empty()) return;
  std::vector<Diagnostic> unique;
  std::vector<std::string> files;
  for (Diagnostic& problem : log.problems) {
    if (std::find(files.begin(), files.end(), problem.file) == files.end()) files.push_back(problem.file);
    if (std::find(unique.begin(), unique.end(), problem) == unique.end()) unique.push_back(std::move(problem));
  }
  std::stable_sort(unique.begin(), unique.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    const auto place = [&](const Diagnostic& one) {
      return std::tuple(std::find(files.begin(), files.end(), one.file) - files.begin(), one.line, one.column);
    };
    return place(a) < place(b);
  });
  throw InputError(std::move(unique));
}

void append_new(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
}

Draft* child_of(Draft* draft, std::string_view key) { return draft == nullptr ? nullptr : &draft->child(key); }

/// Overrides cannot make a variant, only change one.
void check_variant_names(const ConfigPtr& root, const std::vector<Override>& overrides, ReadLog& log) {
  const ConfigEntry* variants = root->find(kVariants);
  std::vector<std::string_view> names;
  if (variants != nullptr) {
    for (const ConfigEntry& entry : variants->value->entries()) names.emplace_back(entry.key);
  }
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    const std::string_view path = std::string_view(overrides[i].text).substr(0, overrides[i].text.find('='));
    if (!path.starts_with("variants.")) continue;
    const std::string_view rest = path.substr(kVariants.size() + 1);
    const std::string_view name = rest.substr(0, rest.find('.'));
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    log.problems.push_back({"--set", static_cast<int>(i) + 1, 0, std::string(path),
                            fmt::format("names no variant of the scenario (there are: {}){}",
                                        names.empty() ? std::string("none") : joined(names), suggestion(name, names))});
  }
}

}  // namespace

ConfigPtr Loader::open(const std::filesystem::path& file, FileKind kind) {
  ReadLog log;
  sources_.forget_used();
  const std::string name = file.string();
  std::error_code error;
  const bool bare = name != "-" && name.find('/') == std::string::npos && !name.ends_with(".yaml") &&
                    !name.ends_with(".yml") && !std::filesystem::exists(file, error);
  ConfigPtr tree;
  if (bare) {
    const Origin origin{std::make_shared<const std::string>("command line"), 0, 0};
    tree = sources_.resolve(ConfigNode::scalar(origin, name), kind, {}, log.problems);
  } else {
    tree = sources_.open(file, log.problems);
  }
  raise(log);
  return tree;
}

ConfigPtr Loader::open_text(const std::string& text, const std::string& name) {
  ReadLog log;
  sources_.forget_used();
  ConfigPtr tree = sources_.open_text(text, name, log.problems);
  raise(log);
  return tree;
}

std::vector<Loader::Case> Loader::cases(const ConfigPtr& root, ReadLog& log) const {
  const ConfigEntry* variants = root->find(kVariants);
  ConfigPtr shared = without_key(root, kVariants);
  if (variants == nullptr || variants->value->kind() == ConfigNode::Kind::null) return {Case{{}, std::move(shared)}};
  Reader in(variants->value, std::string(kVariants), log);
  std::vector<Case> all;
  for (const std::string& name : in.keys({}, kMostVariants)) {
    const ConfigPtr& changes = variants->value->find(name)->value;
    if (!changes->is_map() && changes->kind() != ConfigNode::Kind::null) {
      in.problem(name, "must be a map of what this variant changes ({} for nothing)");
      continue;
    }
    all.push_back({name, changes->is_map() ? merged(shared, changes) : shared});
  }
  if (variants->value->is_map() && variants->value->entries().empty()) all.push_back({{}, std::move(shared)});
  return all;
}

ConfigPtr Loader::section(Reader& in, const Key& key, FileKind kind) {
  const ConfigPtr raw = in.section(key);
  if (raw == nullptr) return nullptr;
  if (const Resolved* known = resolved_.find_same(raw)) {
    sources_.use(known->files);
    return known->tree;
  }
  const std::vector<InputFile> used_before = sources_.used();
  sources_.restore_used({});
  const std::size_t before = in.log().problems.size();
  Resolved resolved{sources_.resolve(raw, kind, std::string(key.name), in.log().problems), sources_.used()};
  sources_.restore_used(used_before);
  sources_.use(resolved.files);
  if (in.log().problems.size() > before) return resolved.tree;
  return resolved_.put(raw, std::move(resolved)).tree;
}

ConfigPtr Loader::overridden(const ConfigPtr& root, const std::vector<Override>& overrides, FileKind kind,
                             ReadLog& log) {
  const ConfigPtr changed = apply_overrides(root, overrides, log.problems);
  ConfigPtr tree = sources_.resolve(changed, kind, {}, log.problems);
  if (tree == nullptr) raise(log);
  return tree;
}

// --- sections

std::optional<Model> Loader::model_of(const ConfigPtr& tree, ReadLog& log, Draft* completed) {
  if (completed == nullptr) {
    if (const Model* known = models_.find(tree)) return *known;
  }
  const std::size_t before = log.problems.size();
  Model model = read_model(Reader(tree, "model", log, completed));
  if (log.problems.size() > before) return std::nullopt;
  return models_.put(tree, std::move(model));
}

std::optional<Loader::DeviceModel> Loader::device_of(const ConfigPtr& tree, const std::string& path, ReadLog& log,
                                                     Draft* completed) {
  if (completed == nullptr) {
    if (const DeviceModel* known = devices_.find(tree)) return *known;
  }
  const std::size_t before = log.problems.size();
  DeviceSection section = read_device(Reader(tree, path, log, completed));
  if (log.problems.size() > before) return std::nullopt;
  try {
    check_device(section.device);
    DeviceModel made{std::make_shared<const KernelModel>(std::move(section.device), std::move(section.calibration)),
                     std::move(section.assumptions)};
    return devices_.put(tree, std::move(made));
  } catch (const InputError& error) {
    place_problems(error, tree, path, log);
    return std::nullopt;
  }
}

std::optional<Cluster> Loader::cluster_of(const ConfigPtr& tree, const std::string& path, ReadLog& log,
                                          Draft* completed, bool ideal) {
  const ConfigPtr network = tree->is_map() ? without_key(tree, "device") : tree;
  if (completed == nullptr && !ideal) {
    if (const Cluster* known = clusters_.find(network)) return *known;
  }
  const std::size_t before = log.problems.size();
  ClusterSection section = read_cluster(Reader(network, path, log, completed));
  if (log.problems.size() > before) return std::nullopt;
  try {
    Cluster cluster;
    cluster.name = section.config.name;
    cluster.transport = section.config.transport;
    cluster.assumptions = section.config.assumptions;
    cluster.topology = std::make_shared<const Topology>(build_topology(section.config));
    cluster.collectives = std::make_shared<const CollectiveModel>(cluster.topology, cluster.transport,
                                                                  std::move(section.calibration), ideal);
    return ideal ? cluster : clusters_.put(network, std::move(cluster));
  } catch (const InputError& error) {
    place_problems(error, network, path, log);
    return std::nullopt;
  }
}

FrameworkSection Loader::framework_of(const ConfigPtr& tree, ReadLog& log, Draft* completed) {
  if (completed == nullptr) {
    if (const FrameworkSection* known = frameworks_.find(tree)) return *known;
  }
  const std::size_t before = log.problems.size();
  FrameworkSection section = read_framework(Reader(tree, "framework", log, completed));
  if (log.problems.size() > before) return section;
  return frameworks_.put(tree, std::move(section));
}

// --- scenarios

std::optional<Scenario> Loader::read_case(const Case& one, ReadLog& log, Draft* completed) {
  const std::size_t before = log.problems.size();
  Reader in(one.tree, {}, log, completed);
  Scenario scenario;
  scenario.variant = one.variant;
  scenario.name = in.text(scenario_keys::kName);
  const Mode mode = in.choice(scenario_keys::kMode, kModeChoices);

  const ConfigPtr cluster_tree = section(in, scenario_keys::kCluster, FileKind::cluster);
  std::optional<Cluster> cluster;
  std::optional<DeviceModel> device;
  if (cluster_tree != nullptr) {
    Draft* draft = child_of(completed, "cluster");
    cluster = cluster_of(cluster_tree, "cluster", log, draft, false);
    const ConfigEntry* device_tree = cluster_tree->find("device");
    if (device_tree != nullptr && device_tree->value->kind() != ConfigNode::Kind::null) {
      device = device_of(device_tree->value, "cluster.device", log, child_of(draft, "device"));
    } else if (cluster) {
      in.problem("cluster", "has no device (how long kernels take follows from the GPU) add cluster.device");
    }
  }
  const ConfigPtr model_tree = section(in, scenario_keys::kModel, FileKind::model);
  const auto model = model_tree == nullptr ? std::nullopt : model_of(model_tree, log, child_of(completed, "model"));
  const ConfigPtr framework_tree = section(in, scenario_keys::kFramework, FileKind::framework);
  FrameworkSection framework;
  if (framework_tree != nullptr) {
    framework = framework_of(framework_tree, log, child_of(completed, "framework"));
  }

  const auto plain_section = [&](const Key& key, bool required) {
    ConfigPtr tree = in.raw(key, "map");
    if (tree == nullptr && required) in.problem(key.name, fmt::format("is missing ({}) give a map", key.what));
    if (tree == nullptr && !required) tree = ConfigNode::map(one.tree->origin(), {});
    return tree;
  };
  const ConfigPtr parallelism_tree = plain_section(scenario_keys::kParallelism, false);
  scenario.parallelism =
      read_parallelism(Reader(parallelism_tree, "parallelism", log, child_of(completed, "parallelism")),
                       cluster ? cluster->topology->ranks() : 0);
  const ConfigPtr workload_tree = plain_section(scenario_keys::kWorkload, true);
  if (workload_tree != nullptr) {
    Reader workload(workload_tree, "workload", log, child_of(completed, "workload"));
    if (mode == Mode::training) {
      scenario.workload = read_training(std::move(workload));
    } else {
      scenario.workload = read_inference(std::move(workload));
    }
  }
  const ConfigPtr routing_tree = plain_section(scenario_keys::kRouting, false);
  RoutingSection routing = read_routing(Reader(routing_tree, "routing", log, child_of(completed, "routing")), &sources_,
                                        model && model->moe ? &*model->moe : nullptr, scenario.parallelism.ep);
  scenario.assumptions = in.texts(scenario_keys::kAssumptions, kMostAssumptions);
  in.reject_unknown_keys();
  if (!cluster || !device || !model || log.problems.size() > before) return std::nullopt;

  append_new(scenario.assumptions, cluster->assumptions);
  append_new(scenario.assumptions, device->assumptions);
  append_new(scenario.assumptions, framework.assumptions);
  scenario.model = *model;
  scenario.cluster = *std::move(cluster);
  scenario.cluster.device_name = device->kernels->device().name;
  scenario.kernels = device->kernels;
  scenario.framework = std::move(framework.framework);
  scenario.routing = std::move(routing.config);
  scenario.expert_placement = std::move(routing.placement);
  scenario.inputs = sources_.used();
  Reader at_model(model_tree, "model", log);
  Reader at_parallelism(parallelism_tree, "parallelism", log);
  Reader at_workload(workload_tree, "workload", log);
  check_scenario(scenario, {at_model, at_parallelism, at_workload});
  return scenario;
}

ConfigPtr Loader::whole(const ConfigPtr& root, const std::vector<Override>& overrides, ReadLog& log) {
  const ConfigPtr tree = sources_.resolve(root, FileKind::scenario, {}, log.problems);
  if (tree == nullptr) raise(log);
  check_variant_names(tree, overrides, log);
  return apply_overrides(tree, overrides, log.problems);
}

ConfigPtr Loader::whole(const ConfigPtr& root, const std::vector<Override>& overrides) {
  ReadLog log;
  ConfigPtr tree = whole(root, overrides, log);
  raise(log);
  used_by_all_ = sources_.used();
  return tree;
}

std::vector<std::shared_ptr<const Scenario>> Loader::shared_scenarios(const ConfigPtr& whole) {
  ReadLog log;
  std::vector<std::shared_ptr<const Scenario>> all;
  for (const Case& one : cases(whole, log)) {
    if (const auto* known = scenarios_.find(one.tree)) {
      // Two variants may be equal but for their names.
      if ((*known)->variant == one.variant) {
        all.push_back(*known);
        continue;
      }
    }
    sources_.restore_used(used_by_all_);
    auto scenario = read_case(one, log, nullptr);
    if (!log.problems.empty() || !scenario) continue;
    all.push_back(scenarios_.put(one.tree, std::make_shared<const Scenario>(*std::move(scenario))));
  }
  raise(log);
  return all;
}

std::vector<Scenario> Loader::scenarios(const ConfigPtr& root, const std::vector<Override>& overrides,
                                        std::vector<ConfigPtr>* completed) {
  ReadLog log;
  const ConfigPtr changed = whole(root, overrides, log);
  const std::vector<InputFile> used_by_all = sources_.used();
  std::vector<Scenario> all;
  for (const Case& one : cases(changed, log)) {
    sources_.restore_used(used_by_all);
    Draft draft;
    auto scenario = read_case(one, log, completed != nullptr ? &draft : nullptr);
    if (!scenario) continue;
    if (completed != nullptr) completed->push_back(draft.tree());
    all.push_back(*std::move(scenario));
  }
  sources_.restore_used(used_by_all);
  raise(log);
  return all;
}

Cluster Loader::cluster(const ConfigPtr& root, const std::vector<Override>& overrides, bool ideal) {
  ReadLog log;
  const ConfigPtr tree = overridden(root, overrides, FileKind::cluster, log);
  auto cluster = cluster_of(tree, {}, log, nullptr, ideal);
  const ConfigEntry* device = tree->find("device");
  if (device != nullptr && device->value->kind() != ConfigNode::Kind::null) {
    const auto read = device_of(device->value, "device", log, nullptr);
    if (read && cluster) cluster->device_name = read->kernels->device().name;
  }
  raise(log);
  return *std::move(cluster);
}

KernelModel Loader::device(const ConfigPtr& root, const std::vector<Override>& overrides) {
  ReadLog log;
  const auto device = device_of(overridden(root, overrides, FileKind::device, log), {}, log, nullptr);
  raise(log);
  return *device->kernels;
}

Model Loader::model(const ConfigPtr& root, const std::vector<Override>& overrides) {
  ReadLog log;
  const auto model = model_of(overridden(root, overrides, FileKind::model, log), log, nullptr);
  raise(log);
  return *model;
}

Framework Loader::framework(const ConfigPtr& root, const std::vector<Override>& overrides) {
  ReadLog log;
  FrameworkSection section = read_framework(Reader(overridden(root, overrides, FileKind::framework, log), {}, log));
  raise(log);
  return std::move(section.framework);
}

Calibration Loader::calibration(const ConfigPtr& root) {
  ReadLog log;
  Calibration calibration = read_calibration(Reader(overridden(root, {}, FileKind::calibration, log), {}, log));
  raise(log);
  return calibration;
}

}  // namespace moesim
