#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <set>

#include "moesim/base/diagnostic.hpp"

#include "figure/work_parts.hpp"

namespace moesim::figure {
namespace {

constexpr std::size_t kNumbered = 8;  // kernels that the caption names: the longest of the step

struct Kernel {
  std::string name;
  std::string dtype;  ///< empty: it only moves bytes
  std::size_t part = 0;
  double count = 0;
  double time = 0;         ///< of one [s]
  double flops = 0;        ///< of one
  double bytes = 0;        ///< of one
  std::size_t number = 0;  ///< in the caption; 0: not named there
  [[nodiscard]] double total() const { return count * time; }
};

struct Roofs {
  std::string device;
  double bandwidth = 0;                 ///< [B/s]
  std::map<std::string, double> peaks;  ///< by dtype [FLOP/s]
};

const Json& list_at(const Json& object, const char* key, const std::string& file) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_array()) return *found;
  throw InputError({{.file = file, .key = key, .message = "is not there (predict and compare write it)"}});
}

Roofs roofs_of(const Json& of_case, const std::string& file) {
  const Json roofs = of_case.value("roofs", Json());
  Roofs read{.device = text_at(roofs, "device", file),
             .bandwidth = number_at(roofs, "memory_bandwidth_Bps", file),
             .peaks = {}};
  for (const Json& peak : list_at(roofs, "matrix", file)) {
    read.peaks[text_at(peak, "dtype", file)] = number_at(peak, "peak_FLOPS", file);
  }
  if (!(read.bandwidth > 0)) {
    throw InputError({{.file = file, .key = "roofs.memory_bandwidth_Bps", .message = "must be above 0"}});
  }
  return read;
}

/// Longest first; the first few get numbers.
std::vector<Kernel> kernels_of(const Json& of_case, const std::string& file) {
  std::vector<Kernel> kernels;
  for (const Json& one : list_at(of_case, "kernels", file)) {
    const bool product = one.is_object() && one.contains("dtype") && one["dtype"].is_string();
    Kernel kernel{.name = text_at(one, "name", file),
                  .dtype = product ? text_at(one, "dtype", file) : std::string(),
                  .part = part_of(text_at(one, "kind", file)),
                  .count = number_at(one, "count", file),
                  .time = number_at(one, "time_s", file),
                  .flops = number_at(one, "flops", file),
                  .bytes = number_at(one, "bytes", file)};
    if (kernel.time > 0 && kernel.bytes > 0) kernels.push_back(std::move(kernel));
  }
  if (kernels.empty()) throw InputError({{.file = file, .key = "kernels", .message = "has no kernel to draw"}});
  std::ranges::stable_sort(kernels, std::ranges::greater{}, &Kernel::total);
  for (std::size_t i = 0; i < std::min(kNumbered, kernels.size()); ++i) kernels[i].number = i + 1;
  return kernels;
}

double total_of(const std::vector<Kernel>& kernels) {
  double all = 0;
  for (const Kernel& kernel : kernels) all += kernel.total();
  return all;
}

/// "1 experts.up 21 %, 2 logits 9 %": the numbered ones with their shares.
std::string legend_of(const std::vector<Kernel>& kernels) {
  std::string text = "Area: share of the kernels' time; longest:";
  const double all = total_of(kernels);
  for (const Kernel& kernel : kernels) {
    if (kernel.number == 0) continue;
    // No line breaks inside of an entry: spaces that do not break.
    text += fmt::format("{} {}\u00a0{}\u00a0{:.0f}\u00a0%", kernel.number == 1 ? "" : ",", kernel.number, kernel.name,
                        100 * kernel.total() / all);
  }
  return text + ".";
}

Json values_of(const std::vector<Kernel>& kernels, bool products) {
  const double all = total_of(kernels);
  Json values = Json::array();
  for (const Kernel& kernel : kernels) {
    if ((kernel.flops > 0) != products) continue;
    Json value = {{"kernel", kernel.name},
                  {"part", kWorkParts.at(kernel.part).name},
                  {"share", kernel.total() / all},
                  {"us", kernel.time * 1e6},
                  {"label", kernel.number > 0 ? fmt::format("{}", kernel.number) : std::string()},
                  {"bandwidth", kernel.bytes / kernel.time * 1e-9},
                  {"megabytes", kernel.bytes * 1e-6}};
    if (products) {
      value["intensity"] = kernel.flops / kernel.bytes;
      value["rate"] = kernel.flops / kernel.time * 1e-12;
      value["dtype"] = kernel.dtype;
    }
    values.push_back(std::move(value));
  }
  return values;
}

/// The bandwidth's slope up to each peak that some kernel has, and the peak from there on.
Json roof_lines(const Roofs& roofs, const std::vector<Kernel>& kernels) {
  std::set<std::string> dtypes;
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  for (const Kernel& kernel : kernels) {
    if (kernel.flops <= 0 || !roofs.peaks.contains(kernel.dtype)) continue;
    dtypes.insert(kernel.dtype);
    const double ridge = roofs.peaks.at(kernel.dtype) / roofs.bandwidth;
    least = std::min({least, kernel.flops / kernel.bytes, ridge});
    most = std::max({most, kernel.flops / kernel.bytes, ridge});
  }
  Json lines = Json::array();
  for (const std::string& dtype : dtypes) {
    const double peak = roofs.peaks.at(dtype);
    const std::string name = fmt::format("{} peak, {:.4g} TFLOPS", dtype, peak * 1e-12);
    for (const double x : {least / 2, peak / roofs.bandwidth, most * 2}) {
      lines.push_back({{"roof", name}, {"x", x}, {"y", std::min(x * roofs.bandwidth, peak) * 1e-12}, {"label", ""}});
    }
    lines.back()["label"] = name;
  }
  return lines;
}

