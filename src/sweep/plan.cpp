#include "moesim/sweep/plan.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/scenario/file_text.hpp"
#include "moesim/scenario/spelling.hpp"

namespace moesim {
namespace {

/// Sections in the order of what changing them costs: a cluster's routes are walked anew (a fraction of a millisecond),
/// a layout asks for other collectives; a variant's own key leaves the other variants as they are. The order decides
/// what is evaluated after what, never what comes out.
constexpr std::array<std::string_view, 7> kDearest = {"cluster", "parallelism", "model",   "framework",
                                                      "routing", "workload",    "variants"};

std::size_t rank_of(const std::string& key) {
  const std::string_view section = std::string_view(key).substr(0, key.find('.'));
  const auto* const found = std::find(kDearest.begin(), kDearest.end(), section);
  return found == kDearest.end() ? 0 : static_cast<std::size_t>(found - kDearest.begin());
}

std::vector<SweepSlot> order_slots(const Grid& grid) {
  std::vector<SweepSlot> slots;
  for (std::size_t i = 0; i < grid.axes().size(); ++i) {
    if (!grid.axes()[i].key.empty()) slots.push_back({grid.axes()[i].key, Binding::Source::axis, i});
  }
  for (std::size_t i = 0; i < grid.derived().size(); ++i) {
    slots.push_back({grid.derived()[i].key, Binding::Source::derived, i});
  }
  std::stable_sort(slots.begin(), slots.end(),
                   [](const SweepSlot& a, const SweepSlot& b) { return rank_of(a.key) < rank_of(b.key); });
  return slots;
}

std::size_t find_baseline(const SweepFile& sweep, const std::vector<std::string>& variants) {
  if (!sweep.baseline) return 0;
  const auto found = std::find(variants.begin(), variants.end(), *sweep.baseline);
  if (found != variants.end()) return static_cast<std::size_t>(found - variants.begin());
  throw InputError(fmt::format("{}: baseline = {}: is no variant of the scenario (there are: {})", sweep.name,
                               *sweep.baseline, fmt::join(variants, ", ")));
}

std::string quoted_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string header_of(const SweepPlan& plan) {
  std::string header;
  const auto add = [&header](const std::string& name) {
    if (!header.empty()) header += ',';
    header += quoted_cell(name);
  };
  for (const GridAxis& axis : plan.grid.axes()) add(axis.column);
  for (const DerivedKey& key : plan.grid.derived()) add(key.name);
  for (std::size_t v = 0; v < plan.variants.size(); ++v) {
    for (const SweepColumn* column : plan.columns) {
      if (column->of == nullptr && v == plan.baseline) continue;
      add(plan.variants[v].empty() ? std::string(column->name) : fmt::format("{}.{}", plan.variants[v], column->name));
    }
  }
  return header + "\n";
}

std::string fingerprint_of(const SweepPlan& plan, const std::string& program) {
  std::string all = program + "\n" + plan.engine.name + "\n" + plan.header;
  for (const Override& one : plan.overrides) all += one.text + "\n";
  for (const InputFile& file : plan.inputs) all += file.hash + "\n";
  return fnv1a(all);
}

}  // namespace

std::vector<std::string> slot_keys(const SweepPlan& plan) {
  std::vector<std::string> keys;
  for (const SweepSlot& slot : plan.slots) keys.push_back(slot.key);
  return keys;
}

SweepPlan plan_sweep(const std::filesystem::path& file, const std::vector<Override>& overrides,
                     const ConfigRoots& roots, const SweepEngine& engine, const std::string& program) {
  SweepFile sweep = load_sweep(file, roots);
  PointLoader scenario(file, overrides, roots, {});
  Grid grid(sweep, [&](const std::string& key) { return scenario.constant(key); });
  SweepPlan plan{.file = file,
                 .overrides = overrides,
                 .roots = roots,
                 .engine = engine,
                 .sweep = std::move(sweep),
                 .grid = std::move(grid),
                 .columns = {},
                 .variants = scenario.variants(),
                 .baseline = 0,
                 .slots = {},
                 .header = {},
                 .inputs = scenario.inputs(),
                 .fingerprint = {}};
  const std::optional<PlacedText> mode = scenario.written("mode");
  plan.columns = choose_columns(plan.sweep, mode && mode->text == "inference");
  plan.baseline = find_baseline(plan.sweep, plan.variants);
  plan.slots = order_slots(plan.grid);
  plan.header = header_of(plan);
  plan.fingerprint = fingerprint_of(plan, program);
  static_cast<void>(PointLoader(file, overrides, roots, slot_keys(plan)));  // the keys are checked before any point
  return plan;
}

}  // namespace moesim
