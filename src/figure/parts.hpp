#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "moesim/figure/figure.hpp"

// What the figures have in common: colours, texts, reading of results.
namespace moesim::figure {

using Json = nlohmann::ordered_json;

/// Okabe and Ito's palette (2008), told apart by colour-blind readers; grey last.
inline constexpr std::array<std::string_view, 8> kPalette = {"#D55E00", "#0072B2", "#56B4E9", "#009E73",
                                                             "#E69F00", "#CC79A7", "#F0E442", "#999999"};
/// Contrast 4.5 : 1 on white and above 4 : 1 on nearly black.
inline constexpr std::string_view kInk = "#767676";

/// A unit for numbers of one axis.
struct Unit {
  double size = 1;
  std::string_view name;  ///< empty: none
};
[[nodiscard]] Unit time_unit(double largest_seconds);
/// Of a column by the ending of its name: "..._Bps", "..._s", "..._B". @param largest of its values
[[nodiscard]] Unit column_unit(std::string_view column, double largest);
/// "cluster.nic.bandwidth [GB/s]", without the ending that names the SI unit.
[[nodiscard]] std::string column_title(std::string_view column, const Unit& unit);

/// What stands around every figure: schema, title, caption, look.
[[nodiscard]] Json frame(std::string title, std::vector<std::string> caption);

/// Axis of a field that is a time, from and to in its unit.
[[nodiscard]] Json time_axis(const char* field, double from, double to, const Unit& unit);
/// Axis of named rows below each other, in this order.
[[nodiscard]] Json lane_axis(const char* field, Json names);
/// Lets the mouse move and stretch the time axis of a page.
[[nodiscard]] Json zoom_over_time();

/// A result that should be JSON. @throws InputError when it is none
[[nodiscard]] Json parse_json(const ResultFile& file);
/// @throws InputError naming the file when the key is not there or is no number
[[nodiscard]] double number_at(const Json& object, const char* key, const std::string& file);
[[nodiscard]] std::string text_at(const Json& object, const char* key, const std::string& file);

/// Of predict's result the whole, of compare's the variant that `--where variant=NAME` names, else the first.
/// @throws InputError when there is no such variant
[[nodiscard]] Json chosen_case(const Json& json, const ResultFile& file, const FigureOptions& options);
/// "paper_training, bigmac".
[[nodiscard]] std::string case_name(const Json& of_case, const ResultFile& file);

/// "moesim 0.1.0 (abc): moesim compare x.yaml" of the program that computed the result, else its file name.
[[nodiscard]] std::string source_of(const Json& result, const std::string& file, const RunInfo& run);

/// Lines of a caption at most as wide as a figure.
[[nodiscard]] std::vector<std::string> caption_lines(const std::vector<std::string>& sentences);

/// Cell of a table as a number. @throws InputError naming file, row and column
[[nodiscard]] double cell_number(const ResultFile& file, std::size_t row, std::size_t column);

/// Is the table what `moesim calibrate --residuals` writes?
[[nodiscard]] bool is_residuals(const ResultTable& table);
/// Is the table what `moesim search` writes?
[[nodiscard]] bool is_search(const ResultTable& table);

[[nodiscard]] Json breakdown_figure(const std::vector<ResultFile>& results, const FigureOptions& options,
                                    const RunInfo& run);
[[nodiscard]] Json speedup_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json heat_map_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json measured_figure(const std::vector<ResultFile>& results, const FigureOptions& options,
                                   const RunInfo& run);
[[nodiscard]] Json timeline_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json links_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json pareto_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json roofline_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json expert_load_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json residuals_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);
[[nodiscard]] Json sensitivity_figure(const ResultFile& result, const FigureOptions& options, const RunInfo& run);

}  // namespace moesim::figure
