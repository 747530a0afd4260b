#include "scenario/config_parse.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <unordered_set>
#include <utility>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace moesim {
namespace {

/// Thrown inside of the event handler to leave the parser at once.
struct GiveUp {};

/// Builds the tree from the parser's events. yaml-cpp's own node type is not used: it accepts duplicate keys silently,
/// and its aliases may form cycles.
class TreeBuilder final : public YAML::EventHandler {
 public:
  /// @param fixed all nodes get this origin (overrides); otherwise their own line and column in `file`
  TreeBuilder(std::shared_ptr<const std::string> file, std::optional<Origin> fixed, std::vector<Diagnostic>& problems)
      : file_(std::move(file)), fixed_(std::move(fixed)), problems_(problems) {}

  [[nodiscard]] ConfigPtr take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(ConfigNode::null(origin(mark)), anchor); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
      fail(origin(mark), "the anchor is used inside of its own value (that would never end) write the value out");
    }
    // Shared, not copied; the expanded size bounds what walking it can cost.
    add(found->second, YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    add(ConfigNode::scalar(origin(mark), value, tag == "!"), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, false);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, true);
  }

  void OnSequenceEnd() override {
    Level level = close();
    add(ConfigNode::sequence(level.origin, std::move(level.items)), level.anchor);
  }
  void OnMapEnd() override {
    Level level = close();
    add(ConfigNode::map(level.origin, std::move(level.entries)), level.anchor);
  }

 private:
  /// A map or sequence that has begun and not ended.
  struct Level {
    bool is_map = false;
    Origin origin;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::vector<ConfigPtr> items;
    std::vector<ConfigEntry> entries;
    std::unordered_set<std::string> keys;
    std::optional<ConfigEntry> pending;  ///< key whose value has not come yet
    bool skip_value = false;             ///< of a duplicate or unusable key
    std::size_t expanded_size = 1;
  };

  [[nodiscard]] Origin origin(const YAML::Mark& mark) const {
    if (fixed_) return *fixed_;
    return Origin{file_, mark.line + 1, mark.column + 1};
  }

  void report(const Origin& where, std::string key, std::string message) {
    problems_.push_back({*where.file, where.line, where.column, std::move(key), std::move(message)});
  }

  [[noreturn]] void fail(const Origin& where, std::string message) {
    report(where, {}, std::move(message));
    throw GiveUp{};
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    // yaml-cpp gives "?" to plain scalars and collections, "!" to quoted scalars.
    if (tag.empty() || tag == "?" || tag == "!") return;
    report(origin(mark), {}, fmt::format("tag {} (types follow from the key here) leave it out", tag));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool is_map) {
    refuse_tag(mark, tag);
    if (levels_.size() >= kMaxDepth) {
      fail(origin(mark), fmt::format("nested deeper than {} levels (no configuration needs that)", kMaxDepth));
    }
    Level level;
    level.is_map = is_map;
    level.origin = origin(mark);
    level.anchor = anchor;
    levels_.push_back(std::move(level));
  }

  [[nodiscard]] Level close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    return level;
  }

  void add(const ConfigPtr& node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchored_[anchor] = node;
    if (levels_.empty()) {
      root_ = node;
      return;
    }
    Level& level = levels_.back();
    level.expanded_size += std::min(node->expanded_size(), kMaxNodes + 1);
    if (level.expanded_size > kMaxNodes) {
      fail(node->origin(),
           fmt::format("more than {} values once its anchors are expanded (no configuration needs that)", kMaxNodes));
    }
    if (!level.is_map) {
      level.items.push_back(node);
    } else if (level.skip_value) {
      level.skip_value = false;
    } else if (level.pending) {
      level.pending->value = node;
      level.entries.push_back(std::move(*level.pending));
      level.pending.reset();
    } else {
      begin_entry(level, node);
    }
  }

  void begin_entry(Level& level, const ConfigPtr& key) {
    const Origin& where = key->origin();
    level.skip_value = true;
    if (key->kind() != ConfigNode::Kind::scalar) {
      report(where, {}, "a key must be a word (here it is a list, a map or nothing)");
    } else if (key->text() == "<<") {
      report(where, "<<", "merge keys are not known here; `base: name` takes another file's values over");
    } else if (!level.keys.insert(key->text()).second) {
      const auto first = std::find_if(level.entries.begin(), level.entries.end(),
                                      [&](const ConfigEntry& entry) { return entry.key == key->text(); });
      report(where, shown(key->text()),
             fmt::format("is given twice (first in line {}, and only one can hold) remove one",
                         first == level.entries.end() ? where.line : first->origin.line));
    } else if (level.entries.size() >= kMaxMapKeys) {
      fail(where, fmt::format("more than {} keys in one map (no configuration needs that)", kMaxMapKeys));
    } else {
      level.pending = ConfigEntry{key->text(), where, nullptr};
      level.skip_value = false;
    }
  }

  [[nodiscard]] static std::string shown(const std::string& text) {
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
  }

  std::shared_ptr<const std::string> file_;
  std::optional<Origin> fixed_;
  std::vector<Diagnostic>& problems_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, ConfigPtr> anchored_;
  ConfigPtr root_;
};

