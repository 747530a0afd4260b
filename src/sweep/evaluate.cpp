#include "moesim/sweep/evaluate.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <utility>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void leave_out(SweepChunk& chunk, std::uint64_t point, const std::string& reason, const std::string& example) {
  LeftOutPoints& entry = chunk.left_out[one_line(reason)];
  if (entry.count == 0 || point < entry.first) {
    entry.first = point;
    entry.example = one_line(example);
  }
  ++entry.count;
}

void leave_out(SweepChunk& chunk, std::uint64_t point, const InputError& error) {
  // The first problem decides; the key without its value, the message without its numbers.
  const Diagnostic& first = error.diagnostics().front();
  const std::string key = first.key.substr(0, first.key.find(" = "));
  const std::string reason = without_numbers(first.message);
  leave_out(chunk, point, key.empty() ? reason : fmt::format("{}: {}", key, reason),
            first.key.empty() ? first.message : fmt::format("{}: {}", first.key, first.message));
}

}  // namespace

std::string without_numbers(std::string_view text) {
  std::string out;
  bool in_number = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    const bool point = c == '.' && in_number && i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
    if (digit || point) {
      if (!in_number) out += 'N';
      in_number = true;
    } else {
      out += c;
      in_number = false;
    }
  }
  return out;
}

void add(LeftOutByReason& all, const LeftOutByReason& more) {
  for (const auto& [reason, entry] : more) {
    LeftOutPoints& sum = all[reason];
    if (sum.count == 0 || entry.first < sum.first) {
      sum.first = entry.first;
      sum.example = entry.example;
    }
    sum.count += entry.count;
  }
}

std::uint64_t total(const LeftOutByReason& all) {
  std::uint64_t sum = 0;
  for (const auto& entry : all) sum += entry.second.count;
  return sum;
}

namespace {

std::vector<std::string> all_keys(const SweepPlan& plan, const std::vector<std::string>& more) {
  std::vector<std::string> keys = slot_keys(plan);
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

}  // namespace

SweepEvaluator::SweepEvaluator(const SweepPlan& plan, const std::vector<std::string>& more)
    : plan_(plan),
      loader_(plan.file, plan.overrides, plan.roots, all_keys(plan, more)),
      laid_(plan.slots.size() + more.size()) {
  for (const GridAxis& axis : plan.grid.axes()) {
    auto& values = axis_values_.emplace_back();
    if (axis.key.empty()) continue;
    for (const PlacedText& text : axis.texts) values.push_back(PointLoader::value(text));
  }
}

void SweepEvaluator::lay(const GridPoint& point) {
  for (std::size_t slot = 0; slot < plan_.slots.size(); ++slot) {
    const SweepSlot& one = plan_.slots[slot];
    if (one.source == Binding::Source::axis) {
      const int index = point.index[one.index];
      laid_[slot] = index < 0 ? nullptr : axis_values_[one.index][static_cast<std::size_t>(index)];
      continue;
    }
    const DerivedKey& derived = plan_.grid.derived()[one.index];
    const PlacedText& place = derived.expression.expression.text();
    std::optional<std::string> text = write_value(point.derived[one.index]);
    if (!text) {
      throw InputError({Diagnostic{.file = place.file,
                                   .line = place.line,
                                   .column = place.column,
                                   .key = derived.name,
                                   .message = "has a value that no key can take (its unit is none of a time, size, "
                                              "bandwidth or compute rate)"}});
    }
    laid_[slot] =
        PointLoader::value({.text = *std::move(text), .file = place.file, .line = place.line, .column = place.column});
  }
}

std::vector<std::shared_ptr<const Prediction>> SweepEvaluator::predict(const GridPoint& point,
                                                                       const std::vector<PointValue>& more) {
  MOESIM_EXPECTS(more.size() == laid_.size() - plan_.slots.size());
  lay(point);
  std::copy(more.begin(), more.end(), laid_.begin() + static_cast<std::ptrdiff_t>(plan_.slots.size()));
  std::vector<std::shared_ptr<const Prediction>> all;
  for (const auto& scenario : loader_.load(laid_)) all.push_back(known(scenario).prediction);
  return all;
}

const SweepEvaluator::Known& SweepEvaluator::known(const std::shared_ptr<const Scenario>& scenario) {
  for (const Known& one : known_) {
    if (one.scenario == scenario) return one;
  }
  auto prediction = std::make_shared<const Prediction>(plan_.engine.predict(*scenario));
  Known& one = known_[next_known_];
  next_known_ = (next_known_ + 1) % known_.size();
  one.scenario = scenario;
  one.prediction = std::move(prediction);
  return one;
}

std::string SweepEvaluator::describe(const GridPoint& point) const {
  std::string text;
  for (std::size_t axis = 0; axis < point.index.size(); ++axis) {
    if (point.index[axis] < 0) continue;
    const GridAxis& one = plan_.grid.axes()[axis];
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", one.key.empty() ? one.name : one.key,
                        one.texts[static_cast<std::size_t>(point.index[axis])].text);
  }
  return text;
}

