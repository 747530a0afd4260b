#include "scenario/draft.hpp"

#include <algorithm>
#include <utility>

namespace moesim {

Draft::Slot& Draft::slot(std::string_view key) {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.key == key; });
  if (found != slots_.end()) return *found;
  slots_.push_back(Slot{std::string(key), nullptr, {}, false});
  return slots_.back();
}

void Draft::put(std::string_view key, ConfigPtr value) { slot(key).value = std::move(value); }

void Draft::put(std::string_view key, std::string text, bool quoted) {
  put(key, ConfigNode::scalar({}, std::move(text), quoted));
}

Draft& Draft::child(std::string_view key) {
  Slot& place = slot(key);
  if (place.maps.empty()) place.maps.push_back(std::make_unique<Draft>());
  return *place.maps.front();
}

void Draft::put_empty_sequence(std::string_view key) { slot(key).is_sequence = true; }

Draft& Draft::item(std::string_view key) {
  Slot& place = slot(key);
  place.is_sequence = true;
  place.maps.push_back(std::make_unique<Draft>());
  return *place.maps.back();
}

ConfigPtr Draft::tree() const {
  std::vector<ConfigEntry> entries;
  entries.reserve(slots_.size());
  for (const Slot& slot : slots_) {
    ConfigPtr value = slot.value;
    if (value == nullptr && slot.is_sequence) {
      std::vector<ConfigPtr> items;
      items.reserve(slot.maps.size());
      for (const auto& map : slot.maps) items.push_back(map->tree());
      value = ConfigNode::sequence({}, std::move(items));
    } else if (value == nullptr) {
      value = slot.maps.front()->tree();
    }
    entries.push_back(ConfigEntry{slot.key, {}, std::move(value)});
  }
  return ConfigNode::map({}, std::move(entries));
}

namespace {

/// Whether YAML reads the bare text back as this very string and not as null, a list, an anchor, a comment ...
bool plain_is_safe(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return false;
  constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+";
  if (kSafe.find(text.front()) == std::string_view::npos &&
      !(text.front() == '-' && text.size() > 1 && text[1] >= '0' && text[1] <= '9')) {
    return false;
  }
  if (text.starts_with("...") || text.front() == '.') return false;
  const auto safe = [&](char c) { return kSafe.find(c) != std::string_view::npos || c == '-' || c == ' '; };
  return text.back() != ' ' && std::all_of(text.begin(), text.end(), safe);
}

void write_scalar(std::string& out, const std::string& text, bool quoted) {
  if (!quoted && plain_is_safe(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += c;
    }
  }
  out += '"';
}

bool is_flat(const ConfigNode& sequence) {
  return std::none_of(sequence.items().begin(), sequence.items().end(), [](const ConfigPtr& item) {
    return item->kind() != ConfigNode::Kind::scalar || item->text().size() > 40;
  });
}

void write_value(std::string& out, const ConfigNode& node, std::size_t indent);

void write_entries(std::string& out, const ConfigNode& map, std::size_t indent, bool first_in_place) {
  for (const ConfigEntry& entry : map.entries()) {
    if (!first_in_place) out.append(indent, ' ');
    first_in_place = false;
    write_scalar(out, entry.key, false);
    out += ':';
    write_value(out, *entry.value, indent);
  }
}

/// Everything after `key:` or `-`, the line's end included; `indent` is that of the key.
void write_value(std::string& out, const ConfigNode& node, std::size_t indent) {
  switch (node.kind()) {
    case ConfigNode::Kind::null:
      out += " ~\n";
      return;
    case ConfigNode::Kind::scalar:
      out += ' ';
      write_scalar(out, node.text(), node.quoted());
      out += '\n';
      return;
    case ConfigNode::Kind::sequence:
      if (is_flat(node)) {
        out += " [";
        for (std::size_t i = 0; i < node.items().size(); ++i) {
          if (i > 0) out += ", ";
          write_scalar(out, node.items()[i]->text(), node.items()[i]->quoted());
        }
        out += "]\n";
        return;
      }
      out += '\n';
      for (const ConfigPtr& item : node.items()) {
        out.append(indent + 2, ' ');
        out += '-';
        if (item->is_map() && !item->entries().empty()) {
          out += ' ';
          write_entries(out, *item, indent + 4, true);
        } else {
          write_value(out, *item, indent + 2);
        }
      }
      return;
    case ConfigNode::Kind::map:
      if (node.entries().empty()) {
        out += " {}\n";
        return;
      }
      out += '\n';
      write_entries(out, node, indent + 2, false);
      return;
  }
}

}  // namespace

std::string to_yaml(const ConfigPtr& tree) {
  if (tree->is_map() && tree->entries().empty()) return "{}\n";
  std::string out;
  write_entries(out, *tree, 0, false);
  return out;
}

}  // namespace moesim
