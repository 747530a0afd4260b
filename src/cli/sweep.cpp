#include <algorithm>
#include <atomic>
#include <csignal>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sweep/ranks.hpp"
#include "moesim/sweep/solve.hpp"

#include "cli/cases.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/engine.hpp"
#include "cli/output.hpp"
#include "cli/terminal_line.hpp"

namespace moesim::cli {
namespace {

constexpr int kMostJobs = 1024;
constexpr std::size_t kMostReasonsShown = 12;

struct SweepCommandOptions {
  CommonOptions common;
  std::filesystem::path file;
  int jobs = 1;
  bool resume = false;
  std::optional<std::string> solve;
};

/// A shipped sweep, or else a shipped scenario, by its bare name.
std::filesystem::path find_sweep(const std::string& word, const ConfigRoots& roots) {
  for (const auto& [name, path] : list_configs("scenarios", roots)) {
    if (name == word) return path;
  }
  return find_config("sweeps", word, roots);
}

SweepCommandOptions read_sweep_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  SweepCommandOptions options;
  options.common = read_common(arguments, environment, problems);
  const unsigned cores = std::thread::hardware_concurrency();
  options.jobs = std::clamp(static_cast<int>(cores), 1, kMostJobs);
  if (const std::string* jobs = arguments.one("--jobs")) {
    const auto count = read_positive(*jobs);
    if (!count || *count > kMostJobs) {
      problems.push_back(
          {.key = "--jobs " + *jobs, .message = fmt::format("is no whole number from 1 to {}", kMostJobs)});
    }
    options.jobs = count.value_or(1);
  }
  options.resume = arguments.given("--resume");
  if (options.resume && !options.common.output) {
    problems.push_back({.key = "--resume", .message = "needs -o FILE (what is on standard output cannot be gone on)"});
  }
  if (const std::string* solve = arguments.one("--solve")) options.solve = *solve;
  if (options.common.output == "-") {
    problems.push_back({.key = "-o -", .message = "is no file (leave -o out for standard output)"});
  }
  throw_if_any(problems);
  options.file = find_sweep(*arguments.one("SWEEP"), options.common.roots);
  if (options.file == "-") throw InputError("SWEEP -: every thread reads the sweep for itself (give a file)");
  return options;
}

// Ctrl-C sets it; a second one ends the program at once.
std::atomic<bool> interrupted{false};

void interrupt(int signal) {
  interrupted.store(true);
  std::signal(signal, SIG_DFL);
}

std::string summary_of(const SweepTotals& totals) {
  std::string text = fmt::format("{} points: {} rows", totals.next, totals.rows);
  if (totals.absent > 0) text += fmt::format(", {} repeat others (conditional axes)", totals.absent);
  const std::uint64_t left_out = total(totals.left_out);
  if (left_out > 0) text += fmt::format(", {} left out", left_out);
  std::vector<std::pair<std::uint64_t, std::string>> reasons;
  for (const auto& [reason, entry] : totals.left_out) {
    reasons.emplace_back(entry.count,
                         fmt::format("\n  {} x {} (point {}: {})", entry.count, reason, entry.first, entry.example));
  }
  std::ranges::stable_sort(reasons, [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < reasons.size() && i < kMostReasonsShown; ++i) text += reasons[i].second;
  if (reasons.size() > kMostReasonsShown)
    text += fmt::format("\n  ... and {} more reasons", reasons.size() - kMostReasonsShown);
  return text;
}

SweepRunOptions run_options(const SweepCommandOptions& options, TerminalLine& line) {
  return {.jobs = options.jobs,
          .progress =
              [&line](const SweepProgress& now) {
                line.show(fmt::format("{} of {} points  {:.0f}/s  {:.0f} s left  {} left out", now.points, now.of,
                                      now.points_per_second, now.seconds_left, now.left_out));
              },
          .stop = [] { return interrupted.load(); }};
}

Output run_to_stdout(RankJob& job, const SweepPlan& plan, const SweepCommandOptions& options) {
  StreamSink sink(STDOUT_FILENO, plan.header);
  TerminalLine line;
  const bool done = job.run(plan, sink, run_options(options, line));
  line.clear();
  if (!done) throw MachineError(fmt::format("interrupted at point {} of {}", sink.totals().next, plan.grid.size()));
  return {.text = {}, .notes = {summary_of(sink.totals())}};
}

Output run_to_file(RankJob& job, const SweepPlan& plan, const SweepCommandOptions& options,
                   const Environment& environment) {
  const std::filesystem::path& file = *options.common.output;
  FileSink sink(file, {.header = plan.header, .fingerprint = plan.fingerprint, .resume = options.resume});
  std::vector<std::string> notes;
  if (options.resume) {
    notes.push_back(sink.resumed()
                        ? fmt::format("went on at point {}", sink.totals().next)
                        : fmt::format("{} has no checkpoint of this sweep: started at the beginning", file.string()));
  }
  TerminalLine line;
  bool done = false;
  try {
    done = job.run(plan, sink, run_options(options, line));
  } catch (...) {
    sink.save();
    throw;
  }
  line.clear();
  if (!done) {
    sink.save();
    throw MachineError(
        fmt::format("interrupted at point {} of {}: the rows so far are in {}; the same command with "
                    "--resume goes on",
                    sink.totals().next, plan.grid.size(), FileSink::part_of(file).string()));
  }
  const RunInfo& run = environment.run;
  write_file(file.string() + ".meta.yaml", sweep_meta(plan, sink.totals(), run.version, run.git_commit, run.arguments));
  sink.finish();
  notes.push_back(fmt::format("{}: {}", file.string(), summary_of(sink.totals())));
  return {.text = {}, .notes = std::move(notes)};
}

Output run_rank_0(RankJob& job, const SweepPlan& plan, const SweepCommandOptions& options,
                  const Environment& environment) {
  if (options.solve || plan.sweep.solve) {
    const PlacedText text = options.solve ? PlacedText{.text = *options.solve, .file = "--solve"} : *plan.sweep.solve;
    return {.text = solve_table(plan, read_solve(text, plan)), .file = options.common.output};
  }
  for (const int signal : {SIGINT, SIGTERM}) {  // one that is ignored already (nohup, a background job) stays so
    if (std::signal(signal, interrupt) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
  return options.common.output ? run_to_file(job, plan, options, environment) : run_to_stdout(job, plan, options);
}

Output run_command(const Arguments& arguments, const Environment& environment) {
  RankJob job;
  try {
    const SweepCommandOptions options = read_sweep_options(arguments, environment);
    const RunInfo& run = environment.run;
    const SweepEngine engine{
        .name = std::string(engine_name(options.common.engine)),
        .predict = [&options](const Scenario& scenario) { return predict_with(options.common, scenario).prediction; }};
    const SweepPlan plan = plan_sweep(options.file, scenario_overrides(options.common), options.common.roots, engine,
                                      run.version + " " + run.git_commit);
    if (job.rank() == 0) {
      Output output = run_rank_0(job, plan, options, environment);
      job.dismiss();
      return output;
    }
    job.serve(plan);
  } catch (const InputError&) {
    // Every rank reads the same files and finds the same problems; one says so.
    if (job.rank() == 0) throw;
  } catch (...) {
    if (job.rank() == 0) job.dismiss();
    throw;
  }
  return {};
}

}  // namespace

Command sweep_command() {
  Command command{
      .name = "sweep",
      .summary = "what-if grids over any scenario key, one CSV row a point",
      .description =
          "Predicts a scenario, all its variants, at every point of a grid: keys of the scenario as axes (lists, "
          "linear and logarithmic ranges, axes that advance together, axes with conditions), keys that follow from "
          "others by expressions, points filtered by conditions (docs/sweeps.md). Points that are no valid scenario "
          "are left out and counted by reason. Rows are written as they come, in the order of the grid, whatever the "
          "number of threads; FILE appears when it is whole, until then the rows are in FILE.part. A sweep that was "
          "interrupted or killed goes on with --resume and ends in the same bytes. FILE.meta.yaml says what made it.",
      .options = {{.name = "SWEEP",
                   .help = "YAML file or name of a shipped sweep (configs/sweeps); a scenario is a sweep of one point",
                   .required = true},
                  {.name = "--jobs", .value = "N", .help = "threads (default: as many as there are cores)"},
                  {.name = "--resume", .help = "go on where an interrupted or killed sweep stopped"},
                  {.name = "--solve",
                   .value = "'COLUMN=X over KEY'",
                   .help = "break-even: at each point, where the column crosses X, with the key's 90 % interval; also: "
                           "of VARIANT, from A to B"}},
      .examples = {{"sweep network_bandwidth -o network.csv", "what if the network were faster?"},
                   {"sweep mine.yaml -o mine.csv --jobs 8 --resume", "after a reboot"},
                   {"sweep paper_training --solve 'speedup=1 over cluster.nic.bandwidth from 1Gbps to 100Tbps'",
                    "on which network does BigMac stop paying?"},
                   {"sweep routed_experts --set cluster.nic.count=4 -o four_nics.csv", "another cluster"}}};
  const std::vector<Option> common = common_options();
  for (const Option& option : common) {
    if (option.name != "--format") command.options.push_back(option);
  }
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_command(arguments, environment);
  };
  return command;
}

}  // namespace moesim::cli
