#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "scenario/config_tree.hpp"

namespace moesim {

/// The last few values made from configuration trees. A tree is found again by its content, wherever it was written;
/// the content hash makes the search a few comparisons.
template <class T>
class TreeCache {
 public:
  [[nodiscard]] const T* find(const ConfigPtr& tree) const {
    for (const Entry& entry : entries_) {
      if (entry.tree != nullptr && same_content(entry.tree, tree)) return &entry.value;
    }
    return nullptr;
  }

  /// Only the very same tree, not an equal one from elsewhere: what is made of it depends on where it was written.
  [[nodiscard]] const T* find_same(const ConfigPtr& tree) const {
    for (const Entry& entry : entries_) {
      if (entry.tree == tree) return &entry.value;
    }
    return nullptr;
  }

  /// Replaces the oldest.
  const T& put(ConfigPtr tree, T value) {
    Entry& entry = entries_[next_];
    next_ = (next_ + 1) % entries_.size();
    entry = Entry{std::move(tree), std::move(value)};
    return entry.value;
  }

 private:
  struct Entry {
    ConfigPtr tree;
    T value;
  };
  std::array<Entry, 32> entries_{};
  std::size_t next_ = 0;
};

}  // namespace moesim
