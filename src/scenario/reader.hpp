#pragma once

#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"
#include "moesim/base/units.hpp"

#include "scenario/config_tree.hpp"
#include "scenario/draft.hpp"

namespace moesim {

/// A key as its reader asks for it; `what` is its line in docs/configuration.md.
struct Key {
  std::string_view name;
  std::string_view what;
};

/// Smallest and largest value that a reader takes, both included.
template <class T>
struct Limits {
  T lo;
  T hi;
};

/// One word of a closed set and what it stands for.
template <class E>
struct Choice {
  std::string_view name;
  E value;
};

/// One line of the configuration's documentation.
struct KeyDoc {
  std::string section;
  std::string key;
  std::string type;
  std::string limits;
  std::string fallback;  ///< "required", "-" (absent), or the value
  std::string what;
};

/// What all readers of one load share.
struct ReadLog {
  std::vector<Diagnostic> problems;
  /// Set: nothing is read; every reader visits all of its keys, optional sections included, and describes them here.
  std::vector<KeyDoc>* docs = nullptr;

  [[nodiscard]] bool describing() const { return docs != nullptr; }
};

/// Reads one map of a configuration. Every value is named, checked and described where it is read; problems are
/// collected in the log, and a value that could not be read is replaced by its default or lower limit, so that reading
/// goes on. Message: `file:line:column: key = value: problem (why) suggestion`.
class Reader {
 public:
  /// @param node null: the section is missing and was reported or allowed; every key then has its default, silently
  Reader(ConfigPtr node, std::string path, ReadLog& log, Draft* completed = nullptr);

  /// Overloads: without a fallback the key is required; `optional_` ones may be absent (or `~`).
  [[nodiscard]] int integer(const Key& key, Limits<int> limits);
  [[nodiscard]] int integer(const Key& key, Limits<int> limits, int fallback);
  [[nodiscard]] std::optional<int> optional_integer(const Key& key, Limits<int> limits);
  [[nodiscard]] std::uint64_t natural(const Key& key, std::uint64_t fallback);
  [[nodiscard]] double number(const Key& key, Limits<double> limits);
  [[nodiscard]] double number(const Key& key, Limits<double> limits, double fallback);
  [[nodiscard]] std::optional<double> optional_number(const Key& key, Limits<double> limits);
  [[nodiscard]] bool flag(const Key& key, bool fallback);
  [[nodiscard]] std::string text(const Key& key);
  [[nodiscard]] std::string text(const Key& key, std::string_view fallback);
  [[nodiscard]] std::vector<std::string> texts(const Key& key, std::size_t max_count);
  [[nodiscard]] std::vector<int> integers(const Key& key, Limits<int> limits, std::size_t max_count);
  [[nodiscard]] std::vector<double> numbers(const Key& key, Limits<double> limits, std::size_t max_count);

  template <class Q>
  [[nodiscard]] Q quantity(const Key& key, Limits<Q> limits) {
    return read_quantity<Q>(key, limits, std::nullopt, true).value_or(limits.lo);
  }
  template <class Q>
  [[nodiscard]] Q quantity(const Key& key, Limits<Q> limits, Q fallback) {
    return read_quantity<Q>(key, limits, fallback, false).value_or(fallback);
  }
  template <class Q>
  [[nodiscard]] std::optional<Q> optional_quantity(const Key& key, Limits<Q> limits) {
    return read_quantity<Q>(key, limits, std::nullopt, false);
  }

  template <class E, std::size_t N>
  [[nodiscard]] E choice(const Key& key, const std::array<Choice<E>, N>& table) {
    return table[pick(key, names_of(table), std::nullopt, true).value_or(0)].value;
  }
  template <class E, std::size_t N>
  [[nodiscard]] E choice(const Key& key, const std::array<Choice<E>, N>& table, E fallback) {
    std::size_t index = 0;
    while (index < N && table[index].value != fallback) ++index;
    MOESIM_EXPECTS(index < N);
    return table[pick(key, names_of(table), index, false).value_or(index)].value;
  }
  template <class E, std::size_t N>
  [[nodiscard]] std::optional<E> optional_choice(const Key& key, const std::array<Choice<E>, N>& table) {
    const auto picked = pick(key, names_of(table), std::nullopt, false);
    return picked ? std::optional<E>(table[*picked].value) : std::nullopt;
  }
  /// Index of the name; for tables of another shape.
  [[nodiscard]] std::optional<std::size_t> pick(const Key& key, std::span<const std::string_view> names,
                                                std::optional<std::size_t> fallback, bool required);