/// Length of the UTF-8 sequence that begins at `text[at]`, 0 if there is none. Shape only: overlong forms are harmless.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80            ? 1
                             : (lead >> 5U) == 0x6  ? 2
                             : (lead >> 4U) == 0xE  ? 3
                             : (lead >> 3U) == 0x1E ? 4
                                                    : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) >> 6U) != 0x2) return 0;
  }
  return length;
}

/// Where the text stops being text: control characters and broken UTF-8 mean a binary file. nullopt: all of it is text.
std::optional<std::size_t> first_binary_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) return at;
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

Diagnostic binary_problem(std::string_view text, std::size_t at, const std::string& file) {
  const std::string_view before = text.substr(0, at);
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {file,
          line,
          static_cast<int>(at - line_start) + 1,
          {},
          fmt::format("byte 0x{:02x} is no text (a YAML file is UTF-8 text; is this a binary file?)",
                      static_cast<unsigned char>(text[at]))};
}

/// Runs the parser over all documents. @return false when it gave up
bool run_parser(std::string_view text, TreeBuilder& builder, const Origin& whole, bool fixed,
                std::vector<Diagnostic>& problems) {
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return true;
    TreeBuilder rest(whole.file, whole, problems);
    if (parser.HandleNextDocument(rest)) {
      problems.push_back(
          {*whole.file,
           whole.line,
           whole.column,
           {},
           "holds more than one YAML document (only the first would be read) remove the `---` between them"});
      return false;
    }
    return true;
  } catch (const GiveUp&) {
    return false;
  } catch (const YAML::Exception& error) {
    const bool placed = !fixed && !error.mark.is_null();
    problems.push_back({*whole.file,
                        placed ? error.mark.line + 1 : whole.line,
                        placed ? error.mark.column + 1 : whole.column,
                        {},
                        fmt::format("is not valid YAML ({})", error.msg)});
    return false;
  }
}

}  // namespace

ConfigPtr parse_config(std::string_view text, const std::string& file, std::vector<Diagnostic>& problems) {
  if (text.size() > kMaxFileBytes) {
    problems.push_back(
        {file, 0, 0, {}, fmt::format("is larger than {} MiB (no configuration is that long)", kMaxFileBytes >> 20U)});
    return nullptr;
  }
  if (const auto at = first_binary_byte(text)) {
    problems.push_back(binary_problem(text, *at, file));
    return nullptr;
  }
  const auto name = std::make_shared<const std::string>(file);
  TreeBuilder builder(name, std::nullopt, problems);
  if (!run_parser(text, builder, Origin{name, 0, 0}, false, problems)) return nullptr;
  ConfigPtr root = builder.take_root();
  if (root == nullptr || root->kind() == ConfigNode::Kind::null) {
    problems.push_back({file, 0, 0, {}, "is empty (a map of keys is expected)"});
    return nullptr;
  }
  if (!root->is_map()) {
    problems.push_back({file,
                        root->origin().line,
                        root->origin().column,
                        {},
                        "must hold `key: value` lines (a map) at its top level"});
    return nullptr;
  }
  return root;
}

ConfigPtr parse_value(std::string_view text, const Origin& origin, std::vector<Diagnostic>& problems) {
  // The usual value is one plain word: no need to start a parser for it, a million times in a sweep.
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
  const bool plain = !text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos && text.front() != '-' &&
                     text.front() != '.' && text != "null" && text != "Null" && text != "NULL";
  if (plain) return ConfigNode::scalar(origin, std::string(text));
  if (text.size() > kMaxFileBytes) {
    problems.push_back({*origin.file, origin.line, origin.column, {}, "the value is too long"});
    return nullptr;
  }
  if (const auto at = first_binary_byte(text)) {
    problems.push_back({*origin.file, origin.line, origin.column, {}, "the value is no text"});
    return nullptr;
  }
  TreeBuilder builder(origin.file, origin, problems);
  if (!run_parser(text, builder, origin, true, problems)) return nullptr;
  ConfigPtr root = builder.take_root();
  return root != nullptr ? root : ConfigNode::null(origin);
}

}  // namespace moesim