Json log_axis(const char* field, const char* title) {
  return {{"field", field},
          {"type", "quantitative"},
          {"scale", {{"type", "log"}, {"nice", false}, {"padding", 10}}},
          {"title", title}};
}

Json tooltip(const char* field, const char* title) {
  return {{"field", field}, {"type", "quantitative"}, {"format", ".4~g"}, {"title", title}};
}

/// Points of kernels with the names of some.
Json kernel_layers(Json values, const Json& x, const Json& y, const Json& color, Json further) {
  Json tips = {{{"field", "kernel"}, {"type", "nominal"}},
               tooltip("us", "time of one [us]"),
               {{"field", "share"}, {"type", "quantitative"}, {"format", ".1%"}, {"title", "of the kernels' time"}}};
  for (Json& tip : further) tips.push_back(std::move(tip));
  const Json size = {
      {"field", "share"}, {"type", "quantitative"}, {"scale", {{"range", {25, 500}}}}, {"legend", nullptr}};
  const Json data = {{"values", std::move(values)}};
  return Json::array({{{"data", data},
                       {"mark", {{"type", "point"}, {"filled", true}, {"opacity", 0.85}}},
                       {"encoding", {{"x", x}, {"y", y}, {"color", color}, {"size", size}, {"tooltip", tips}}}},
                      {{"data", data},
                       {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 8}, {"dy", 8}, {"fontSize", 11}}},
                       {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "label"}}}}}}});
}

}  // namespace

Json roofline_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const Json json = parse_json(result);
  const Json of_case = chosen_case(json, result, options);
  const Roofs roofs = roofs_of(of_case, result.name);
  const std::vector<Kernel> kernels = kernels_of(of_case, result.name);
  std::set<std::size_t> parts;
  for (const Kernel& kernel : kernels) parts.insert(kernel.part);
  const Json color = {{"field", "part"},
                      {"type", "nominal"},
                      {"title", nullptr},
                      {"scale", part_colors(parts)},
                      {"legend", {{"orient", "bottom"}, {"columns", 3}}}};

  Json panels = Json::array();
  if (Json values = values_of(kernels, true); !values.empty()) {
    const Json x = log_axis("intensity", "arithmetic intensity [FLOP/B]");
    const Json y = log_axis("rate", "rate [TFLOPS]");
    Json roof_x = x;
    Json roof_y = y;
    roof_x["field"] = "x";
    roof_y["field"] = "y";
    const Json lines = {{"values", roof_lines(roofs, kernels)}};
    Json layers = Json::array(
        {{{"data", lines},
          {"mark", {{"type", "line"}, {"color", kInk}, {"strokeWidth", 1.5}}},
          {"encoding", {{"x", roof_x}, {"y", roof_y}, {"detail", {{"field", "roof"}, {"type", "nominal"}}}}}},
         {{"data", lines},
          {"mark", {{"type", "text"}, {"align", "right"}, {"baseline", "bottom"}, {"dy", -4}}},
          {"encoding", {{"x", roof_x}, {"y", roof_y}, {"text", {{"field", "label"}}}}}}});
    for (Json& layer : kernel_layers(std::move(values), x, y, color,
                                     Json::array({tooltip("intensity", "FLOP/B"), tooltip("rate", "TFLOPS"),
                                                  Json{{"field", "dtype"}, {"type", "nominal"}}}))) {
      layers.push_back(std::move(layer));
    }
    panels.push_back({{"width", 560}, {"height", 320}, {"layer", std::move(layers)}});
  }
  if (Json values = values_of(kernels, false); !values.empty()) {
    const Json x = log_axis("megabytes", "bytes moved by kernels without products [MB]");
    const Json y = log_axis("bandwidth", "rate [GB/s]");
    Json roof_y = y;
    roof_y["field"] = "roof";
    const double roof = roofs.bandwidth * 1e-9;
    const Json line = {{"values", Json::array({Json{{"roof", roof}, {"label", fmt::format("{:.4g} GB/s", roof)}}})}};
    Json layers = Json::array({{{"data", line},
                                {"mark", {{"type", "rule"}, {"color", kInk}, {"strokeWidth", 1.5}}},
                                {"encoding", {{"y", roof_y}}}},
                               {{"data", line},
                                {"mark", {{"type", "text"}, {"align", "left"}, {"baseline", "bottom"}, {"dx", 4}}},
                                {"encoding", {{"x", {{"value", 0}}}, {"y", roof_y}, {"text", {{"field", "label"}}}}}}});
    for (Json& layer : kernel_layers(std::move(values), x, y, color,
                                     Json::array({tooltip("megabytes", "MB"), tooltip("bandwidth", "GB/s")}))) {
      layers.push_back(std::move(layer));
    }
    panels.push_back({{"width", 560}, {"height", 150}, {"layer", std::move(layers)}});
  }

  const std::string usual = fmt::format("Kernels under the roofs of {}", roofs.device);
  Json figure =
      frame(options.title.empty() ? usual : options.title,
            caption_lines({fmt::format("{}.", case_name(of_case, result)),
                           "Each kernel at its predicted time on one GPU, alone. Bytes: operands and results once; "
                           "kernels that find theirs in the cache may stand above the slope.",
                           legend_of(kernels), source_of(json, result.name, run)}));
  figure["vconcat"] = std::move(panels);
  figure["resolve"] = {{"scale", {{"color", "shared"}, {"size", "shared"}}}};
  return figure;
}

}  // namespace moesim::figure
