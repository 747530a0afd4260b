#include <algorithm>
#include <array>
#include <utility>

#include "moesim/scenario/sweep_file.hpp"

#include "scenario/loader.hpp"
#include "scenario/reader.hpp"
#include "scenario/reader_words.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostAxes = 32;
constexpr std::size_t kMostZipped = 32;
constexpr std::size_t kMostValues = 100'000;
constexpr std::size_t kMostExpressions = 100;
constexpr std::string_view kNothing = "~";  // as PointLoader::value reads it
constexpr std::array kScales = {Choice<bool>{"linear", false}, Choice<bool>{"log", true}};

PlacedText placed(const ConfigNode& node) {
  const Origin& where = node.origin();
  return {.text = node.text(),
          .quoted = node.quoted(),
          .file = where.file ? *where.file : std::string(),
          .line = where.line,
          .column = where.column};
}

std::optional<PlacedText> scalar(Reader& in, const Key& key) {
  const ConfigPtr node = in.raw(key, "value");
  if (node == nullptr) return std::nullopt;
  if (node->kind() != ConfigNode::Kind::scalar || node->text().empty()) {
    in.problem(key.name, fmt::format("must be one value, not {}", kind_word(*node)));
    return std::nullopt;
  }
  return placed(*node);
}

std::vector<PlacedText> scalars(Reader& in, const Key& key, std::size_t most) {
  std::vector<PlacedText> values;
  const ConfigPtr node = in.raw(key, "list");
  if (node == nullptr) return values;
  if (node->kind() != ConfigNode::Kind::sequence || node->items().empty() || node->items().size() > most) {
    in.problem(key.name, fmt::format("must be a list of 1 to {} values", most));
    return values;
  }
  for (const ConfigPtr& item : node->items()) {
    const bool nothing = item->kind() == ConfigNode::Kind::null;
    if (!nothing && (item->kind() != ConfigNode::Kind::scalar || item->text().empty())) {
      in.problem(key.name, fmt::format("must be a list of values, and one entry is {}", kind_word(*item)));
      return values;
    }
    values.push_back(placed(*item));
    if (nothing) values.back().text = kNothing;
  }
  return values;
}

AxisText read_axis(Reader in, const PlacedText& place) {
  AxisText axis;
  axis.place = place;
  axis.key = in.text({"key", "of the scenario, dotted; absent: used in expressions only"}, "");
  axis.name = in.text({"name", "of the column, and in expressions; absent: the key"}, axis.key);
  if (axis.name.empty()) in.problem({}, "has neither key nor name (what is varied?) give a key");
  axis.values = scalars(in, {"values", "list"}, kMostValues);
  axis.from = scalar(in, {"from", "first value of a range"});
  axis.to = scalar(in, {"to", "last value of a range"});
  axis.step = scalar(in, {"step", "between the values of a linear range"});
  axis.count =
      in.optional_integer({"count", "values of the range, both ends included"}, {1, static_cast<int>(kMostValues)});
  axis.logarithmic = in.choice({"scale", "of a range"}, kScales, false);
  axis.whole = in.flag({"whole", "round the values of a range to whole numbers"}, false);
  axis.when = scalar(in, {"when", "expression: where it is false the key is not set"});
  in.reject_unknown_keys();

  const bool range = axis.from || axis.to || axis.step || axis.count;
  if (range && !axis.values.empty()) {
    in.problem("values", "stands beside a range (from, to, step, count): give one of the two");
  } else if (range) {
    in.require(axis.from && axis.to, {"from", "to"}, "needs from and to, both ends of the range");
    in.require(axis.step.has_value() != axis.count.has_value(), {"count", "step"},
               "needs either count or step (how many values has the range?)");
    in.require(!axis.logarithmic || !axis.step, {"step"}, "is a difference, and the scale is log: give count");
  } else if (axis.values.empty() && !in.has("values")) {
    in.problem({}, "has no values: give a list (values) or a range (from, to, count)");
  }
  return axis;
}

/// Axes that advance together, or one alone.
std::vector<AxisText> read_axes(Reader in, const PlacedText& place) {
  if (!in.has("zip")) {
    in.ignore("zip");
    return {read_axis(std::move(in), place)};
  }
  std::vector<AxisText> together;
  for (Reader& one : in.children({"zip", "axes that advance together"}, kMostZipped)) {
    together.push_back(read_axis(std::move(one), place));
  }
  if (together.empty()) in.problem("zip", "must be a list of at least one axis");
  in.reject_unknown_keys();
  return together;
}

DerivedText read_derived(Reader in) {
  DerivedText derived;
  derived.key = in.text({"key", "of the scenario that is set"});
  derived.name = in.text({"name", "of the column; absent: the key"}, derived.key);
  const auto expression = scalar(in, {"expression", "its value"});
  if (expression) {
    derived.expression = *expression;
  } else if (!in.has("expression")) {
    in.problem("expression", "is missing (what the key is set to, e.g. 2 * parallelism.dp)");
  }
  in.reject_unknown_keys();
  return derived;
}

SweepFile read_sweep(const ConfigPtr& root, const std::string& fallback_name, ReadLog& log) {
  SweepFile sweep;
  if (root->find("scenario") == nullptr && root->find("axes") == nullptr) {  // a scenario
    const ConfigEntry* name = root->find("name");
    sweep.name = name != nullptr ? name->value->text() : fallback_name;
    return sweep;
  }
  Reader in(root, {}, log);
  sweep.name = in.text({"name", "of the sweep"});
  static_cast<void>(in.section({"scenario", "what is varied: a name, a path, or {base: name, changes...}"}));
  for (const ConfigPtr axes = in.raw({"axes", "what is varied"}, "list");
       const Reader& one : in.children({"axes", "what is varied"}, kMostAxes)) {
    const std::size_t index = sweep.axes.size();
    PlacedText place = placed(*axes->items()[index]);
    place.text.clear();
    sweep.axes.push_back(read_axes(one, place));
  }
  for (Reader& one : in.children({"derived", "keys that follow from others"}, kMostExpressions)) {
    sweep.derived.push_back(read_derived(std::move(one)));
  }
  sweep.where = scalars(in, {"where", "expressions that a point must fulfil"}, kMostExpressions);
  sweep.columns = scalars(in, {"columns", "of the results"}, kMostExpressions);
  sweep.must_fit = in.flag({"must_fit", "leave out points that do not fit into memory"}, false);
  sweep.solve = scalar(in, {"solve", "speedup = 1 over KEY from A to B"});
  const std::string baseline = in.text({"baseline", "variant that speed-ups refer to; absent: the first"}, "");
  if (!baseline.empty()) sweep.baseline = baseline;
  in.reject_unknown_keys();
  return sweep;
}

SweepFile finish(SweepFile sweep, ReadLog& log) {
  if (!log.problems.empty()) throw InputError(std::move(log.problems));
  return sweep;
}

}  // namespace

SweepFile load_sweep(const std::filesystem::path& file, const ConfigRoots& roots) {
  Loader loader(roots);
  const ConfigPtr root = loader.open(file, FileKind::scenario);
  ReadLog log;
  return finish(read_sweep(root, file.stem().string(), log), log);
}

SweepFile load_sweep_text(const std::string& text, const std::string& name, const ConfigRoots& roots) {
  Loader loader(roots);
  const ConfigPtr root = loader.open_text(text, name);
  ReadLog log;
  return finish(read_sweep(root, name, log), log);
}

}  // namespace moesim
