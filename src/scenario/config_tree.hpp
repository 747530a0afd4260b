#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

/// Where a value was written. Overrides from the command line have file "--set" and their number as the line.
struct Origin {
  std::shared_ptr<const std::string> file = {};
  int line = 0;    ///< from 1
  int column = 0;  ///< from 1; 0: the whole line
};

class ConfigNode;
/// Trees are immutable, so that merged and overridden trees share what they did not change, and an unchanged section is
/// recognised by its address.
using ConfigPtr = std::shared_ptr<const ConfigNode>;

struct ConfigEntry {
  std::string key;
  Origin origin;  ///< of the key
  ConfigPtr value;
};

/// A value of a configuration file: nothing, a scalar (still text: its reader knows what it must be), a sequence or a
/// map whose keys are unique and keep their order.
class ConfigNode {
 public:
  enum class Kind { null, scalar, sequence, map };

  [[nodiscard]] static ConfigPtr null(Origin origin);
  [[nodiscard]] static ConfigPtr scalar(Origin origin, std::string text, bool quoted = false);
  [[nodiscard]] static ConfigPtr sequence(Origin origin, std::vector<ConfigPtr> items);
  /// @pre keys are unique
  [[nodiscard]] static ConfigPtr map(Origin origin, std::vector<ConfigEntry> entries);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_map() const { return kind_ == Kind::map; }
  [[nodiscard]] const Origin& origin() const { return origin_; }
  [[nodiscard]] const std::string& text() const { return text_; }  ///< of a scalar
  [[nodiscard]] bool quoted() const { return quoted_; }            ///< of a scalar: "8" is text, 8 a number
  [[nodiscard]] const std::vector<ConfigPtr>& items() const { return items_; }
  [[nodiscard]] const std::vector<ConfigEntry>& entries() const { return entries_; }
  /// Entry of a map; null when there is none, or when this is no map.
  [[nodiscard]] const ConfigEntry* find(std::string_view key) const;

  /// Nodes of the tree, those that anchors share counted as often as they are used; saturates.
  [[nodiscard]] std::size_t expanded_size() const { return expanded_size_; }
  /// Of the content alone: equal trees from different places have equal hashes.
  [[nodiscard]] std::uint64_t content_hash() const { return hash_; }

 private:
  ConfigNode() = default;
  void seal();

  Kind kind_ = Kind::null;
  bool quoted_ = false;
  Origin origin_;
  std::string text_;
  std::vector<ConfigPtr> items_;
  std::vector<ConfigEntry> entries_;
  std::size_t expanded_size_ = 1;
  std::uint64_t hash_ = 0;
};

/// Equal content, wherever it was written. Shared parts are not walked.
[[nodiscard]] bool same_content(const ConfigPtr& a, const ConfigPtr& b);

/// `over` laid over `under`: maps key by key, anything else replaces. A map over a name (`cluster: paper_4x8`) keeps
/// the name as its `base`.
[[nodiscard]] ConfigPtr merged(const ConfigPtr& under, const ConfigPtr& over);

/// `root` with `value` laid at the path; maps on the way are made where there is nothing yet, sequences are entered by
/// index (an index past the end leaves the sequence to be replaced by a map, which its reader then refuses).
[[nodiscard]] ConfigPtr with_value(const ConfigPtr& root, std::span<const std::string> path, const ConfigPtr& value);

/// A map without one of its keys. @pre `map` is a map
[[nodiscard]] ConfigPtr without_key(const ConfigPtr& map, std::string_view key);

/// A map with one value replaced or added, keeping the place in the order. @pre `map` is a map
[[nodiscard]] ConfigPtr with_entry(const ConfigPtr& map, ConfigEntry entry);

}  // namespace moesim
