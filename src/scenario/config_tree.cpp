#include "scenario/config_tree.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

/// FNV-1a step over a whole word; good enough to find equal trees, which are then compared.
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  hash = (hash ^ word) * kPrime;
  return hash ^ (hash >> 32U);
}

std::size_t saturating_add(std::size_t a, std::size_t b) {
  return a > std::numeric_limits<std::size_t>::max() - b ? std::numeric_limits<std::size_t>::max() : a + b;
}

std::optional<std::size_t> index_of(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return index;
}

}  // namespace

void ConfigNode::seal() {
  hash_ = mix(mix(0xcbf29ce484222325, static_cast<std::uint64_t>(kind_)), quoted_ ? 1 : 0);
  if (kind_ == Kind::scalar) hash_ = mix(hash_, std::hash<std::string>{}(text_));
  for (const ConfigPtr& item : items_) {
    hash_ = mix(hash_, item->hash_);
    expanded_size_ = saturating_add(expanded_size_, item->expanded_size_);
  }
  for (const ConfigEntry& entry : entries_) {
    hash_ = mix(mix(hash_, std::hash<std::string>{}(entry.key)), entry.value->hash_);
    expanded_size_ = saturating_add(expanded_size_, entry.value->expanded_size_);
  }
}

ConfigPtr ConfigNode::null(Origin origin) {
  std::shared_ptr<ConfigNode> node(new ConfigNode);
  node->origin_ = std::move(origin);
  node->seal();
  return node;
}

ConfigPtr ConfigNode::scalar(Origin origin, std::string text, bool quoted) {
  std::shared_ptr<ConfigNode> node(new ConfigNode);
  node->kind_ = Kind::scalar;
  node->origin_ = std::move(origin);
  node->text_ = std::move(text);
  node->quoted_ = quoted;
  node->seal();
  return node;
}

ConfigPtr ConfigNode::sequence(Origin origin, std::vector<ConfigPtr> items) {
  std::shared_ptr<ConfigNode> node(new ConfigNode);
  node->kind_ = Kind::sequence;
  node->origin_ = std::move(origin);
  node->items_ = std::move(items);
  node->seal();
  return node;
}

ConfigPtr ConfigNode::map(Origin origin, std::vector<ConfigEntry> entries) {
  std::shared_ptr<ConfigNode> node(new ConfigNode);
  node->kind_ = Kind::map;
  node->origin_ = std::move(origin);
  node->entries_ = std::move(entries);
  node->seal();
  return node;
}

const ConfigEntry* ConfigNode::find(std::string_view key) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const ConfigEntry& entry) { return entry.key == key; });
  return found == entries_.end() ? nullptr : &*found;
}

bool same_content(const ConfigPtr& a, const ConfigPtr& b) {
  if (a == b) return true;
  if (a->content_hash() != b->content_hash() || a->kind() != b->kind() || a->quoted() != b->quoted() ||
      a->text() != b->text()) {
    return false;
  }
  return std::equal(a->items().begin(), a->items().end(), b->items().begin(), b->items().end(), same_content) &&
         std::equal(a->entries().begin(), a->entries().end(), b->entries().begin(), b->entries().end(),
                    [](const ConfigEntry& x, const ConfigEntry& y) {
                      return x.key == y.key && same_content(x.value, y.value);
                    });
}

ConfigPtr with_entry(const ConfigPtr& map, ConfigEntry entry) {
  MOESIM_EXPECTS(map->is_map());
  std::vector<ConfigEntry> entries = map->entries();
  const auto place =
      std::find_if(entries.begin(), entries.end(), [&](const ConfigEntry& old) { return old.key == entry.key; });
  if (place == entries.end()) {
    entries.push_back(std::move(entry));
  } else {
    *place = std::move(entry);
  }
  return ConfigNode::map(map->origin(), std::move(entries));
}

ConfigPtr without_key(const ConfigPtr& map, std::string_view key) {
  MOESIM_EXPECTS(map->is_map());
  if (map->find(key) == nullptr) return map;
  std::vector<ConfigEntry> entries = map->entries();
  std::erase_if(entries, [&](const ConfigEntry& entry) { return entry.key == key; });
  return ConfigNode::map(map->origin(), std::move(entries));
}

namespace {

/// What a map is laid over: a map as it is, a name as the `base` of a map, nothing as an empty map.
ConfigPtr as_map(const ConfigPtr& node, const Origin& origin) {
  switch (node->kind()) {
    case ConfigNode::Kind::map:
      return node;
    case ConfigNode::Kind::scalar:
      return ConfigNode::map(node->origin(), {ConfigEntry{"base", node->origin(), node}});
    case ConfigNode::Kind::null:
    case ConfigNode::Kind::sequence:
      break;
  }
  return ConfigNode::map(origin, {});
}

}  // namespace

ConfigPtr merged(const ConfigPtr& under, const ConfigPtr& over) {
  if (!over->is_map() || under->kind() == ConfigNode::Kind::null || under->kind() == ConfigNode::Kind::sequence) {
    return over;
  }
  ConfigPtr base = as_map(under, over->origin());
  if (over->entries().empty()) return base;
  std::vector<ConfigEntry> entries = base->entries();
  const std::size_t known = entries.size();
  for (const ConfigEntry& entry : over->entries()) {
    const auto end = entries.begin() + static_cast<std::ptrdiff_t>(known);
    const auto place = std::find_if(entries.begin(), end, [&](const ConfigEntry& old) { return old.key == entry.key; });
    if (place == end) {
      entries.push_back(entry);
    } else {
      *place = ConfigEntry{entry.key, entry.origin, merged(place->value, entry.value)};
    }
  }
  return ConfigNode::map(over->origin(), std::move(entries));
}

ConfigPtr with_value(const ConfigPtr& root, std::span<const std::string> path, const ConfigPtr& value) {
  if (path.empty()) return merged(root, value);
  if (root->kind() == ConfigNode::Kind::sequence) {
    const auto index = index_of(path.front());
    if (index && *index < root->items().size()) {
      std::vector<ConfigPtr> items = root->items();
      items[*index] = with_value(items[*index], path.subspan(1), value);
      return ConfigNode::sequence(root->origin(), std::move(items));
    }
  }
  const ConfigPtr base = as_map(root, value->origin());
  const ConfigEntry* old = base->find(path.front());
  const ConfigPtr inner = old != nullptr ? old->value : ConfigNode::null(value->origin());
  const Origin& origin = old != nullptr ? old->origin : value->origin();
  return with_entry(base, ConfigEntry{path.front(), origin, with_value(inner, path.subspan(1), value)});
}

}  // namespace moesim
