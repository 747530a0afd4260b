#include "moesim/sweep/grid.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr std::uint64_t kMostPoints = 1'000'000'000'000;

Diagnostic at(const PlacedText& place, std::string key, std::string message) {
  return {.file = place.file,
          .line = place.line,
          .column = place.column,
          .key = std::move(key),
          .message = std::move(message)};
}

void append(std::vector<Diagnostic>& problems, const InputError& error) {
  problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
}

/// Whether setting one of the keys changes the other: "cluster" and "cluster.nic.bandwidth".
bool overlap(std::string_view a, std::string_view b) {
  const auto holds = [](std::string_view section, std::string_view key) {
    return key.starts_with(section) && (key.size() == section.size() || key[section.size()] == '.');
  };
  return !a.empty() && !b.empty() && (holds(a, b) || holds(b, a));
}

/// Names of a grid while it is being made.
class Names {
 public:
  explicit Names(const Grid::Constants& constants) : constants_(constants) {}

  void add(Binding::Source source, std::size_t index, const std::string& name, const std::string& key) {
    known_.push_back({source, index, name, key});
  }
  /// A name or key that stands already, or a key that would be overwritten.
  [[nodiscard]] std::optional<std::string> clash(const std::string& name, const std::string& key) const {
    for (const Known& one : known_) {
      if (one.name == name) return fmt::format("has the name of another axis or derived key ({})", name);
      if (!key.empty() && one.key == key) return "is set twice (by two axes or derived keys)";
      if (overlap(key, one.key) && one.key.size() > key.size()) {
        return fmt::format("overwrites {}, which is set before it (put the section first)", one.key);
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] BoundExpression bind(const PlacedText& text) const {
    BoundExpression bound{Expression(text), {}};
    for (const std::string& name : bound.expression.names()) bound.names.push_back(find(name, text));
    return bound;
  }

 private:
  struct Known {
    Binding::Source source;
    std::size_t index;
    std::string name;
    std::string key;
  };

  [[nodiscard]] Binding find(const std::string& name, const PlacedText& text) const {
    for (const Known& one : known_) {
      if (one.name == name || one.key == name) return {.source = one.source, .index = one.index};
    }
    for (const Known& one : known_) {
      if (!overlap(one.key, name)) continue;
      throw InputError({at(text, name,
                           fmt::format("changes with {} (it has no one value here) name that instead, or "
                                       "make it an axis of its own",
                                       one.name))});
    }
    const std::optional<PlacedText> constant = constants_(name);
    if (!constant) {
      throw InputError({at(text, name, "is no axis that stands before this, and no value of the scenario")});
    }
    return {.source = Binding::Source::constant, .constant = read_value(constant->text, constant->quoted)};
  }

  const Grid::Constants& constants_;
  std::vector<Known> known_;
};

GridAxis make_axis(const AxisText& text) {
  GridAxis axis{.name = text.name, .key = text.key, .column = text.name};
  if (!text.values.empty()) {
    for (const PlacedText& one : text.values) axis.values.push_back(read_value(one.text, one.quoted));
    axis.texts = text.values;
  } else if (text.from) {
    axis.values = range_values(text);
    for (const Value& value : axis.values) {
      axis.texts.push_back({.text = write_value(value).value_or(""),
                            .file = text.from->file,
                            .line = text.from->line,
                            .column = text.from->column});
    }
  }
  for (const Value& value : axis.values) axis.cells.push_back(cell_text(value));
  if (axis.values.empty()) return axis;
  const std::string_view suffix = column_suffix(axis.values.front());
  for (std::size_t i = 0; i < axis.values.size(); ++i) {
    if (column_suffix(axis.values[i]) == suffix) continue;
    throw InputError({at(axis.texts[i], fmt::format("{} = {}", axis.name, axis.texts[i].text),
                         "has another unit than the axis' first value")});
  }
  axis.column += suffix;
  return axis;
}

}  // namespace

Grid::Grid(const SweepFile& sweep, const Constants& scenario) {
  std::vector<Diagnostic> problems;
  const Constants constants = [&](const std::string& key) {
    constants_.push_back(key);
    return scenario(key);
  };
  Names names(constants);
  for (const std::vector<AxisText>& together : sweep.axes) {
    Group group{.first = axes_.size(), .count = together.size()};
    std::vector<GridAxis> made;
    for (const AxisText& text : together) {
      try {
        made.push_back(make_axis(text));
        if (text.when) made.back().when = names.bind(*text.when);
      } catch (const InputError& error) {
        append(problems, error);
        made.push_back({.name = text.name, .key = text.key});
      }
      if (const auto why = names.clash(text.name, text.key)) problems.push_back(at(text.place, text.name, *why));
      group.length = std::max<std::uint64_t>(1, made.front().values.size());
      if (made.back().values.size() != made.front().values.size() && !made.back().values.empty()) {
        problems.push_back(at(text.place, text.name,
                              fmt::format("has {} values, and the axis that it advances with has {}",
                                          made.back().values.size(), made.front().values.size())));
      }
    }
    for (GridAxis& axis : made) {
      names.add(Binding::Source::axis, axes_.size(), axis.name, axis.key);
      axes_.push_back(std::move(axis));
    }
    if (group.length > kMostPoints / size_) {
      throw InputError(fmt::format("{}: has more than {} points", sweep.name, kMostPoints));
    }
    size_ *= group.length;
    groups_.push_back(group);
  }
  for (const DerivedText& text : sweep.derived) {
    try {
      if (const auto why = names.clash(text.name, text.key)) problems.push_back(at(text.expression, text.name, *why));
      derived_.push_back({.name = text.name, .key = text.key, .expression = names.bind(text.expression)});
      names.add(Binding::Source::derived, derived_.size() - 1, text.name, text.key);
    } catch (const InputError& error) {
      append(problems, error);
    }
  }
  for (const PlacedText& text : sweep.where) {
    try {
      where_.push_back(names.bind(text));
    } catch (const InputError& error) {
      append(problems, error);
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
}

Value Grid::evaluate(const BoundExpression& bound, const GridPoint& point) const {
  std::vector<const Value*> values;
  values.reserve(bound.names.size());
  for (const Binding& name : bound.names) {
    switch (name.source) {
      case Binding::Source::axis: {
        const int index = point.index[name.index];
        values.push_back(index < 0 ? nullptr : &axes_[name.index].values[static_cast<std::size_t>(index)]);
        break;
      }
      case Binding::Source::derived:
        values.push_back(&point.derived[name.index]);
        break;
      case Binding::Source::constant:
        values.push_back(&name.constant);
        break;
    }
  }
  return bound.expression.evaluate(values);
}

PointFate Grid::decode(std::uint64_t number, GridPoint& point, std::string& why) const {
  MOESIM_EXPECTS(number < size_);
  point.number = number;
  point.index.assign(axes_.size(), -1);
  point.derived.resize(derived_.size());
  std::uint64_t rest = number;
  for (std::size_t g = groups_.size(); g-- > 0;) {
    for (std::size_t i = 0; i < groups_[g].count; ++i) {
      point.index[groups_[g].first + i] = static_cast<int>(rest % groups_[g].length);
    }
    rest /= groups_[g].length;
  }
  const BoundExpression* current = nullptr;
  const auto holds = [&](const BoundExpression& condition) {
    current = &condition;
    const Value value = evaluate(condition, point);
    const bool* flag = std::get_if<bool>(&value);
    if (flag == nullptr) throw ExpressionError("gives no true or false");
    return *flag;
  };
  try {
    for (const Group& group : groups_) {
      bool any = false;
      const int index = point.index[group.first];
      for (std::size_t axis = group.first; axis < group.first + group.count; ++axis) {
        if (axes_[axis].when && !holds(*axes_[axis].when)) point.index[axis] = -1;
        any = any || point.index[axis] >= 0;
      }
      // Without a value it does not matter where the axis stands: the first stands for all.
      if (!any && index > 0) return PointFate::absent;
    }
    for (std::size_t i = 0; i < derived_.size(); ++i) {
      current = &derived_[i].expression;
      point.derived[i] = evaluate(*current, point);
    }
    for (const BoundExpression& condition : where_) {
      if (holds(condition)) continue;
      why = fmt::format("where {}", condition.expression.text().text);
      return PointFate::left_out;
    }
  } catch (const ExpressionError& error) {
    why = fmt::format("{}: {}", current->expression.text().text, error.what());
    return PointFate::left_out;
  }
  return PointFate::valid;
}

}  // namespace moesim
