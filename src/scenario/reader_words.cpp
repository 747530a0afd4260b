#include "scenario/reader_words.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "moesim/scenario/spelling.hpp"

namespace moesim {

std::string_view kind_word(const ConfigNode& node) {
  switch (node.kind()) {
    case ConfigNode::Kind::null:
      return "nothing";
    case ConfigNode::Kind::scalar:
      return "a single value";
    case ConfigNode::Kind::sequence:
      return "a list";
    case ConfigNode::Kind::map:
      return "a map";
  }
  return "";
}

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> words) {
  const std::string_view meant = nearest(word, words);
  return meant.empty() ? std::string() : fmt::format(", did you mean {}?", meant);
}

std::string shown(const ConfigNode& node) {
  constexpr std::size_t kLongest = 60;
  switch (node.kind()) {
    case ConfigNode::Kind::null:
      return "~";
    case ConfigNode::Kind::sequence:
      return node.items().empty() ? "[]" : "[...]";
    case ConfigNode::Kind::map:
      return node.entries().empty() ? "{}" : "{...}";
    case ConfigNode::Kind::scalar:
      break;
  }
  std::string text = node.text().substr(0, kLongest);
  if (text.size() < node.text().size()) text += "...";
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return node.quoted() ? '"' + text + '"' : text;
}

}  // namespace moesim