  [[nodiscard]] Reader child(const Key& key);
  [[nodiscard]] std::optional<Reader> optional_child(const Key& key);
  /// An optional child that may also be the name of a file; references are followed before reading, so it is a map
  /// here.
  [[nodiscard]] std::optional<Reader> optional_section(const Key& key);
  /// A required one, as it stands: a name, a path or a map; null when it is missing.
  [[nodiscard]] ConfigPtr section(const Key& key);
  [[nodiscard]] std::vector<Reader> children(const Key& key, std::size_t max_count);  ///< of a sequence of maps
  /// Keys of a map whose keys are names of the user's; when describing, `placeholder` alone.
  [[nodiscard]] std::vector<std::string> keys(std::string_view placeholder, std::size_t max_count);

  /// A key that somebody else reads: known here, nothing more.
  void ignore(std::string_view key) { asked_.push_back(key); }
  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] bool present() const { return node_ != nullptr; }
  [[nodiscard]] bool describing() const { return log_->describing(); }
  /// Raw value of a key; null when absent. For readers of forms that no method above has.
  [[nodiscard]] ConfigPtr raw(const Key& key, std::string_view type);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Draft* completed() const { return completed_; }
  [[nodiscard]] ReadLog& log() { return *log_; }

  /// A rule between values. Reported at the first key; not judged when one of the keys could not be read.
  template <class... Args>
  void require(bool holds, std::initializer_list<std::string_view> keys, fmt::format_string<Args...> message,
               Args&&... args) {
    if (!holds && readable(keys)) problem(*keys.begin(), fmt::format(message, std::forward<Args>(args)...));
  }
  /// Adds a problem at the value of `key`, or at this map when the key is absent or empty.
  void problem(std::string_view key, std::string message);
  /// Every key that was not asked for is a mistake; suggests the nearest of those that were.
  void reject_unknown_keys();

 private:
  template <class E, std::size_t N>
  static std::array<std::string_view, N> names_of(const std::array<Choice<E>, N>& table) {
    std::array<std::string_view, N> names;
    for (std::size_t i = 0; i < N; ++i) names[i] = table[i].name;
    return names;
  }
  /// Node of a key, or null; notes it as asked for, reports it when it is required and absent.
  const ConfigNode* ask(const Key& key, bool required, std::string_view type);
  void missing(const Key& key, std::string_view type);
  std::optional<Reader> read_child(const Key& key, std::string_view type);
  void describe(const Key& key, std::string_view type, std::string limits, std::string fallback);
  bool readable(std::initializer_list<std::string_view> keys) const;
  std::optional<double> parse_number(const Key& key, const ConfigNode& node, Limits<double> limits);
  std::optional<std::int64_t> parse_integer(const Key& key, const ConfigNode& node, Limits<std::int64_t> limits);
  std::optional<std::string> parse_text(const Key& key, const ConfigNode& node);
  std::optional<int> read_integer(const Key& key, Limits<int> limits, std::optional<int> fallback, bool required);
  std::optional<double> read_number(const Key& key, Limits<double> limits, std::optional<double> fallback,
                                    bool required);
  const ConfigNode* ask_sequence(const Key& key, std::size_t max_count);
  void problem_at(const ConfigNode& node, std::string_view key, std::string message);

  template <class Q>
  std::optional<Q> read_quantity(const Key& key, Limits<Q> limits, std::optional<Q> fallback, bool required);

  ConfigPtr node_;
  std::string path_;
  ReadLog* log_;
  Draft* completed_;
  std::vector<std::string_view> asked_;
  std::vector<std::string_view> failed_;
};

extern template std::optional<Seconds> Reader::read_quantity<Seconds>(const Key&, Limits<Seconds>,
                                                                      std::optional<Seconds>, bool);
extern template std::optional<Bytes> Reader::read_quantity<Bytes>(const Key&, Limits<Bytes>, std::optional<Bytes>,
                                                                  bool);
extern template std::optional<BytesPerSecond> Reader::read_quantity<BytesPerSecond>(const Key&, Limits<BytesPerSecond>,
                                                                                    std::optional<BytesPerSecond>,
                                                                                    bool);
extern template std::optional<FlopsPerSecond> Reader::read_quantity<FlopsPerSecond>(const Key&, Limits<FlopsPerSecond>,
                                                                                    std::optional<FlopsPerSecond>,
                                                                                    bool);

}  // namespace moesim
