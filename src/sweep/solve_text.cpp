#include <algorithm>
#include <fmt/format.h>
#include <sstream>
#include <string>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/spelling.hpp"
#include "moesim/sweep/solve.hpp"

namespace moesim {
namespace {

constexpr double kReach = 64;  // how far from the scenario's own value one looks, when no range is given

[[noreturn]] void fail(const PlacedText& text, std::string message) {
  throw InputError({Diagnostic{.file = text.file,
                               .line = text.line,
                               .column = text.column,
                               .key = "solve " + text.text.substr(0, 100),
                               .message = std::move(message)}});
}

std::vector<std::string> words_of(std::string text) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos) text.replace(equals, 1, " = ");
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Number number_of(const PlacedText& text, const std::string& word) {
  const Value value = read_value(word, false);
  if (const auto* number = std::get_if<Number>(&value)) return *number;
  fail(text, fmt::format("{} is no number (with a unit or without)", word));
}

const SweepColumn* column_of(const PlacedText& text, const std::string& name) {
  std::vector<std::string_view> names;
  for (const SweepColumn& column : sweep_columns()) {
    if (column.name == name) return &column;
    names.push_back(column.name);
  }
  const std::string_view near = nearest(name, names);
  fail(text, fmt::format("{} is no column (one of: {}){}", name, fmt::join(names, ", "),
                         near.empty() ? "" : fmt::format(" did you mean {}?", near)));
}

bool overlap(std::string_view a, std::string_view b) {
  const auto holds = [](std::string_view section, std::string_view key) {
    return key.starts_with(section) && (key.size() == section.size() || key[section.size()] == '.');
  };
  return holds(a, b) || holds(b, a);
}

}  // namespace

SolveProblem read_solve(const PlacedText& text, const SweepPlan& plan) {
  const std::vector<std::string> words = words_of(text.text);
  if (words.size() < 5 || words[1] != "=" || words[3] != "over") {
    fail(text, "cannot be read (COLUMN = NUMBER over KEY [of VARIANT] [from A to B])");
  }
  SolveProblem problem;
  problem.column = column_of(text, words[0]);
  problem.target = number_of(text, words[2]).value;
  problem.key = words[4];
  const bool compares = problem.column->of == nullptr;
  if (compares && plan.variants.size() < 2) fail(text, "compares variants, and the scenario has none");
  problem.variant = compares && plan.baseline == 0 ? 1 : 0;
  bool ranged = false;
  for (std::size_t i = 5; i < words.size();) {
    if (words[i] == "of" && i + 1 < words.size()) {
      const auto found = std::find(plan.variants.begin(), plan.variants.end(), words[i + 1]);
      if (found == plan.variants.end()) {
        fail(text, fmt::format("{} is no variant (there are: {})", words[i + 1], fmt::join(plan.variants, ", ")));
      }
      problem.variant = static_cast<std::size_t>(found - plan.variants.begin());
      i += 2;
    } else if (words[i] == "from" && i + 3 < words.size() && words[i + 2] == "to") {
      problem.from = number_of(text, words[i + 1]);
      problem.to = number_of(text, words[i + 3]);
      ranged = true;
      i += 4;
    } else {
      fail(text, fmt::format("cannot be read from '{}' on (of VARIANT, from A to B)", words[i]));
    }
  }
  if (compares && problem.variant == plan.baseline) fail(text, "compares the baseline with itself");
  for (const SweepSlot& slot : plan.slots) {
    if (overlap(slot.key, problem.key)) fail(text, fmt::format("{} is an axis already ({})", problem.key, slot.key));
  }
  for (const std::string& used : plan.grid.constants()) {
    if (overlap(used, problem.key))
      fail(text, fmt::format("expressions of the sweep use {} (they would not follow it)", used));
  }
  if (!ranged) {
    PointLoader scenario(plan.file, plan.overrides, plan.roots, {});
    const std::optional<PlacedText> value = scenario.constant(problem.key);
    const Value own = value ? read_value(value->text, value->quoted) : Value{};
    const auto* number = std::get_if<Number>(&own);
    if (number == nullptr || number->value <= 0) {
      fail(text,
           fmt::format("{} has no number above zero in the scenario to start from: give from A to B", problem.key));
    }
    problem.from = {number->value / kReach, number->dimension};
    problem.to = {number->value * kReach, number->dimension};
    const bool whole = value->text.find_first_not_of("0123456789") == std::string::npos;
    if (whole) problem.from.value = std::max(1.0, std::ceil(problem.from.value));
  }
  if (problem.from.dimension != problem.to.dimension || problem.from.value >= problem.to.value) {
    fail(text, "has no range (from A to B, of one unit, A below B)");
  }
  return problem;
}

}  // namespace moesim
