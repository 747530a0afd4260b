#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenario/config_tree.hpp"

namespace moesim {

/// A tree under construction: what a reader has read, defaults written out. Keys keep the order in which they are put;
/// putting a key again replaces it.
class Draft {
 public:
  void put(std::string_view key, ConfigPtr value);
  void put(std::string_view key, std::string text, bool quoted = false);
  [[nodiscard]] Draft& child(std::string_view key);  ///< the map at `key`, made when there is none
  [[nodiscard]] Draft& item(std::string_view key);   ///< a new map at the end of the sequence at `key`
  void put_empty_sequence(std::string_view key);
  [[nodiscard]] ConfigPtr tree() const;

 private:
  struct Slot {
    std::string key;
    ConfigPtr value;                           ///< null: the drafts below are the value
    std::vector<std::unique_ptr<Draft>> maps;  ///< of a sequence of maps, or the one map
    bool is_sequence = false;
  };
  Slot& slot(std::string_view key);
  std::vector<Slot> slots_;
};

/// YAML text of a tree, block style, two spaces per level; sequences of scalars on one line. Parsing it gives the same
/// content.
[[nodiscard]] std::string to_yaml(const ConfigPtr& tree);

}  // namespace moesim
