#include "scenario/reader.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "moesim/base/quantity_text.hpp"

#include "scenario/reader_words.hpp"

namespace moesim {
namespace {

/// How messages speak of a quantity.
struct QuantityWords {
  std::string_view noun;
  std::string_view example;
  std::string_view wanted;
};
template <class Q>
constexpr QuantityWords kWords = {};
template <>
constexpr QuantityWords kWords<Seconds> = {"time", "5us or 1.5ms", "a time, e.g. 5us"};
template <>
constexpr QuantityWords kWords<Bytes> = {"size", "48GiB or 4B", "a size, e.g. 48GiB"};
template <>
constexpr QuantityWords kWords<BytesPerSecond> = {"bandwidth", "100Gbps or 12.5GB/s", "a bandwidth, e.g. 100Gbps"};
template <>
constexpr QuantityWords kWords<FlopsPerSecond> = {"compute rate", "149.7TFLOPS", "a compute rate, e.g. 149.7TFLOPS"};

}  // namespace

Reader::Reader(ConfigPtr node, std::string path, ReadLog& log, Draft* completed)
    : node_(std::move(node)), path_(std::move(path)), log_(&log), completed_(completed) {
  if (node_ == nullptr) return;
  if (node_->kind() == ConfigNode::Kind::null) {
    node_ = ConfigNode::map(node_->origin(), {});  // `moe:` with nothing under it
  } else if (!node_->is_map()) {
    problem({}, fmt::format("must be a map of keys, not {}", kind_word(*node_)));
    node_ = nullptr;
  }
}

void Reader::problem_at(const ConfigNode& node, std::string_view key, std::string message) {
  const Origin& where = node.origin();
  std::string full = path_;
  if (!key.empty()) full += (full.empty() ? "" : ".") + std::string(key);
  log_->problems.push_back(
      {where.file ? *where.file : std::string(), where.line, where.column, std::move(full), std::move(message)});
}

void Reader::problem(std::string_view key, std::string message) {
  if (node_ == nullptr || describing()) return;
  const ConfigEntry* entry = key.empty() ? nullptr : node_->find(key);
  if (entry == nullptr) {
    problem_at(*node_, key, std::move(message));
    return;
  }
  failed_.push_back(entry->key);
  problem_at(*entry->value, fmt::format("{} = {}", key, shown(*entry->value)), std::move(message));
}

const ConfigNode* Reader::ask(const Key& key, bool required, std::string_view type) {
  asked_.push_back(key.name);
  if (node_ == nullptr || describing()) return nullptr;
  const ConfigEntry* entry = node_->find(key.name);
  if (entry != nullptr && entry->value->kind() != ConfigNode::Kind::null) return entry->value.get();
  if (required) missing(key, type);
  return nullptr;
}

void Reader::missing(const Key& key, std::string_view type) {
  if (node_ == nullptr || describing()) return;
  failed_.push_back(key.name);
  const ConfigEntry* entry = node_->find(key.name);
  problem_at(entry != nullptr ? *entry->value : *node_, key.name,
             fmt::format("is missing ({}) give {}", key.what, type));
}

void Reader::describe(const Key& key, std::string_view type, std::string limits, std::string fallback) {
  log_->docs->push_back(
      {path_, std::string(key.name), std::string(type), std::move(limits), std::move(fallback), std::string(key.what)});
}

bool Reader::readable(std::initializer_list<std::string_view> keys) const {
  if (node_ == nullptr || describing()) return false;
  return std::none_of(keys.begin(), keys.end(), [&](std::string_view key) {
    return std::find(failed_.begin(), failed_.end(), key) != failed_.end();
  });
}

bool Reader::has(std::string_view key) const {
  if (describing()) return true;
  if (node_ == nullptr) return false;
  const ConfigEntry* entry = node_->find(key);
  return entry != nullptr && entry->value->kind() != ConfigNode::Kind::null;
}

ConfigPtr Reader::raw(const Key& key, std::string_view type) {
  if (describing()) describe(key, type, "", "-");
  if (ask(key, false, type) == nullptr) return nullptr;
  return node_->find(key.name)->value;
}

// --- numbers

std::optional<std::int64_t> Reader::parse_integer(const Key& key, const ConfigNode& node, Limits<std::int64_t> limits) {
  if (node.kind() != ConfigNode::Kind::scalar || node.quoted()) {
    problem(key.name, fmt::format("must be a whole number, not {}", node.quoted() ? "quoted text" : kind_word(node)));
    return std::nullopt;
  }
  const std::string& text = node.text();
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || rest != text.data() + text.size()) {
    problem(key.name, fmt::format("must be a whole number between {} and {}", limits.lo, limits.hi));
    return std::nullopt;
  }
  if (error != std::errc{} || value < limits.lo || value > limits.hi) {
    problem(key.name, fmt::format("must be between {} and {}", limits.lo, limits.hi));
    return std::nullopt;
  }
  return value;
}

