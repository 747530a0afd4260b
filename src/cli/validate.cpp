#include <algorithm>
#include <fmt/format.h>

#include "moesim/fit/calibrate.hpp"
#include "moesim/report/validation_report.hpp"
#include "moesim/scenario/load.hpp"

#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/link_cases.hpp"
#include "cli/trace_cases.hpp"

namespace moesim::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> traces_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_regular_file(folder, error)) return {folder};
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path());
  }
  if (files.empty()) throw InputError(fmt::format("{}: no traces are there (CSV files)", folder.string()));
  std::ranges::sort(files);
  return files;
}

fs::path default_folder(const ConfigRoots& roots) {
  for (const fs::path& root : roots.roots) {
    if (fs::is_directory(root / "traces")) return root / "traces";
  }
  throw InputError("no folder traces/ was found beside configs/: name one");
}

Output run_validate(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  const CommonOptions common = read_common(arguments, environment, problems);
  require_closed_form(common, problems);
  const std::string* folder = arguments.one("DIR");
  const std::string* cluster = arguments.one("--cluster");
  if (cluster != nullptr && folder == nullptr) {
    problems.push_back({.key = "--cluster", .message = "needs the file of the collectives that were measured on it"});
  }
  throw_if_any(problems);
  RunInfo run = environment.run;
  ValidationReport report;
  if (cluster != nullptr) {
    const fs::path cluster_file = find_config("clusters", *cluster, common.roots);
    add_input(run, cluster_file);
    add_input(run, *folder);
    add_collectives(*folder, load_cluster(cluster_file, common.overrides, common.roots, false), report);
  } else {
    ScenarioLoader loader(common.roots);
    for (const fs::path& file : traces_in(folder != nullptr ? fs::path(*folder) : default_folder(common.roots))) {
      add_input(run, file);
      add_trace(file, loader, common, report, problems);
    }
    throw_if_any(problems);
  }
  Output output = render(report, run, common, environment);
  if (!report.all_within()) output.status = 3;
  return output;
}

}  // namespace

Command validate_command() {
  Command command{
      .name = "validate",
      .summary = "predictions beside measured traces; exit status 3 when one is outside its tolerance",
      .description =
          "Predicts every case of the traces in a folder (or of one file) and compares: error, whether it is within "
          "the trace's tolerance, whether the measurement lies in the predicted 90 % interval, ratios between cases. "
          "A trace is a CSV file with the columns case, scenario, part, time_us, and keys of the scenario; parts: "
          "step, "
          "prefill, decode_step, layer or moe_block with .forward or .forward_backward. With "
          "--cluster the file holds collectives measured there: what nccl-tests printed, or moesim-bench's samples.",
      .options = {{.name = "DIR", .help = "folder of traces, or one of them (default: the shipped traces/)"},
                  {.name = "--cluster",
                   .value = "CLUSTER",
                   .help = "the file holds collectives, measured on this cluster (YAML file or a shipped one's name)"}},
      .examples = {{"validate", "the shipped traces"},
                   {"validate my_traces --format csv", "one row a case"},
                   {"validate alltoall_perf.txt --cluster h100_sxm_1x8", "how does my nccl-tests run compare?"}}};
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = run_validate;
  return command;
}

}  // namespace moesim::cli
