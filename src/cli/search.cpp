#include "moesim/sweep/search.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "moesim/base/diagnostic.hpp"
#include "moesim/report/listing.hpp"

#include "cli/cases.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"

namespace moesim::cli {
namespace {

struct SearchCommandOptions {
  CommonOptions common;
  std::filesystem::path scenario;
  SearchOptions search;
};

SearchKey read_key(const std::string& text, std::vector<Diagnostic>& problems) {
  const std::size_t equals = text.find('=');
  SearchKey key;
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    problems.push_back({.key = "--over " + text, .message = "must be KEY=VALUE,VALUE,... (e.g. model.moe.top_k=4,8)"});
    return key;
  }
  key.key = text.substr(0, equals);
  key.values = split_list(text.substr(equals + 1));
  return key;
}

SearchCommandOptions read_search_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  SearchCommandOptions options;
  options.common = read_common(arguments, environment, problems);
  require_closed_form(options.common, problems);
  SearchOptions& search = options.search;
  if (const std::string* gpus = arguments.one("--gpus")) {
    for (const std::string& part : split_list(*gpus)) {
      const auto count = read_positive(part);
      if (!count) problems.push_back({.key = "--gpus " + part, .message = "is no whole number above zero"});
      search.gpus.push_back(count.value_or(1));
    }
  }
  if (const std::string* top = arguments.one("--top")) {
    const auto count = read_positive(*top);
    if (!count) problems.push_back({.key = "--top " + *top, .message = "is no whole number above zero"});
    search.top = static_cast<std::size_t>(count.value_or(1));
  }
  for (const std::string& text : arguments.all("--over")) search.structure.push_back(read_key(text, problems));
  if (const std::string* equal = arguments.one("--equal")) {
    search.equal_parameters = *equal == "parameters";
    search.equal_flops = *equal == "flops";
  }
  if (const std::string* objective = arguments.one("--objective")) search.gpu_time = *objective == "gpu_time";
  if (const std::string* variant = arguments.one("--variant")) search.variant = *variant;
  search.pareto = arguments.given("--pareto");
  search.exhaustive = arguments.given("--exhaustive");
  throw_if_any(problems);
  options.scenario = find_config("scenarios", *arguments.one("SCENARIO"), options.common.roots);
  return options;
}

/// One row a layout: what was chosen, then what comes of it.
Listing listing_of(const std::vector<FoundLayout>& found, std::string name) {
  Listing listing{.what = std::move(name), .columns = {}, .rows = {}};
  std::vector<std::string> keys;
  for (const FoundLayout& one : found) {
    for (const auto& setting : one.settings) {
      if (std::ranges::find(keys, setting.first) == keys.end()) keys.push_back(setting.first);
    }
  }
  for (const std::string& key : keys) {
    const std::string title = key.substr(key.rfind('.') + 1);
    listing.columns.push_back({.key = key, .title = title});
  }
  for (const auto& [key, title] :
       {std::pair("step_time_s", "step s"), std::pair("interval_s_lo", "from"), std::pair("interval_s_hi", "to"),
        std::pair("tokens_per_s", "tokens/s"), std::pair("mfu", "MFU"), std::pair("memory_per_gpu_B", "memory B")}) {
    listing.columns.push_back({.key = key, .title = title});
  }
  for (const FoundLayout& one : found) {
    std::vector<Listing::Cell> row;
    for (const std::string& key : keys) {
      const auto setting = std::ranges::find(one.settings, key, &std::pair<std::string, std::string>::first);
      row.emplace_back(setting == one.settings.end() ? std::string("-") : setting->second);
    }
    const Prediction& prediction = *one.prediction;
    for (const double value : {prediction.step_time.time.value, prediction.step_time.interval().lo.value,
                               prediction.step_time.interval().hi.value, prediction.tokens_per_s, prediction.mfu,
                               prediction.memory.total.value}) {
      row.emplace_back(value);
    }
    listing.rows.push_back(std::move(row));
  }
  return listing;
}

Output run_search(const SearchCommandOptions& options, const Environment& environment) {
  const SearchResult result =
      search_layouts(options.scenario, scenario_overrides(options.common), options.common.roots, options.search);
  if (result.best.empty()) {
    throw InputError(
        fmt::format("{}: no layout fits ({} layouts, {} refused, {} too large for the memory) use more "
                    "GPUs, or a larger global batch",
                    options.scenario.string(), result.layouts, result.invalid, result.too_large));
  }
  const bool front = options.search.pareto;
  Output output = render(listing_of(front ? result.pareto : result.best, front ? "pareto" : "layouts"), environment.run,
                         options.common, environment);
  output.notes.push_back(fmt::format(
      "{} layouts: {} predicted, {} pruned by their lower bound, {} too large for the memory, {} refused; exact{}",
      result.layouts, result.predicted, result.pruned, result.too_large, result.invalid,
      options.search.exhaustive ? " (exhaustive)" : " (branch and bound)"));
  return output;
}

}  // namespace

Command search_command() {
  Command command{
      .name = "search",
      .summary = "the best parallel layout that fits into memory; Pareto front",
      .description =
          "Goes through all layouts of a scenario: tensor, pipeline, context, expert and data parallel degrees that "
          "divide, ZeRO stage, micro-batch, recomputation, pipeline schedule, all-to-all algorithm; those that do not "
          "fit into memory are out. Exact: layouts are pruned by a lower bound of their step time (their kernels, one "
          "after the other, without communication), never by a guess. With --over, keys of the model are searched too, "
          "among models of equal size or equal FLOPs if wanted (docs/sweeps.md).",
      .options = {{.name = "SCENARIO", .help = "YAML file or name of a shipped scenario", .required = true},
                  {.name = "--variant", .value = "NAME", .help = "one of the scenario's variants (default: the first)"},
                  {.name = "--gpus", .value = "N,...", .help = "use so many GPUs (default: all of the cluster)"},
                  {.name = "--objective",
                   .value = "WHAT",
                   .help = "what is best (default: time; throughput is the same, as the batch is given)",
                   .choices = {"time", "throughput", "gpu_time"}},
                  {.name = "--top", .value = "N", .help = "how many layouts to show (default: 10)"},
                  {.name = "--pareto", .help = "show what nothing beats in time, memory and GPUs at once instead"},
                  {.name = "--over",
                   .value = "KEY=VALUE,...",
                   .help = "search this key too, e.g. model.moe.low_rank_ratio=0.125,0.25",
                   .repeatable = true},
                  {.name = "--equal",
                   .value = "WHAT",
                   .help = "of --over, only models equal to the scenario's (2 %)",
                   .choices = {"parameters", "flops"}},
                  {.name = "--exhaustive", .help = "predict every layout; for checking"}},
      .examples = {{"search deepseek_moe_16b_h100 --variant bigmac --top 5", "how should it be laid out?"},
                   {"search deepseek_moe_16b_h100 --gpus 8,16,32 --pareto --format csv", "time, memory, GPUs"},
                   {"search paper_training --over model.moe.low_rank_ratio=0.125,0.25 --equal parameters",
                    "structure and layout together"}}};
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_search(read_search_options(arguments, environment), environment);
  };
  return command;
}

}  // namespace moesim::cli
