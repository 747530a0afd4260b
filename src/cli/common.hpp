#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/report/run_info.hpp"
#include "moesim/scenario/load.hpp"

#include "cli/command.hpp"

// Options that every command has, and how their text becomes values.
namespace moesim::cli {

enum class Engine { analytic, flow };

struct CommonOptions {
  Format format = Format::table;
  std::optional<std::filesystem::path> output;
  std::vector<Override> overrides;
  std::optional<std::uint64_t> seed;
  Engine engine = Engine::analytic;
  ConfigRoots roots;
};

/// Notes as a problem that the flow engine was asked for, where only the closed form answers.
void require_closed_form(const CommonOptions& common, std::vector<Diagnostic>& problems);

/// Which of the common options a command takes; --format, --output, --config-root are in all.
struct CommonChoice {
  bool model = true;  ///< --engine, --set, --seed
};
[[nodiscard]] std::vector<Option> common_options(CommonChoice choice = {});
[[nodiscard]] CommonOptions read_common(const Arguments& arguments, const Environment& environment,
                                        std::vector<Diagnostic>& problems);

/// Throws what was collected, if anything.
void throw_if_any(std::vector<Diagnostic>& problems);

/// A whole number >= 1 ("4096"; no unit, no sign, no fraction).
[[nodiscard]] std::optional<int> read_positive(std::string_view text);
/// "a,b,c" in its parts, without the spaces around them.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

/// The file that a command-line word means: a path (it has a slash, ends in .yaml or exists), "-" (standard input), or
/// the name of a shipped file of that folder of configs/.
/// @throws InputError naming what there is
[[nodiscard]] std::filesystem::path find_config(std::string_view folder, const std::string& word,
                                                const ConfigRoots& roots);
/// Shipped files of a folder of configs/, by name; of two with one name the first root's.
[[nodiscard]] std::vector<std::pair<std::string, std::filesystem::path>> list_configs(std::string_view folder,
                                                                                      const ConfigRoots& roots);

/// Adds a file to the provenance, once. Standard input is not hashed: it can be read only once.
void add_input(RunInfo& run, const std::filesystem::path& file);

/// A report as text, where the --format option wants it.
template <class Report>
[[nodiscard]] Output render(const Report& report, const RunInfo& run, const CommonOptions& options,
                            const Environment& environment) {
  switch (options.format) {
    case Format::json:
      return {.text = to_json(report, run), .file = options.output};
    case Format::csv:
      return {.text = to_csv(report, run), .file = options.output};
    case Format::table:
      break;
  }
  return {.text = to_table(report, run, {.color = environment.color && !options.output}), .file = options.output};
}

}  // namespace moesim::cli
