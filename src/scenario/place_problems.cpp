#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "scenario/reader_words.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

/// Follows one part of a path, "name" or "name[3]", as far as it goes; null: there is no such value.
ConfigPtr step(const ConfigPtr& node, std::string_view part) {
  const std::size_t bracket = std::min(part.find('['), part.size());
  const ConfigEntry* entry = node->find(part.substr(0, bracket));
  if (entry == nullptr) return nullptr;
  if (bracket == part.size()) return entry->value;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data() + bracket + 1, part.data() + part.size(), index);
  if (error != std::errc{} || index >= entry->value->items().size()) return nullptr;
  return entry->value->items()[index];
}

/// The value at a dotted path, or the nearest map around where it would stand.
struct Found {
  ConfigPtr node;
  bool whole = true;
};
Found find_path(ConfigPtr node, std::string_view path) {
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const ConfigPtr next = step(node, path.substr(0, dot));
    if (next == nullptr) return {node, false};
    node = next;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return {node, true};
}

/// Whether `text` holds the name as a word of its own (in quotes, between blanks).
bool names(std::string_view text, std::string_view name) {
  constexpr std::string_view kAround = " \"'(),:";
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const bool begins = at == 0 || kAround.find(text[at - 1]) != std::string_view::npos;
    const bool ends = end == text.size() || kAround.find(text[end]) != std::string_view::npos;
    if (begins && ends) return true;
  }
  return false;
}

/// Problems of an explicit graph speak of nodes by name: the entry of the first that one does, or nothing.
std::string key_of_named_node(const ConfigPtr& section, std::string_view message) {
  const ConfigEntry* list = section->find("nodes_list");
  if (list == nullptr) return {};
  const std::vector<ConfigPtr>& nodes = list->value->items();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ConfigEntry* name = nodes[i]->find("name");
    if (name != nullptr && !name->value->text().empty() && names(message, name->value->text())) {
      return "nodes_list[" + std::to_string(i) + "]";
    }
  }
  return {};
}

}  // namespace

void place_problems(const InputError& error, const ConfigPtr& section, const std::string& path, ReadLog& log) {
  for (Diagnostic problem : error.diagnostics()) {
    if (problem.file.empty()) {
      if (problem.key.empty()) problem.key = key_of_named_node(section, problem.message);
      const Found found = find_path(section, problem.key);
      const Origin& where = found.node->origin();
      if (where.file) problem.file = *where.file;
      problem.line = where.line;
      problem.column = where.column;
      if (!path.empty()) problem.key = problem.key.empty() ? path : path + "." + problem.key;
      if (found.whole && found.node->kind() == ConfigNode::Kind::scalar) problem.key += " = " + shown(*found.node);
    }
    log.problems.push_back(std::move(problem));
  }
}

}  // namespace moesim