std::optional<int> Reader::read_integer(const Key& key, Limits<int> limits, std::optional<int> fallback,
                                        bool required) {
  if (describing()) {
    describe(key, "whole number", fmt::format("{} to {}", limits.lo, limits.hi),
             required   ? "required"
             : fallback ? fmt::to_string(*fallback)
                        : "-");
  }
  std::optional<int> value = fallback;
  if (const ConfigNode* node = ask(key, required, "a whole number")) {
    const auto parsed = parse_integer(key, *node, {limits.lo, limits.hi});
    value = parsed ? std::optional<int>(static_cast<int>(*parsed)) : fallback;
  }
  if (completed_ != nullptr && value) completed_->put(key.name, fmt::to_string(*value));
  return value;
}

int Reader::integer(const Key& key, Limits<int> limits) {
  return read_integer(key, limits, std::nullopt, true).value_or(limits.lo);
}
int Reader::integer(const Key& key, Limits<int> limits, int fallback) {
  return read_integer(key, limits, fallback, false).value_or(fallback);
}
std::optional<int> Reader::optional_integer(const Key& key, Limits<int> limits) {
  return read_integer(key, limits, std::nullopt, false);
}

std::uint64_t Reader::natural(const Key& key, std::uint64_t fallback) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (describing()) describe(key, "whole number", "0 to 2^63 - 1", fmt::to_string(fallback));
  std::uint64_t value = fallback;
  if (const ConfigNode* node = ask(key, false, "a whole number")) {
    const auto parsed = parse_integer(key, *node, {0, kMost});
    if (parsed) value = static_cast<std::uint64_t>(*parsed);
  }
  if (completed_ != nullptr) completed_->put(key.name, fmt::to_string(value));
  return value;
}

std::optional<double> Reader::parse_number(const Key& key, const ConfigNode& node, Limits<double> limits) {
  if (node.kind() != ConfigNode::Kind::scalar || node.quoted()) {
    problem(key.name, fmt::format("must be a number, not {}", node.quoted() ? "quoted text" : kind_word(node)));
    return std::nullopt;
  }
  const auto value = finite_number(node.text());
  if (!value) {
    problem(key.name, "must be a finite number without a unit");
    return std::nullopt;
  }
  if (*value < limits.lo || *value > limits.hi) {
    problem(key.name, fmt::format("must be between {} and {}", limits.lo, limits.hi));
    return std::nullopt;
  }
  return value;
}

std::optional<double> Reader::read_number(const Key& key, Limits<double> limits, std::optional<double> fallback,
                                          bool required) {
  if (describing()) {
    describe(key, "number", fmt::format("{} to {}", limits.lo, limits.hi),
             required   ? "required"
             : fallback ? fmt::to_string(*fallback)
                        : "-");
  }
  std::optional<double> value = fallback;
  if (const ConfigNode* node = ask(key, required, "a number")) {
    const auto parsed = parse_number(key, *node, limits);
    value = parsed ? parsed : fallback;
  }
  if (completed_ != nullptr && value) completed_->put(key.name, fmt::to_string(*value));
  return value;
}

double Reader::number(const Key& key, Limits<double> limits) {
  return read_number(key, limits, std::nullopt, true).value_or(limits.lo);
}
double Reader::number(const Key& key, Limits<double> limits, double fallback) {
  return read_number(key, limits, fallback, false).value_or(fallback);
}
std::optional<double> Reader::optional_number(const Key& key, Limits<double> limits) {
  return read_number(key, limits, std::nullopt, false);
}

// --- quantities

