#include <algorithm>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

#include "figure/parts.hpp"

namespace moesim::figure {
namespace {

constexpr std::size_t kWidth = 620;     // of all bars [pixels]
constexpr std::size_t kMostBars = 620;  // one a pixel

struct Bars {
  std::vector<double> rows;
  std::vector<std::int64_t> ranks;  ///< whose they are
};

struct Load {
  Bars experts;
  Bars ranks;
};

[[noreturn]] void refuse(const ResultFile& result, const char* message) {
  throw InputError({{.file = result.name, .key = "expert_load", .message = message}});
}

Load load_of(const Json& of_case, const ResultFile& result) {
  const auto load = of_case.find("expert_load");
  if (load == of_case.end()) refuse(result, "is not there (predict and compare write it)");
  if (load->is_null()) refuse(result, "is empty: the model has no experts");
  Load read;
  for (const Json& rank : load->value("ranks", Json::array())) {
    const auto number = static_cast<std::int64_t>(number_at(rank, "rank", result.name));
    read.ranks.rows.push_back(number_at(rank, "rows", result.name));
    read.ranks.ranks.push_back(number);
    for (const Json& rows : rank.value("expert_rows", Json::array())) {
      if (!rows.is_number()) refuse(result, "has rows that are no number");
      read.experts.rows.push_back(rows.get<double>());
      read.experts.ranks.push_back(number);
    }
  }
  if (read.experts.rows.empty()) refuse(result, "has no rank with experts");
  return read;
}

double mean_of(const std::vector<double>& rows) {
  double sum = 0;
  for (const double one : rows) sum += one;
  return sum / static_cast<double>(rows.size());
}

/// Bars from the heaviest to the lightest, with their mean; of very many, every n-th.
Json panel(const Bars& bars, const char* one, const char* all, std::string_view color) {
  std::vector<std::size_t> order(bars.rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return bars.rows[i]; });
  const std::size_t step = (order.size() + kMostBars - 1) / kMostBars;
  Json values = Json::array();
  for (std::size_t place = 0; place < order.size(); place += step) {
    const std::size_t i = order[place];
    values.push_back({{"from", place},
                      {"to", std::min(place + step, order.size())},
                      {"rows", bars.rows[i]},
                      {"rank", bars.ranks[i]}});
  }
  const double mean = mean_of(bars.rows);
  const double most = bars.rows[order.front()];
  const std::string said =
      mean > 0 ? fmt::format("mean {:.{}f}, max/mean {:.3g}", mean, mean < 100 ? 1 : 0, most / mean) : "no rows";
  const Json note = {{"values", Json::array({Json{{"mean", mean}, {"label", said}}})}};
  const Json y = {{"field", "rows"}, {"type", "quantitative"}, {"title", fmt::format("rows per {}", one)}};
  const auto place = [&](const char* field) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"scale", {{"domain", {0, order.size()}}, {"nice", false}}},
                {"axis", {{"grid", false}, {"tickMinStep", 1}}},
                {"title", fmt::format("{} {}, from the heaviest to the lightest", order.size(), all)}};
  };
  Json y_mean = y;
  y_mean["field"] = "mean";
  // Bars of many pixels have gaps between them, the others would be gaps alone.
  const bool gaps = order.size() * 6 < kWidth;
  return {{"width", kWidth},
          {"height", 170},
          {"layer",
           Json::array({{{"data", {{"values", std::move(values)}}},
                         {"mark", {{"type", "rect"}, {"color", color}, {"xOffset", gaps ? 1 : 0}, {"aria", false}}},
                         {"encoding",
                          {{"x", place("from")},
                           {"x2", {{"field", "to"}}},
                           {"y", y},
                           {"y2", {{"datum", 0}}},
                           {"tooltip",
                            {{{"field", "rows"}, {"type", "quantitative"}, {"format", ".5~g"}},
                             {{"field", "rank"}, {"type", "quantitative"}, {"title", "on rank"}}}}}}},
                        {{"data", note},
                         {"mark", {{"type", "rule"}, {"color", kInk}, {"strokeDash", {5, 4}}}},
                         {"encoding", {{"y", y_mean}}}},
                        {{"data", note},
                         {"mark", {{"type", "text"}, {"align", "right"}, {"baseline", "bottom"}, {"dy", -4}}},
                         {"encoding", {{"x", {{"value", kWidth}}}, {"y", y_mean}, {"text", {{"field", "label"}}}}}}})}};
}

}  // namespace

Json expert_load_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run) {
  const Json json = parse_json(result);
  const Json of_case = chosen_case(json, result, options);
  const Load load = load_of(of_case, result);
  const Json& written = of_case["expert_load"];
  std::string caption = "Rows (token, expert) of one all-to-all of the first MoE layer. The slowest rank decides.";
  if (written.value("routings", 1) > 1) caption += " Other layers or micro-batches are routed differently.";
  if (const double dropped = written.value("dropped_fraction", 0.0); dropped > 0) {
    caption += fmt::format(" Dropped beyond the capacity: {:.2g} %.", 100 * dropped);
  }
  Json figure = frame(
      options.title.empty() ? fmt::format("Load of experts and ranks: {}", case_name(of_case, result)) : options.title,
      caption_lines({caption, source_of(json, result.name, run)}));
  figure["vconcat"] = Json::array(
      {panel(load.experts, "expert", "experts", kPalette[1]), panel(load.ranks, "rank", "ranks", kPalette[0])});
  return figure;
}

}  // namespace moesim::figure
