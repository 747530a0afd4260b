#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/statistics.hpp"
#include "moesim/import/import.hpp"

#include "import/profile_events.hpp"
#include "import/profile_shapes.hpp"

namespace moesim {
namespace {

/// Columns of scripts/bench_torch.py that a trace can fill, and how often a shape was seen.
constexpr std::array<std::string_view, 20> kColumns = {
    "kernel",         "dtype", "m",        "n",         "k",
    "experts",        "rows",  "layout",   "sequences", "query_tokens",
    "context_tokens", "heads", "kv_heads", "head_dim",  "causal",
    "backward",       "bytes", "time_us",  "calls",     "cold"};
constexpr std::size_t kMostNamed = 8;
constexpr double kShortest = 1e-3;  // [us], what a trace resolves

/// Time of all kernels of one call of an operator whose shape is known, or of kernels that belong to none.
struct Attributed {
  std::map<int, double> calls;            ///< [us] by operator
  std::map<std::string, double> unknown;  ///< [us] by operator's or kernel's name
  std::size_t kernels = 0;
  double microseconds = 0;
};

Attributed attribute(const ProfileEvents& events, const std::vector<std::optional<ShapeColumns>>& shapes) {
  Attributed result;
  for (const DeviceKernel& kernel : events.kernels) {
    int op = kernel.op;
    while (op >= 0 && !shapes[static_cast<std::size_t>(op)]) op = events.ops[static_cast<std::size_t>(op)].parent;
    if (op >= 0) {
      result.calls[op] += kernel.microseconds;
      ++result.kernels;
      result.microseconds += kernel.microseconds;
    } else {
      const std::string& name = kernel.op >= 0 ? events.ops[static_cast<std::size_t>(kernel.op)].name : kernel.name;
      result.unknown[name] += kernel.microseconds;
    }
  }
  return result;
}

std::string line_of(const ShapeColumns& shape, double microseconds, std::size_t calls) {
  std::string line;
  for (const std::string_view column : kColumns) {
    if (column == "time_us") {
      line += fmt::format("{:.3f}", microseconds);
    } else if (column == "calls") {
      line += fmt::format("{}", calls);
    } else if (column == "cold") {
      line += '0';
    } else {
      const auto found = std::ranges::find(shape, column, &ShapeColumns::value_type::first);
      if (found != shape.end()) line += found->second;
    }
    line += column == kColumns.back() ? '\n' : ',';
  }
  return line;
}

/// The names that took longest, with their times.
std::string longest(const std::map<std::string, double>& times) {
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [name, time] : times) sorted.emplace_back(-time, name.substr(0, 60));
  std::ranges::sort(sorted);
  std::string list;
  for (std::size_t i = 0; i < std::min(kMostNamed, sorted.size()); ++i) {
    list += fmt::format("{}{} {:.0f} us", i == 0 ? "" : ", ", sorted[i].second, -sorted[i].first);
  }
  return sorted.size() > kMostNamed ? list + ", ..." : list;
}

}  // namespace

bool is_torch_profile(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' &&
         text.find("\"traceEvents\"") != std::string_view::npos;
}

Imported import_torch_profiler(std::string_view text, const std::string& file) {
  const ProfileEvents events = read_profile(text, file);
  std::vector<std::optional<ShapeColumns>> shapes;
  shapes.reserve(events.ops.size());
  for (const HostOp& op : events.ops) shapes.push_back(shape_of(op));
  const Attributed found = attribute(events, shapes);

  std::map<ShapeColumns, std::vector<double>> times;
  for (const auto& [op, microseconds] : found.calls) {
    if (microseconds >= kShortest) times[*shapes[static_cast<std::size_t>(op)]].push_back(microseconds);
  }
  if (times.empty()) {
    throw InputError({Diagnostic{
        .file = file,
        .message = fmt::format("has no kernel whose operator and shape are known ({} kernels, {} operators): record it "
                               "with torch.profiler.profile(activities=[CPU, CUDA], record_shapes=True)",
                               events.kernels.size(), events.ops.size())}});
  }
  Imported result;
  result.text = fmt::format("# from a trace of torch.profiler{}{}; medians over calls\n{}\n",
                            events.device.empty() ? "" : ": ", events.device, fmt::join(kColumns, ","));
  for (const auto& [shape, calls] : times) result.text += line_of(shape, nearest_quantile(calls, 0.5), calls.size());
  double unknown = 0;
  for (const auto& [name, microseconds] : found.unknown) unknown += microseconds;
  result.notes.push_back(fmt::format("{} of {} kernels ({:.0f} of {:.0f} us) belong to {} calls of {} shapes",
                                     found.kernels, events.kernels.size(), found.microseconds,
                                     found.microseconds + unknown, found.calls.size(), times.size()));
  if (!found.unknown.empty()) {
    result.notes.push_back(fmt::format("not identified, {:.0f} us: {}", unknown, longest(found.unknown)));
  }
  result.notes.emplace_back("times are of kernels as they ran, caches warm; the profiler makes short ones longer");
  return result;
}

}  // namespace moesim
