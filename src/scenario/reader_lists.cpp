#include <algorithm>
#include <cmath>
#include <utility>

#include "moesim/base/quantity_text.hpp"

#include "scenario/reader.hpp"
#include "scenario/reader_words.hpp"

namespace moesim {

Reader Reader::child(const Key& key) {
  std::string path = path_.empty() ? std::string(key.name) : fmt::format("{}.{}", path_, key.name);
  if (describing()) {
    describe(key, "map", "", "required");
    return {ConfigNode::map({}, {}), std::move(path), *log_};
  }
  const bool given = ask(key, true, "a map of keys") != nullptr;
  return {given ? node_->find(key.name)->value : nullptr, std::move(path), *log_,
          completed_ != nullptr ? &completed_->child(key.name) : nullptr};
}

std::optional<Reader> Reader::read_child(const Key& key, std::string_view type) {
  std::string path = path_.empty() ? std::string(key.name) : fmt::format("{}.{}", path_, key.name);
  if (describing()) {
    describe(key, type, "", "-");
    return Reader(ConfigNode::map({}, {}), std::move(path), *log_);
  }
  if (ask(key, false, type) == nullptr) return std::nullopt;
  return Reader(node_->find(key.name)->value, std::move(path), *log_,
                completed_ != nullptr ? &completed_->child(key.name) : nullptr);
}

std::optional<Reader> Reader::optional_child(const Key& key) { return read_child(key, "map"); }
std::optional<Reader> Reader::optional_section(const Key& key) {
  auto section = read_child(key, "name, path or map");
  return describing() ? std::nullopt : std::move(section);  // its keys have a chapter of their own
}

ConfigPtr Reader::section(const Key& key) {
  constexpr std::string_view kType = "name, path or map";
  if (describing()) describe(key, kType, "", "required");
  return ask(key, true, kType) == nullptr ? nullptr : node_->find(key.name)->value;
}

const ConfigNode* Reader::ask_sequence(const Key& key, std::size_t max_count) {
  const ConfigNode* node = ask(key, false, "a list");
  if (node == nullptr) return nullptr;
  if (node->kind() != ConfigNode::Kind::sequence) {
    problem(key.name, fmt::format("must be a list, not {}", kind_word(*node)));
    return nullptr;
  }
  if (node->items().size() > max_count) {
    problem(key.name, fmt::format("has {} entries, more than {}", node->items().size(), max_count));
    return nullptr;
  }
  return node;
}

std::vector<Reader> Reader::children(const Key& key, std::size_t max_count) {
  std::vector<Reader> readers;
  if (describing()) {
    describe(key, "list of maps", fmt::format("at most {}", max_count), "-");
    readers.emplace_back(ConfigNode::map({}, {}), fmt::format("{}{}{}[]", path_, path_.empty() ? "" : ".", key.name),
                         *log_);
    return readers;
  }
  const ConfigNode* node = ask_sequence(key, max_count);
  if (node == nullptr) return readers;
  readers.reserve(node->items().size());
  if (completed_ != nullptr) completed_->put_empty_sequence(key.name);
  for (std::size_t i = 0; i < node->items().size(); ++i) {
    readers.emplace_back(node->items()[i], fmt::format("{}{}{}[{}]", path_, path_.empty() ? "" : ".", key.name, i),
                         *log_, completed_ != nullptr ? &completed_->item(key.name) : nullptr);
  }
  return readers;
}

std::vector<std::string> Reader::keys(std::string_view placeholder, std::size_t max_count) {
  if (describing()) return {std::string(placeholder)};
  std::vector<std::string> names;
  if (node_ == nullptr) return names;
  if (node_->entries().size() > max_count) {
    problem({}, fmt::format("has {} keys, more than {}", node_->entries().size(), max_count));
    return names;
  }
  for (const ConfigEntry& entry : node_->entries()) names.push_back(entry.key);
  return names;
}

std::vector<std::string> Reader::texts(const Key& key, std::size_t max_count) {
  if (describing()) describe(key, "list of texts", fmt::format("at most {}", max_count), "-");
  std::vector<std::string> values;
  const ConfigNode* node = ask_sequence(key, max_count);
  if (node == nullptr) return values;
  for (const ConfigPtr& item : node->items()) {
    if (item->kind() == ConfigNode::Kind::scalar) {
      values.push_back(item->text());
    } else {
      failed_.push_back(key.name);
      problem_at(*item, key.name, fmt::format("must be a list of texts, and one entry is {}", kind_word(*item)));
    }
  }
  if (completed_ != nullptr) {
    std::vector<ConfigPtr> items;
    for (const std::string& value : values) items.push_back(ConfigNode::scalar({}, value));
    completed_->put(key.name, ConfigNode::sequence({}, std::move(items)));
  }
  return values;
}

std::vector<double> Reader::numbers(const Key& key, Limits<double> limits, std::size_t max_count) {
  if (describing()) describe(key, "list of numbers", fmt::format("{} to {}", limits.lo, limits.hi), "-");
  std::vector<double> values;
  const ConfigNode* node = ask_sequence(key, max_count);
  if (node == nullptr) return values;
  std::vector<ConfigPtr> items;
  for (const ConfigPtr& item : node->items()) {
    const auto value =
        item->kind() == ConfigNode::Kind::scalar && !item->quoted() ? finite_number(item->text()) : std::nullopt;
    if (!value || *value < limits.lo || *value > limits.hi) {
      failed_.push_back(key.name);
      problem_at(*item, fmt::format("{}[{}] = {}", key.name, values.size(), shown(*item)),
                 fmt::format("must be a number between {} and {}", limits.lo, limits.hi));
    }
    values.push_back(value.value_or(limits.lo));
    if (completed_ != nullptr) items.push_back(ConfigNode::scalar({}, fmt::to_string(values.back())));
  }
  if (completed_ != nullptr) completed_->put(key.name, ConfigNode::sequence({}, std::move(items)));
  return values;
}

std::vector<int> Reader::integers(const Key& key, Limits<int> limits, std::size_t max_count) {
  if (describing()) describe(key, "list of whole numbers", fmt::format("{} to {}", limits.lo, limits.hi), "-");
  std::vector<int> values;
  const ConfigNode* node = ask_sequence(key, max_count);
  if (node == nullptr) return values;
  std::vector<ConfigPtr> items;
  for (const ConfigPtr& item : node->items()) {
    const auto value =
        item->kind() == ConfigNode::Kind::scalar && !item->quoted() ? finite_number(item->text()) : std::nullopt;
    if (!value || *value != std::floor(*value) || *value < limits.lo || *value > limits.hi) {
      failed_.push_back(key.name);
      problem_at(*item, fmt::format("{}[{}] = {}", key.name, values.size(), shown(*item)),
                 fmt::format("must be a whole number between {} and {}", limits.lo, limits.hi));
      values.push_back(limits.lo);
    } else {
      values.push_back(static_cast<int>(*value));
    }
    if (completed_ != nullptr) items.push_back(ConfigNode::scalar({}, fmt::to_string(values.back())));
  }
  if (completed_ != nullptr) completed_->put(key.name, ConfigNode::sequence({}, std::move(items)));
  return values;
}

void Reader::reject_unknown_keys() {
  if (node_ == nullptr || describing()) return;
  for (const ConfigEntry& entry : node_->entries()) {
    if (std::find(asked_.begin(), asked_.end(), entry.key) != asked_.end()) continue;
    const std::string meant = suggestion(entry.key, asked_);
    const Origin& where = entry.origin;
    log_->problems.push_back({where.file ? *where.file : std::string(), where.line, where.column,
                              path_.empty() ? entry.key : fmt::format("{}.{}", path_, entry.key),
                              fmt::format("is no key here (known: {}){}", joined(asked_), meant)});
  }
}

}  // namespace moesim
