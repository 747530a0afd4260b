#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "moesim/base/quantity_text.hpp"
#include "moesim/report/collective_report.hpp"
#include "moesim/report/trace.hpp"
#include "moesim/sim/run_collective.hpp"

#include "cli/bytes_matrix.hpp"
#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/engine.hpp"
#include "cli/output.hpp"

namespace moesim::cli {
namespace {

struct CollectiveOptions {
  CommonOptions common;
  CollectiveKind kind = CollectiveKind::all_to_all;
  Algorithms algorithms;
  std::filesystem::path cluster;
  std::vector<Bytes> sizes;  ///< empty: `matrix`
  std::optional<std::filesystem::path> matrix;
  std::optional<int> ranks;
  bool ideal = false;
  std::optional<std::filesystem::path> trace;
};

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names = names_of(kAllToAllAlgorithms);
  for (std::string& name : names_of(kCollectiveAlgorithms)) names.push_back(std::move(name));
  return names;
}

void read_sizes(const Arguments& arguments, CollectiveOptions& options, std::vector<Diagnostic>& problems) {
  for (const std::string& list : arguments.all("--bytes-per-rank")) {
    for (const std::string& text : split_list(list)) {
      const std::optional<Bytes> size = parse_quantity<Bytes>(text);
      const std::string key = fmt::format("--bytes-per-rank {}", text);
      if (!size) {
        problems.push_back(
            {.key = key,
             .message = fmt::format("is not a size with its unit ({}) write 64MiB, say", quantity_units<Bytes>())});
      } else if (size->value <= 0) {
        problems.push_back({.key = key, .message = "must be positive"});
      } else {
        options.sizes.push_back(*size);
      }
    }
  }
  if (const std::string* file = arguments.one("--bytes-matrix")) options.matrix = *file;
  if (arguments.given("--bytes-per-rank") == arguments.given("--bytes-matrix")) {
    problems.push_back({.key = "--bytes-per-rank, --bytes-matrix", .message = "exactly one of them is needed"});
  }
  if (options.matrix && options.kind != CollectiveKind::all_to_all) {
    problems.push_back({.key = "--bytes-matrix", .message = "only an all_to_all has a matrix of sizes"});
  }
}

/// Names of the algorithms of a kind.
std::vector<std::string_view> algorithms_of(CollectiveKind kind) {
  std::vector<std::string_view> names;
  if (kind == CollectiveKind::all_to_all) {
    for (const NamedAllToAll& one : kAllToAllAlgorithms) names.push_back(one.name);
  }
  for (const NamedCollectiveAlgorithm& one : kCollectiveAlgorithms) {
    if (has_algorithm(kind, one.algorithm)) names.push_back(one.name);
  }
  return names;
}

void read_algorithm(const std::string& name, CollectiveOptions& options, std::vector<Diagnostic>& problems) {
  const std::vector<std::string_view> names = algorithms_of(options.kind);
  if (std::ranges::find(names, name) == names.end()) {
    problems.push_back({.key = fmt::format("--algorithm {}", name),
                        .message = names.empty() ? std::string("there is no choice for this operation")
                                                 : fmt::format("is not an algorithm of this operation; one of: {}",
                                                               fmt::join(names, ", "))});
    return;
  }
  if (options.kind == CollectiveKind::all_to_all) {
    options.algorithms = std::ranges::find(kAllToAllAlgorithms, name, &NamedAllToAll::name)->algorithm;
  } else {
    options.algorithms = std::ranges::find(kCollectiveAlgorithms, name, &NamedCollectiveAlgorithm::name)->algorithm;
  }
}

std::string_view algorithm_name(const CollectiveOptions& options) {
  if (options.kind == CollectiveKind::all_to_all) {
    return std::ranges::find(kAllToAllAlgorithms, options.algorithms.all_to_all, &NamedAllToAll::algorithm)->name;
  }
  if (!has_algorithm(options.kind, options.algorithms.others)) return {};
  return std::ranges::find(kCollectiveAlgorithms, options.algorithms.others, &NamedCollectiveAlgorithm::algorithm)
      ->name;
}

CollectiveOptions read_collective_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  CollectiveOptions options;
  options.common = read_common(arguments, environment, problems);
  options.kind = std::ranges::find(kCollectives, *arguments.one("KIND"), &NamedCollective::name)->kind;
  if (const std::string* name = arguments.one("--algorithm")) {
    read_algorithm(*name, options, problems);
  }
  read_sizes(arguments, options, problems);
  if (const std::string* ranks = arguments.one("--ranks")) {
    options.ranks = read_positive(*ranks);
    if (!options.ranks) {
      problems.push_back({.key = fmt::format("--ranks {}", *ranks), .message = "is not a whole number of at least 1"});
    }
  }
  options.ideal = arguments.given("--ideal");
  options.trace = read_recording(arguments, "--trace", options.common, problems);
  if (options.trace && options.sizes.size() > 1) {
    problems.push_back({.key = "--trace", .message = "shows one collective: give one size"});
  }
  throw_if_any(problems);
  options.cluster = find_config("clusters", *arguments.one("--cluster"), options.common.roots);
  return options;
}

CollectivePoint measure(const CollectiveModel& model, const CollectivePlan& plan, Bytes bytes_per_rank, Engine engine) {
  CollectivePoint point{.bytes_per_rank = bytes_per_rank, .estimate = {}, .links = {}};
  if (engine == Engine::flow) {
    CollectiveRun run;
    point.estimate = estimate_by_flows(model, plan, bytes_per_rank, run);
    point.flows = FlowCounts{.transfers = run.transfers, .folded = run.folded};
  } else {
    point.estimate = model.estimate(plan, bytes_per_rank);
  }
  for (const LinkLoad& load : model.link_loads(plan, bytes_per_rank, point.estimate.estimate.time)) {
    point.links.push_back({model.topology().link(load.link).name, load.bytes, load.utilization});
  }
  return point;
}

