#include "scenario/sources.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <system_error>
#include <utility>
#include <variant>

#include "moesim/scenario/file_text.hpp"

#include "scenario/config_parse.hpp"
#include "scenario/reader_words.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBase = "base";
constexpr std::string_view kOverride = "--set";  // origin of overrides; see override.cpp
constexpr std::size_t kLongestChain = 16;        // of files that take each other as base

const NamedFileKind& named(FileKind kind) { return kFileKinds[static_cast<std::size_t>(kind)]; }

/// As messages and outputs show it: relative to where the user is, when the file is below.
std::string display_path(const fs::path& path) {
  if (path == "-" || path.is_relative()) return path.lexically_normal().string();
  std::error_code error;
  const fs::path here = fs::current_path(error);
  const fs::path relative = error ? fs::path() : path.lexically_relative(here);
  const bool below = !relative.empty() && *relative.begin() != "..";
  return (below ? relative : path).lexically_normal().string();
}

bool is_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.ends_with(".yaml") || name.ends_with(".yml");
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Diagnostic at(const ConfigNode& node, std::string key, std::string message) {
  const Origin& where = node.origin();
  return {where.file ? *where.file : std::string(), where.line, where.column, std::move(key), std::move(message)};
}

std::string with_shown(const std::string& key, const ConfigNode& node) {
  return key.empty() ? shown(node) : fmt::format("{} = {}", key, shown(node));
}

