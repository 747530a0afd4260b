#include "cli/common.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <system_error>

#include "moesim/scenario/file_text.hpp"
#include "moesim/scenario/spelling.hpp"

namespace moesim::cli {
namespace {

struct NamedFormat {
  std::string_view name;
  Format format;
};
constexpr std::array kFormats = {NamedFormat{"table", Format::table}, NamedFormat{"json", Format::json},
                                 NamedFormat{"csv", Format::csv}};

constexpr std::size_t kLargestHashed = std::size_t{256} << 20U;  // bytes

}  // namespace

std::vector<Option> common_options(CommonChoice choice) {
  std::vector<Option> options;
  if (choice.model) {
    options.push_back({.name = "--set",
                       .value = "KEY.PATH=VALUE",
                       .help = "replace or add one value of the YAML before it is read",
                       .repeatable = true,
                       .common = true});
    options.push_back({.name = "--engine",
                       .value = "ENGINE",
                       .help = "how the answer is computed; analytic: closed form, flow: events in time, transfers "
                               "that share the links (default: analytic)",
                       .choices = {"analytic", "flow"},
                       .common = true});
    options.push_back({.name = "--seed",
                       .value = "N",
                       .help = "seed of everything random (routing noise, shuffled experts); same seed, same result",
                       .common = true});
  }
  options.push_back({.name = "--format",
                     .value = "FORMAT",
                     .help = "table for people, json or csv for programs",
                     .choices = {"table", "json", "csv"},
                     .common = true});
  options.push_back({.name = "--output",
                     .value = "FILE",
                     .help = "write there instead of to standard output: whole or not at all",
                     .short_name = "-o",
                     .common = true});
  options.push_back({.name = "--config-root",
                     .value = "FOLDER",
                     .help = "a folder that has configs/ and calibration/, searched before those shipped",
                     .repeatable = true,
                     .common = true});
  return options;
}

void require_closed_form(const CommonOptions& common, std::vector<Diagnostic>& problems) {
  if (common.engine == Engine::analytic) return;
  problems.push_back(
      {.key = "--engine flow",
       .message = "is not for this command (it answers in closed form) predict, compare, explain, collective and "
                  "sweep take it"});
}

CommonOptions read_common(const Arguments& arguments, const Environment& environment,
                          std::vector<Diagnostic>& problems) {
  CommonOptions options;
  if (const std::string* format = arguments.one("--format")) {
    options.format = std::ranges::find(kFormats, *format, &NamedFormat::name)->format;
  }
  if (const std::string* output = arguments.one("--output")) {
    if (output->empty()) problems.push_back({.key = "--output", .message = "is empty (a file name is expected)"});
    options.output = *output;
  }
  if (const std::string* engine = arguments.one("--engine")) {
    options.engine = *engine == "flow" ? Engine::flow : Engine::analytic;
  }
  for (const std::string& text : arguments.all("--set")) options.overrides.push_back({text});
  if (const std::string* seed = arguments.one("--seed")) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(seed->data(), seed->data() + seed->size(), value);
    if (error != std::errc{} || end != seed->data() + seed->size()) {
      problems.push_back(
          {.key = fmt::format("--seed {}", *seed), .message = "is not a whole number from 0 to 2^64 - 1"});
    }
    options.seed = value;
  }
  for (const std::string& root : arguments.all("--config-root")) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(std::filesystem::path(root) / "configs", ignored)) {
      problems.push_back({.key = fmt::format("--config-root {}", root), .message = "has no folder configs/"});
    }
    options.roots.roots.emplace_back(root);
  }
  const auto& shipped = environment.roots.roots;
  options.roots.roots.insert(options.roots.roots.end(), shipped.begin(), shipped.end());
  return options;
}

void throw_if_any(std::vector<Diagnostic>& problems) {
  if (!problems.empty()) throw InputError(std::move(problems));
}

std::optional<int> read_positive(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.emplace_back(part);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::pair<std::string, std::filesystem::path>> list_configs(std::string_view folder,
                                                                        const ConfigRoots& roots) {
  std::map<std::string, std::filesystem::path> files;
  for (const std::filesystem::path& root : roots.roots) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(root / "configs" / folder, error)) {
      if (entry.path().extension() == ".yaml") files.emplace(entry.path().stem().string(), entry.path());
    }
  }
  return {files.begin(), files.end()};
}

std::filesystem::path find_config(std::string_view folder, const std::string& word, const ConfigRoots& roots) {
  std::error_code error;
  const bool is_path = word == "-" || word.find('/') != std::string::npos || word.ends_with(".yaml") ||
                       word.ends_with(".yml") || std::filesystem::exists(word, error);
  if (is_path) return word;
  const auto files = list_configs(folder, roots);
  std::vector<std::string_view> names;
  for (const auto& file : files) {
    if (file.first == word) return file.second;
    names.push_back(file.first);
  }
  if (names.empty()) {
    throw InputError(
        fmt::format("{}: does not exist (no shipped {} were found either) name a file or --config-root", word, folder));
  }
  const std::string_view near = nearest(word, names);
  throw InputError(fmt::format("{}: is neither a file nor one of the shipped {} ({}){}", word, folder,
                               fmt::join(names, ", "), near.empty() ? "" : fmt::format(" did you mean {}?", near)));
}

void add_input(RunInfo& run, const std::filesystem::path& file) {
  if (file == "-" || std::ranges::find(run.inputs, file.string(), &InputFile::path) != run.inputs.end()) return;
  const auto bytes = read_file(file, kLargestHashed);
  if (const auto* text = std::get_if<std::string>(&bytes)) run.inputs.push_back({file.string(), fnv1a(*text)});
}

}  // namespace moesim::cli