void SweepEvaluator::append_point(std::string& row, const GridPoint& point) const {
  for (std::size_t axis = 0; axis < point.index.size(); ++axis) {
    if (axis > 0) row += ',';
    if (point.index[axis] >= 0) row += plan_.grid.axes()[axis].cells[static_cast<std::size_t>(point.index[axis])];
  }
  for (std::size_t i = 0; i < point.derived.size(); ++i) {
    if (i > 0 || !point.index.empty()) row += ',';
    row += cell_text(point.derived[i]);
  }
}

void SweepEvaluator::append_cells(std::string& row, const std::vector<std::shared_ptr<const Prediction>>& all) const {
  const Prediction& baseline = *all[plan_.baseline];
  for (std::size_t v = 0; v < all.size(); ++v) {
    const Prediction& prediction = *all[v];
    std::optional<Speedup> compared;
    for (const SweepColumn* column : plan_.columns) {
      if (column->of == nullptr) {
        if (v == plan_.baseline) continue;
        if (!compared) compared = speedup(baseline, prediction);
        row += ',';
        append_number(row, column->of_speedup(*compared));
        continue;
      }
      row += ',';
      const std::optional<double> value = column->of(prediction);
      if (!value) continue;
      if (column->is_flag) {
        row += *value != 0 ? "true" : "false";
      } else {
        append_number(row, *value);
      }
    }
  }
}

void SweepEvaluator::note_inputs(const Scenario& scenario, SweepChunk& chunk) const {
  for (const InputFile& file : scenario.inputs) {
    const auto same = [&](const InputFile& one) { return one.path == file.path; };
    if (std::none_of(chunk.inputs.begin(), chunk.inputs.end(), same)) chunk.inputs.push_back(file);
  }
}

void SweepEvaluator::add_row(const GridPoint& point, std::string& row, SweepChunk& chunk) {
  std::vector<std::shared_ptr<const Prediction>> all;
  try {
    lay(point);
    for (const auto& scenario : loader_.load(laid_)) {
      all.push_back(known(scenario).prediction);
      note_inputs(*scenario, chunk);
    }
  } catch (const InputError& error) {
    leave_out(chunk, point.number, error);
    return;
  } catch (const ContractViolation& violation) {
    throw ContractViolation(fmt::format("{} (at point {}: {})", violation.what(), point.number, describe(point)));
  }
  if (plan_.sweep.must_fit) {
    for (const auto& prediction : all) {
      const MemoryPlan& memory = prediction->memory;
      if (memory.fits) continue;
      leave_out(chunk, point.number, fmt::format("{} does not fit into memory", prediction->variant),
                fmt::format("{:.4g} GB of {:.4g} GB, full at: {}", memory.total.value * 1e-9,
                            memory.capacity.value * 1e-9, memory.first_overflow));
      return;
    }
  }
  append_point(row, point);
  const std::size_t cells = row.size();
  append_cells(row, all);
  if (cells == 0) row.erase(0, 1);  // no axes: no comma before the first cell
  row += '\n';
  ++chunk.rows;
}

SweepChunk SweepEvaluator::evaluate(std::uint64_t begin, std::uint64_t end) {
  SweepChunk chunk{.begin = begin, .end = end, .text = {}, .left_out = {}, .inputs = {}};
  std::vector<Place> places;
  places.reserve(end - begin);
  std::string why;
  for (std::uint64_t number = begin; number < end; ++number) {
    Place place;
    switch (plan_.grid.decode(number, place.point, why)) {
      case PointFate::valid:
        places.push_back(std::move(place));
        break;
      case PointFate::absent:
        ++chunk.absent;
        break;
      case PointFate::left_out:
        leave_out(chunk, number, without_numbers(why), why);
        break;
    }
  }
  // Evaluated so that neighbours share what is dear, written in the order of their numbers.
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    for (const SweepSlot& slot : plan_.slots) {
      if (slot.source != Binding::Source::axis) continue;
      const int left = places[a].point.index[slot.index];
      const int right = places[b].point.index[slot.index];
      if (left != right) return left < right;
    }
    return a < b;
  });
  for (const std::size_t i : order) add_row(places[i].point, places[i].row, chunk);
  for (const Place& place : places) chunk.text += place.row;
  return chunk;
}

}  // namespace moesim