/// Names of the YAML files in the folders, for suggestions.
std::vector<std::string> names_in(const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      if (entry->path().extension() == ".yaml") names.push_back(entry->path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// Sections inside of a section that may themselves be references.
struct InnerReference {
  FileKind outer;
  std::string_view key;
  FileKind inner;
};
constexpr std::array kInnerReferences = {InnerReference{FileKind::cluster, "device", FileKind::device},
                                         InnerReference{FileKind::cluster, "calibration", FileKind::calibration},
                                         InnerReference{FileKind::device, "calibration", FileKind::calibration}};

}  // namespace

void Sources::use(const InputFile& input) {
  const bool known =
      std::any_of(used_.begin(), used_.end(), [&](const InputFile& one) { return one.path == input.path; });
  if (!known) used_.push_back(input);
}

ConfigPtr Sources::parse(const Located& file, std::vector<Diagnostic>& problems) {
  const std::string& name = file.shown;
  const auto known = files_.find(name);
  if (known != files_.end() && known->second.tree != nullptr) {
    use(known->second.input);
    return known->second.tree;
  }
  const auto text = read_file(file.path, kMaxFileBytes);
  if (const auto* unreadable = std::get_if<Unreadable>(&text)) {
    problems.push_back({name, 0, 0, {}, unreadable->why});
    return nullptr;
  }
  const std::size_t before = problems.size();
  ConfigPtr tree = parse_config(std::get<std::string>(text), name, problems);
  if (tree == nullptr) return nullptr;
  const InputFile input{name, fnv1a(std::get<std::string>(text))};
  if (problems.size() == before) files_[name] = File{tree, input, {}};
  use(input);
  return tree;
}

ConfigPtr Sources::open(const fs::path& file, std::vector<Diagnostic>& problems) {
  if (main_.shown.empty() || main_.path != file) main_ = {file, display_path(file)};
  memory_name_.clear();
  return parse(main_, problems);
}

ConfigPtr Sources::open_text(const std::string& text, const std::string& name, std::vector<Diagnostic>& problems) {
  memory_name_ = name;
  main_ = {};
  use(InputFile{name, fnv1a(text)});
  return parse_config(text, name, problems);
}

std::vector<fs::path> Sources::folders(FileKind kind, const std::string& referring_file) const {
  std::vector<fs::path> found;
  const auto add = [&](const fs::path& root) {
    fs::path folder = root / named(kind).folder;
    if (std::find(found.begin(), found.end(), folder) == found.end()) found.push_back(std::move(folder));
  };
  const std::string& beside = referring_file == kOverride ? main_.shown : referring_file;  // "" is where the user is
  if (beside != memory_name_ || memory_name_.empty()) {
    std::error_code error;
    const fs::path absolute = fs::absolute(beside, error);
    for (fs::path ancestor = absolute.parent_path(); !error && !ancestor.empty(); ancestor = ancestor.parent_path()) {
      if (is_folder(ancestor / "configs")) {
        add(ancestor);
        break;
      }
      if (ancestor == ancestor.root_path()) break;
    }
  }
  for (const fs::path& root : roots_.roots) add(root);
  return found;
}

const Sources::Located* Sources::locate(const Referrer& from, FileKind kind, std::vector<Diagnostic>& problems) {
  constexpr std::size_t kLongestName = 4'000;  // no file system takes longer paths
  const std::string& name = from.node.text();
  const std::string referring_file = from.node.origin().file ? *from.node.origin().file : std::string();
  const std::string place = fmt::format("{}\n{}\n{}\n{}", static_cast<int>(kind), referring_file,
                                        referring_file == kOverride ? main_.shown : "", name);
  const auto known = located_.find(place);
  if (known != located_.end()) return &known->second;
  const auto found = [&](const fs::path& file) { return &(located_[place] = Located{file, display_path(file)}); };
  if (name.empty() || name.size() > kLongestName) {
    problems.push_back(at(from.node, with_shown(from.key, from.node), "is no name of a file"));
    return nullptr;
  }
  if (is_path(name)) {
    if (in_memory(from.node.origin())) {
      problems.push_back(
          at(from.node, with_shown(from.key, from.node),
             fmt::format("is a path (a text without a file has no folder) give the name of a {}", named(kind).name)));
      return nullptr;
    }
    const fs::path folder = referring_file == kOverride ? fs::path() : fs::path(referring_file).parent_path();
    return found(folder / name);
  }
  const std::vector<fs::path> candidates = folders(kind, referring_file);
  for (const fs::path& folder : candidates) {
    const fs::path file = folder / (name + ".yaml");
    std::error_code error;
    if (fs::exists(file, error)) return found(file);
  }
  const std::vector<std::string> known_names = names_in(candidates);
  const std::vector<std::string_view> views(known_names.begin(), known_names.end());
  problems.push_back(
      at(from.node, with_shown(from.key, from.node),
         fmt::format("is no {} (there are: {}){}", named(kind).name,
                     views.empty() ? std::string("none; no folder ") + std::string(named(kind).folder) + " was found"
                                   : joined(views),
                     suggestion(name, views))));
  return nullptr;
}

ConfigPtr Sources::follow(const Referrer& from, FileKind kind, std::vector<std::string>& chain,
                          std::vector<Diagnostic>& problems) {
  if (from.node.kind() != ConfigNode::Kind::scalar) {
    problems.push_back(at(from.node, with_shown(from.key, from.node),
                          fmt::format("must be the name or path of a {} file", named(kind).name)));
    return nullptr;
  }
  const Located* file = locate(from, kind, problems);
  if (file == nullptr) return nullptr;
  const std::string& name = file->shown;
  if (std::find(chain.begin(), chain.end(), name) != chain.end() || chain.size() >= kLongestChain) {
    problems.push_back(at(from.node, with_shown(from.key, from.node),
                          "takes itself as its base, directly or through others (that would never end)"));
    return nullptr;
  }
  std::vector<Diagnostic> found;
  ConfigPtr tree = parse(*file, found);
  for (Diagnostic& problem : found) {
    // "does not exist" is the referring line's mistake; what is wrong inside of the file stands there.
    const bool unreadable = tree == nullptr && problem.line == 0;
    if (unreadable) {
      problem = at(from.node, with_shown(from.key, from.node), fmt::format("{} {}", problem.file, problem.message));
    }
    problems.push_back(std::move(problem));
  }
  if (tree == nullptr) return nullptr;
  chain.push_back(name);
  return resolve_chain(tree, kind, from.key, chain, problems);
}

ConfigPtr Sources::resolve_inner(ConfigPtr section, FileKind kind, const std::string& key,
                                 std::vector<Diagnostic>& problems) {
  for (const InnerReference& reference : kInnerReferences) {
    if (reference.outer != kind) continue;
    const ConfigEntry* entry = section->find(reference.key);
    if (entry == nullptr || entry->value->kind() == ConfigNode::Kind::null) continue;
    std::string inner_key = key.empty() ? std::string(reference.key) : fmt::format("{}.{}", key, reference.key);
    ConfigPtr inner = resolve(entry->value, reference.inner, inner_key, problems);
    if (inner == nullptr) {
      section = without_key(section, reference.key);
    } else if (inner != entry->value) {
      section = with_entry(section, ConfigEntry{entry->key, entry->origin, std::move(inner)});
    }
  }
  return section;
}

ConfigPtr Sources::resolve_chain(const ConfigPtr& section, FileKind kind, const std::string& key,
                                 std::vector<std::string>& chain, std::vector<Diagnostic>& problems) {
  if (!section->is_map()) return follow({*section, key}, kind, chain, problems);
  const ConfigEntry* base = section->find(kBase);
  if (base == nullptr) return section;
  const std::string base_key = key.empty() ? std::string(kBase) : fmt::format("{}.{}", key, kBase);
  const ConfigPtr under = follow({*base->value, base_key}, kind, chain, problems);
  return under == nullptr ? nullptr : merged(under, without_key(section, kBase));
}

ConfigPtr Sources::resolve(const ConfigPtr& section, FileKind kind, const std::string& key,
                           std::vector<Diagnostic>& problems) {
  std::vector<std::string> chain;
  ConfigPtr whole = resolve_chain(section, kind, key, chain, problems);
  return whole == nullptr ? nullptr : resolve_inner(std::move(whole), kind, key, problems);
}

std::optional<Sources::Trace> Sources::open_trace(const ConfigNode& value, const std::string& key,
                                                  std::size_t max_bytes, std::vector<Diagnostic>& problems) {
  const auto refuse = [&](std::string message) {
    problems.push_back(at(value, with_shown(key, value), std::move(message)));
    return std::nullopt;
  };
  if (in_memory(value.origin())) return refuse("is a path (a text without a file has no folder)");
  const std::string referring_file = value.origin().file ? *value.origin().file : std::string();
  const fs::path folder = referring_file == kOverride ? fs::path() : fs::path(referring_file).parent_path();
  const fs::path path = folder / value.text();
  const std::string name = display_path(path);
  auto known = files_.find(name);
  if (known == files_.end()) {
    auto text = read_file(path, max_bytes);
    if (const auto* unreadable = std::get_if<Unreadable>(&text))
      return refuse(fmt::format("{} {}", name, unreadable->why));
    auto& bytes = std::get<std::string>(text);
    const InputFile input{name, fnv1a(bytes)};
    known = files_.emplace(name, File{nullptr, input, std::move(bytes)}).first;
  }
  use(known->second.input);
  return Trace{name, &known->second.text};
}

}  // namespace moesim
