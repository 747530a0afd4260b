#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

#include "figure/trace_events.hpp"

namespace moesim::figure {
namespace {

constexpr std::size_t kMostLinks = 16;
constexpr std::size_t kIntervals = 240;  // of the window: three pixels each
constexpr double kStep = 0.02;           // of a link's capacity: finer shades cannot be told apart

struct LinkUse {
  std::string name;
  std::string row;           ///< as the axis calls it
  std::vector<double> mean;  ///< by interval of the window
  double whole = 0;          ///< mean of the window
};

/// Mean of a counter in equal intervals of the window. Before its first value a link is idle.
std::vector<double> means_of(const TraceCounter& counter, const TraceWindow& window) {
  std::vector<double> means(kIntervals, 0);
  const double width = (window.to - window.from) / kIntervals;
  for (std::size_t i = 0; i < counter.size(); ++i) {
    const double begin = std::max(counter[i].first, window.from);
    const double end = std::min(i + 1 < counter.size() ? counter[i + 1].first : window.to, window.to);
    if (end <= begin || counter[i].second <= 0) continue;
    const auto bin_at = [&](double time) {
      return std::min(kIntervals - 1, static_cast<std::size_t>((time - window.from) / width));
    };
    for (std::size_t bin = bin_at(begin); bin <= bin_at(end); ++bin) {
      const double left = window.from + static_cast<double>(bin) * width;
      means[bin] += counter[i].second * std::max(0.0, std::min(end, left + width) - std::max(begin, left)) / width;
    }
  }
  return means;
}

/// "host3/nic0->leaf0" and "host1/nic1->leaf0" are alike: the same but for numbers.
std::string kind_of(const std::string& link) {
  std::string kind;
  for (const char letter : link) {
    const bool digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
    if (digit && kind.ends_with('#')) continue;
    kind += digit ? '#' : letter;
  }
  return kind;
}

std::vector<LinkUse> uses_of(const Trace& trace, const TraceWindow& window) {
  std::vector<LinkUse> uses;
  for (const auto& [name, counter] : trace.links) {
    if (!is_wanted(name, window.links)) continue;
    LinkUse use{.name = name, .row = name, .mean = means_of(counter, window)};
    for (const double mean : use.mean) use.whole += mean / kIntervals;
    if (use.whole > 0) uses.push_back(std::move(use));
  }
  std::ranges::stable_sort(uses, std::ranges::greater{}, &LinkUse::whole);
  return uses;
}

/// The busiest of each kind, named with how many there are.
std::vector<LinkUse> one_of_each(const std::vector<LinkUse>& uses) {
  std::map<std::string, std::size_t> alike;
  for (const LinkUse& use : uses) ++alike[kind_of(use.name)];
  std::vector<LinkUse> some;
  for (const LinkUse& use : uses) {
    const auto left = alike.extract(kind_of(use.name));
    if (left.empty()) continue;  // a busier one of its kind is there
    some.push_back(use);
    if (left.mapped() > 1) some.back().row += fmt::format(" (busiest of {})", left.mapped());
  }
  return some;
}

Json values_of(const std::vector<LinkUse>& shown, const TraceWindow& window, const Unit& unit) {
  const double width = (window.to - window.from) / kIntervals;
  const auto at = [&](std::size_t bin) {
    const double time = (window.from + static_cast<double>(bin) * width) / unit.size;
    return std::stod(fmt::format("{:.6g}", time));
  };
  Json values = Json::array();
  for (const LinkUse& use : shown) {
    const auto shade = [&](std::size_t bin) { return std::llround(use.mean[bin] / kStep); };
    for (std::size_t bin = 0; bin < kIntervals;) {
      const std::size_t first = bin;
      while (bin < kIntervals && shade(bin) == shade(first)) ++bin;
      if (shade(first) == 0) continue;
      values.push_back({{"link", use.row},
                        {"begin", at(first)},
                        {"end", at(bin)},
                        {"use", static_cast<double>(std::llround(100 * kStep)) * static_cast<double>(shade(first))}});
    }
  }
  return values;
}

}  // namespace

Json links_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const Trace trace = read_trace(result);
  const TraceWindow window = trace_window(trace, result, options);
  const std::vector<LinkUse> uses = uses_of(trace, window);
  if (uses.empty()) {
    throw InputError({{.file = result.name, .message = "has no link that carries anything in this window"}});
  }
  std::vector<LinkUse> shown = window.links.empty() ? one_of_each(uses) : uses;
  if (shown.size() > kMostLinks) shown.resize(kMostLinks);
  const Unit unit = time_unit(window.to);
  Json names = Json::array();
  for (LinkUse& use : shown) {
    use.row += fmt::format(" · {:.0f} %", 100 * use.whole);
    names.push_back(use.row);
  }
  Json figure = frame(options.title.empty() ? "Utilisation of links over time" : options.title,
                      caption_lines({fmt::format("{} of {} links that carry something, with the mean of the time "
                                                 "shown, busiest first{}. Empty: below {:.0f} %.",
                                                 shown.size(), uses.size(),
                                                 window.links.empty() ? ", one of each kind" : "", 50 * kStep),
                                     source_of({{"provenance", trace.provenance}}, result.name, run)}));
  figure["width"] = 640;
  figure["height"] = {{"step", 22}};
  figure["data"] = {{"values", values_of(shown, window, unit)}};
  figure["params"] = Json::array({zoom_over_time()});
  figure["mark"] = {{"type", "bar"}, {"height", 16}, {"clip", true}, {"aria", false}};
  figure["encoding"] = {
      {"y", lane_axis("link", std::move(names))},
      {"x", time_axis("begin", window.from / unit.size, window.to / unit.size, unit)},
      {"x2", {{"field", "end"}}},
      {"color",
       {{"field", "use"},
        {"type", "quantitative"},
        {"title", "utilisation [%]"},
        {"scale", {{"domain", {0, 100}}, {"scheme", "viridis"}, {"clamp", true}}},
        {"legend", {{"orient", "bottom"}, {"direction", "horizontal"}, {"gradientLength", 240}, {"titleLimit", 240}}}}},
      {"tooltip",
       {{{"field", "link"}, {"type", "nominal"}},
        {{"field", "begin"}, {"type", "quantitative"}, {"title", fmt::format("from [{}]", unit.name)}},
        {{"field", "end"}, {"type", "quantitative"}, {"title", fmt::format("to [{}]", unit.name)}},
        {{"field", "use"}, {"type", "quantitative"}, {"title", "utilisation [%]"}}}}};
  return figure;
}

}  // namespace moesim::figure
