#include "moesim/scenario/points.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "scenario/loader.hpp"
#include "scenario/override.hpp"
#include "scenario/reader_words.hpp"

namespace moesim {
namespace {

constexpr std::string_view kScenario = "scenario";

const ConfigNode* at_path(const ConfigNode* node, std::span<const std::string> path) {
  for (const std::string& key : path) {
    const ConfigEntry* entry = node->find(key);
    if (entry == nullptr) return nullptr;
    node = entry->value.get();
  }
  return node;
}

std::optional<PlacedText> scalar_at(const ConfigPtr& tree, const std::string& key) {
  const ConfigNode* node = at_path(tree.get(), split_path(key));
  if (node == nullptr || node->kind() != ConfigNode::Kind::scalar) return std::nullopt;
  return PlacedText{.text = node->text(), .quoted = node->quoted()};
}

std::vector<std::string> variant_names(const ConfigPtr& whole) {
  std::vector<std::string> names;
  if (const ConfigEntry* variants = whole->find("variants")) {
    for (const ConfigEntry& entry : variants->value->entries()) names.push_back(entry.key);
  }
  if (names.empty()) names.emplace_back();
  return names;
}

}  // namespace

struct PointLoader::State {
  explicit State(ConfigRoots roots) : loader(std::move(roots)) {}

  Loader loader;
  std::vector<Override> overrides;
  ConfigPtr root;                               ///< before references are followed and overrides laid
  std::vector<std::vector<std::string>> paths;  ///< by key
  std::vector<std::string> variants;
  std::vector<ConfigPtr> trees;      ///< [k]: with the first k values laid over the scenario
  std::vector<ConfigPtr> values;     ///< laid last time
  std::size_t laid = 0;              ///< trees[0 .. laid] are those of `values`
  std::vector<ConfigPtr> completed;  ///< by variant; made when a constant is asked for
  std::vector<InputFile> inputs;
};

PointLoader::PointLoader(const std::filesystem::path& file, const std::vector<Override>& overrides,
                         const ConfigRoots& roots, const std::vector<std::string>& keys)
    : state_(std::make_unique<State>(roots)) {
  const ConfigPtr opened = state_->loader.open(file, FileKind::scenario);
  const ConfigEntry* scenario = opened->find(kScenario);
  state_->root = scenario != nullptr ? scenario->value : opened;
  state_->overrides = overrides;
  const ConfigPtr whole = state_->loader.whole(state_->root, overrides);
  state_->inputs = state_->loader.files_behind_whole();
  state_->variants = variant_names(whole);
  state_->trees.assign(keys.size() + 1, nullptr);
  state_->trees.front() = whole;
  state_->values.assign(keys.size(), nullptr);
  std::vector<Diagnostic> problems;
  for (const std::string& key : keys) {
    state_->paths.push_back(split_path(key));
    const std::vector<std::string>& path = state_->paths.back();
    if (path.empty()) {
      problems.push_back({.key = key, .message = "is no key of a scenario (e.g. model.moe.top_k)"});
    } else if (path.front() == "variants" &&
               (path.size() < 3 ||
                std::find(state_->variants.begin(), state_->variants.end(), path[1]) == state_->variants.end())) {
      problems.push_back({.key = key,
                          .message = fmt::format("names no key of a variant of the scenario (variants.NAME.key...; "
                                                 "there are: {})",
                                                 fmt::join(state_->variants, ", "))});
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
}

PointLoader::PointLoader(PointLoader&&) noexcept = default;
PointLoader& PointLoader::operator=(PointLoader&&) noexcept = default;
PointLoader::~PointLoader() = default;

PointValue PointLoader::value(const PlacedText& text) {
  const Origin origin{std::make_shared<const std::string>(text.file), text.line, text.column};
  if (text.text == "~" && !text.quoted) return ConfigNode::null(origin);
  return ConfigNode::scalar(origin, text.text, text.quoted);
}

std::vector<std::shared_ptr<const Scenario>> PointLoader::load(std::span<const PointValue> values) {
  State& state = *state_;
  MOESIM_EXPECTS(values.size() == state.paths.size());
  std::size_t same = 0;
  while (same < state.laid && state.values[same] == values[same]) ++same;
  for (std::size_t k = same; k < values.size(); ++k) {
    state.values[k] = values[k];
    state.trees[k + 1] = values[k] == nullptr ? state.trees[k] : with_value(state.trees[k], state.paths[k], values[k]);
  }
  state.laid = values.size();
  return state.loader.shared_scenarios(state.trees.back());
}

const std::vector<std::string>& PointLoader::variants() const { return state_->variants; }

std::optional<PlacedText> PointLoader::constant(const std::string& key, std::size_t variant) {
  State& state = *state_;
  if (state.completed.empty()) {
    static_cast<void>(state.loader.scenarios(state.root, state.overrides, &state.completed));
  }
  MOESIM_EXPECTS(variant < state.completed.size());
  return scalar_at(state.completed[variant], key);
}

std::optional<PlacedText> PointLoader::written(const std::string& key) const {
  return scalar_at(state_->trees.front(), key);
}

std::vector<InputFile> PointLoader::inputs() const { return state_->inputs; }

}  // namespace moesim
