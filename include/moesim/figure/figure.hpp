#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moesim/report/run_info.hpp"

namespace moesim {

enum class FigureKind {
  breakdown,    ///< predict, compare: one stacked bar a variant, with the interval of its time
  speedup,      ///< sweep: a column over one axis, with its interval, and where it crosses 1
  heat_map,     ///< sweep: a column over two axes
  measured,     ///< validate: predicted against measured times
  sensitivity,  ///< explain: elasticity of the step time to each resource
  pareto,       ///< search: time against memory, the front of each number of GPUs
  roofline,     ///< predict, compare: the kernels of a step under the peaks of their device
  expert_load,  ///< predict, compare: rows of each expert and rank
  residuals,    ///< calibrate --residuals: measured over predicted of samples that the fit had not seen
  timeline,     ///< trace of the flow engine: what each stream of each rank does when
  links,        ///< trace of the flow engine: how full links are when
};
struct NamedFigure {
  std::string_view name;
  FigureKind kind;
};
inline constexpr std::array kFigures = {NamedFigure{"breakdown", FigureKind::breakdown},
                                        NamedFigure{"speedup", FigureKind::speedup},
                                        NamedFigure{"heat_map", FigureKind::heat_map},
                                        NamedFigure{"measured", FigureKind::measured},
                                        NamedFigure{"sensitivity", FigureKind::sensitivity},
                                        NamedFigure{"timeline", FigureKind::timeline},
                                        NamedFigure{"links", FigureKind::links},
                                        NamedFigure{"pareto", FigureKind::pareto},
                                        NamedFigure{"roofline", FigureKind::roofline},
                                        NamedFigure{"expert_load", FigureKind::expert_load},
                                        NamedFigure{"residuals", FigureKind::residuals}};

/// A result in CSV, as text.
struct ResultTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< each as long as `columns`
};

/// A result file: JSON, or a table when it was CSV.
struct ResultFile {
  std::string name;
  std::string json = {};
  std::optional<ResultTable> table = std::nullopt;
};

struct FigureOptions {
  std::optional<FigureKind> kind = std::nullopt;  ///< absent: what the result is usually drawn as
  std::string title = {};
  std::string x = {};      ///< sweeps: column; empty: the first that varies
  std::string y = {};      ///< heat maps: column; empty: the second that varies
  std::string value = {};  ///< sweeps: column; empty: every speed-up (heat map: the first)
  std::vector<std::pair<std::string, std::string>> where =
      {};  ///< sweeps: only rows with these values (as written); traces: rank, stream, link, from, to; compare:
           ///< variant; residuals: law
};

/// The results as a Vega-Lite specification (JSON, version 6), data and caption inside. Colours are told apart by
/// colour-blind readers; the background is transparent and the text grey, so that it is read on paper and on a dark
/// screen.
/// @param run the program that draws; the program that computed stands in the result and goes into the caption too
/// @throws InputError when the results cannot be drawn so
[[nodiscard]] std::string figure_spec(const std::vector<ResultFile>& results, const FigureOptions& options,
                                      const RunInfo& run);

/// A page that shows a specification without any network: HTML with the scripts inside.
/// @param scripts JavaScript that defines window.vegaEmbed
[[nodiscard]] std::string figure_page(const std::string& spec, const std::string& scripts);

}  // namespace moesim