CollectivePlan plan_of(const CollectiveOptions& options, const CollectiveModel& model,
                       const std::optional<BytesMatrix>& matrix, int ranks) {
  const PlanDetail detail = options.common.engine == Engine::flow ? PlanDetail::transfers : PlanDetail::loads;
  if (matrix) return model.plan_uneven(first_ranks(ranks), matrix->bytes, options.algorithms.all_to_all, {}, detail);
  return model.plan(options.kind, options.algorithms, {first_ranks(ranks)}, {}, detail);
}

Output run_collective(const CollectiveOptions& options, const Environment& environment) {
  const CommonOptions& common = options.common;
  const Cluster cluster = load_cluster(options.cluster, common.overrides, common.roots, options.ideal);
  const CollectiveModel& model = *cluster.collectives;
  RunInfo run = environment.run;
  add_input(run, options.cluster);
  run.engine = engine_name(common.engine);

  std::optional<BytesMatrix> matrix;
  if (options.matrix) {
    matrix = read_bytes_matrix(*options.matrix);
    add_input(run, *options.matrix);
  }
  const int ranks = options.ranks.value_or(matrix ? matrix->ranks : model.topology().ranks());
  if (matrix && matrix->ranks != ranks) {
    throw InputError(fmt::format("--ranks {}: the matrix {} has {} lines (one per sending rank)", ranks,
                                 options.matrix->string(), matrix->ranks));
  }
  if (ranks > model.topology().ranks()) {
    throw InputError(
        fmt::format("{} ranks: the cluster {} has only {}", ranks, cluster.name, model.topology().ranks()));
  }

  CollectiveReport report{.kind = options.kind,
                          .algorithm = algorithm_name(options),
                          .cluster = cluster.name,
                          .ranks = ranks,
                          .ideal = options.ideal,
                          .matrix = matrix.has_value(),
                          .points = {}};
  const CollectivePlan plan = plan_of(options, model, matrix, ranks);
  const std::vector<Bytes> sizes = matrix ? std::vector{Bytes{plan.uneven_bytes}} : options.sizes;
  for (const Bytes size : sizes) report.points.push_back(measure(model, plan, size, common.engine));
  if (options.trace) {
    CollectiveRun spans = run_collective(model, plan, report.points.front().bytes_per_rank, FlowDetail::spans);
    for (FlowSpan& flow : spans.flows)
      flow.name = std::ranges::find(kCollectives, options.kind, &NamedCollective::kind)->name;
    Timeline timeline;
    timeline.makespan = spans.time;
    timeline.end = spans.time;
    timeline.flows = std::move(spans.flows);
    write_file(*options.trace, to_chrome_trace({timeline}, model, run));
  }
  return render(report, run, common, environment);
}

}  // namespace

Command collective_command() {
  Command command{
      .name = "collective",
      .summary = "one collective alone: time, algbw and busbw as nccl-tests prints them, link loads",
      .description =
          "Predicts one collective operation on a cluster. Sizes are what nccl-tests calls size: for an all_to_all the "
          "whole "
          "send buffer of a rank, its own block included (S/R to each of R ranks); all_reduce: the buffer; all_gather: "
          "the "
          "gathered output; reduce_scatter: the input; send_recv: the message that each rank sends to the next one.",
      .options =
          {{.name = "KIND", .help = "the operation", .choices = names_of(kCollectives), .required = true},
           {.name = "--cluster",
            .value = "CLUSTER",
            .help = "YAML file or name of a shipped cluster (see 'moesim list clusters')",
            .required = true},
           {.name = "--bytes-per-rank",
            .value = "SIZE[,SIZE...]",
            .help = "size with its unit, one or several: 64KiB,1MiB,64MiB",
            .repeatable = true},
           {.name = "--bytes-matrix",
            .value = "FILE",
            .help = "comma-separated bytes from rank (line) to rank (column), for an uneven all_to_all; - is standard "
                    "input"},
           {.name = "--ranks", .value = "N", .help = "the first N GPUs in cluster order (default: all)"},
           {.name = "--algorithm",
            .value = "NAME",
            .help = "of an all_to_all: flat (every pair at once, the default), hierarchical_2d (inside the machines "
                    "first), node_deduplicated (one copy to each machine, forwarded inside); of all_reduce, "
                    "all_gather, reduce_scatter: ring (the default), direct (every rank to every other), of "
                    "all_reduce also tree (NCCL's double binary tree)",
            .choices = algorithm_names()},
           {.name = "--ideal", .help = "capacities and latencies of the file only, measured efficiencies switched off"},
           trace_option()},
      .examples = {
          {"collective all_to_all --cluster l40s_1x8 --bytes-per-rank 64MiB", "eight GPUs on PCIe"},
          {"collective all_reduce --cluster h100_sxm_1x8 --bytes-per-rank 1MiB,256MiB --format csv",
           "a curve to lay over nccl-tests' output"},
          {"collective all_reduce --cluster h100_sxm_4x8 --bytes-per-rank 64KiB,64MiB --algorithm tree",
           "NCCL's double binary tree instead of rings"},
          {"collective all_to_all --cluster reference_shared_nic --bytes-per-rank 1MiB --ideal", "link loads only"},
          {"collective all_to_all --cluster paper_4x8 --bytes-matrix sizes.csv", "unequal sizes"}}};
  const std::vector<Option> common = common_options();
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_collective(read_collective_options(arguments, environment), environment);
  };
  return command;
}

}  // namespace moesim::cli