template <class Q>
std::optional<Q> Reader::read_quantity(const Key& key, Limits<Q> limits, std::optional<Q> fallback, bool required) {
  const auto between = [&] { return fmt::format("{} and {}", format_quantity(limits.lo), format_quantity(limits.hi)); };
  if (describing()) {
    describe(key, kWords<Q>.noun, fmt::format("{} to {}", format_quantity(limits.lo), format_quantity(limits.hi)),
             required   ? "required"
             : fallback ? format_quantity(*fallback)
                        : "-");
  }
  std::optional<Q> value = fallback;
  if (const ConfigNode* node = ask(key, required, kWords<Q>.wanted)) {
    const std::optional<Q> parsed =
        node->kind() == ConfigNode::Kind::scalar ? parse_quantity<Q>(node->text()) : std::nullopt;
    if (parsed && parsed->value >= limits.lo.value && parsed->value <= limits.hi.value) {
      value = parsed;
    } else if (parsed) {
      problem(key.name, fmt::format("must be between {} (what is physically possible)", between()));
    } else if (node->kind() == ConfigNode::Kind::scalar && finite_number(node->text())) {
      problem(key.name, fmt::format("has no unit (a bare number may mean anything) write e.g. {}", kWords<Q>.example));
    } else {
      problem(key.name, fmt::format("is no {} (units: {}) write e.g. {}", kWords<Q>.noun, quantity_units<Q>(),
                                    kWords<Q>.example));
    }
  }
  if (completed_ != nullptr && value) completed_->put(key.name, exact_quantity(*value));
  return value;
}

template std::optional<Seconds> Reader::read_quantity<Seconds>(const Key&, Limits<Seconds>, std::optional<Seconds>,
                                                               bool);
template std::optional<Bytes> Reader::read_quantity<Bytes>(const Key&, Limits<Bytes>, std::optional<Bytes>, bool);
template std::optional<BytesPerSecond> Reader::read_quantity<BytesPerSecond>(const Key&, Limits<BytesPerSecond>,
                                                                             std::optional<BytesPerSecond>, bool);
template std::optional<FlopsPerSecond> Reader::read_quantity<FlopsPerSecond>(const Key&, Limits<FlopsPerSecond>,
                                                                             std::optional<FlopsPerSecond>, bool);

// --- words

bool Reader::flag(const Key& key, bool fallback) {
  if (describing()) describe(key, "true or false", "", fallback ? "true" : "false");
  bool value = fallback;
  if (const ConfigNode* node = ask(key, false, "true or false")) {
    if (node->text() == "true" && !node->quoted()) {
      value = true;
    } else if (node->text() == "false" && !node->quoted()) {
      value = false;
    } else {
      problem(key.name, "must be true or false");
    }
  }
  if (completed_ != nullptr) completed_->put(key.name, value ? "true" : "false");
  return value;
}

std::optional<std::string> Reader::parse_text(const Key& key, const ConfigNode& node) {
  constexpr std::size_t kLongest = 4'000;
  if (node.kind() != ConfigNode::Kind::scalar) {
    problem(key.name, fmt::format("must be text, not {}", kind_word(node)));
    return std::nullopt;
  }
  if (node.text().empty() || node.text().size() > kLongest) {
    problem(key.name, fmt::format("must have between 1 and {} characters", kLongest));
    return std::nullopt;
  }
  return node.text();
}

std::string Reader::text(const Key& key) {
  if (describing()) describe(key, "text", "", "required");
  const ConfigNode* node = ask(key, true, "a text");
  std::string value = node != nullptr ? parse_text(key, *node).value_or("") : std::string();
  if (completed_ != nullptr) completed_->put(key.name, value);
  return value;
}

std::string Reader::text(const Key& key, std::string_view fallback) {
  if (describing()) describe(key, "text", "", fallback.empty() ? "-" : std::string(fallback));
  const ConfigNode* node = ask(key, false, "a text");
  std::string value = node != nullptr ? parse_text(key, *node).value_or(std::string(fallback)) : std::string(fallback);
  if (completed_ != nullptr && !value.empty()) completed_->put(key.name, value);
  return value;
}

std::optional<std::size_t> Reader::pick(const Key& key, std::span<const std::string_view> names,
                                        std::optional<std::size_t> fallback, bool required) {
  if (describing()) {
    describe(key, "one of", joined(names), required ? "required" : fallback ? std::string(names[*fallback]) : "-");
  }
  std::optional<std::size_t> picked = fallback;
  const ConfigNode* node = ask(key, false, {});
  if (node == nullptr && required) missing(key, fmt::format("one of: {}", joined(names)));
  if (node != nullptr) {
    const auto found =
        node->kind() == ConfigNode::Kind::scalar ? std::find(names.begin(), names.end(), node->text()) : names.end();
    if (found != names.end()) {
      picked = static_cast<std::size_t>(found - names.begin());
    } else {
      problem(key.name, fmt::format("must be one of: {}{}", joined(names), suggestion(node->text(), names)));
    }
  }
  if (completed_ != nullptr && picked) completed_->put(key.name, std::string(names[*picked]));
  return picked;
}

}  // namespace moesim
