#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "moesim/cluster/topologies.hpp"
#include "moesim/model/counts.hpp"
#include "moesim/report/listing.hpp"
#include "moesim/scenario/load.hpp"

#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/kernel_shapes.hpp"

namespace moesim::cli {
namespace {

using Cell = Listing::Cell;

/// Calls `add(name, path)` for each shipped file of a folder; problems of all files are reported together.
template <class Add>
void for_each_config(std::string_view folder, const ConfigRoots& roots, const Add& add) {
  std::vector<Diagnostic> problems;
  const auto files = list_configs(folder, roots);
  for (const auto& file : files) {
    try {
      add(file.first, file.second);
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  if (files.empty()) {
    problems.push_back(
        {.message = fmt::format("no configs/{} was found (it is looked for beside the program, in share/moesim "
                                "of its installation and in every --config-root)",
                                folder)});
  }
  throw_if_any(problems);
}

Cell cell(double value) { return value; }
Cell cell(int value) { return static_cast<double>(value); }
Cell cell(std::string_view text) { return std::string(text); }
Cell file_cell(const std::filesystem::path& path) { return path.string(); }

Listing topologies(const ConfigRoots&) {
  Listing listing{.what = {}, .columns = {{"name", "name"}, {"description", "what it is"}}, .rows = {}};
  for (const NamedTopology& named : kTopologies) listing.rows.push_back({cell(named.name), cell(named.description)});
  return listing;
}

Listing collectives(const ConfigRoots&) {
  Listing listing{.what = {}, .columns = {{"name", "name"}, {"algorithms", "algorithms"}}, .rows = {}};
  for (const NamedCollective& named : kCollectives) {
    std::vector<std::string_view> algorithms;
    if (named.kind == CollectiveKind::send_recv) algorithms.emplace_back("ring shift");
    if (named.kind == CollectiveKind::all_to_all) {
      for (const NamedAllToAll& one : kAllToAllAlgorithms) algorithms.push_back(one.name);
    }
    for (const NamedCollectiveAlgorithm& one : kCollectiveAlgorithms) {
      if (has_algorithm(named.kind, one.algorithm)) algorithms.push_back(one.name);
    }
    listing.rows.push_back({cell(named.name), cell(fmt::format("{}", fmt::join(algorithms, ", ")))});
  }
  return listing;
}

Listing kernels(const ConfigRoots&) {
  Listing listing{
      .what = {}, .columns = {{"name", "name"}, {"description", "what it is"}, {"arguments", ""}}, .rows = {}};
  for (const KernelKind& kind : kernel_kinds()) {
    std::string arguments;
    for (const KernelArgument& argument : kind.arguments) {
      arguments.append(arguments.empty() ? "" : ", ").append(argument.name);
    }
    listing.rows.push_back({cell(kind.name), cell(kind.summary), cell(arguments)});
  }
  return listing;
}

Listing devices(const ConfigRoots& roots) {
  Listing listing{.what = {},
                  .columns = {{"name", "name"},
                              {"bf16_FLOPS", "bf16 TFLOPS", 1e12},
                              {"memory_B", "memory GiB", 1024.0 * 1024 * 1024},
                              {"memory_bandwidth_Bps", "GB/s", 1e9},
                              {"multiprocessors", "SMs"},
                              {"fitted_laws", "fitted laws"},
                              {"source", "data sheet"},
                              {"file", ""}},
                  .rows = {}};
  for_each_config("devices", roots, [&](const std::string& name, const std::filesystem::path& path) {
    const KernelModel model = load_device(path, {}, roots);
    const Device& device = model.device();
    const FlopsPerSecond peak = device.matrix_peak(DType::bf16);
    listing.rows.push_back({cell(name), peak.value > 0 ? cell(peak.value) : Cell{}, cell(device.memory.value),
                            cell(device.memory_bandwidth.value), cell(device.multiprocessors),
                            cell(static_cast<double>(model.calibration().laws.size())), cell(device.source),
                            file_cell(path)});
  });
  return listing;
}

Listing clusters(const ConfigRoots& roots) {
  Listing listing{.what = {},
                  .columns = {{"name", "name"},
                              {"gpus", "GPUs"},
                              {"machines", "machines"},
                              {"device", "GPU"},
                              {"links", "links"},
                              {"file", ""}},
                  .rows = {}};
  for_each_config("clusters", roots, [&](const std::string& name, const std::filesystem::path& path) {
    const Cluster cluster = load_cluster(path, {}, roots, false);
    const Topology& topology = *cluster.topology;
    listing.rows.push_back({cell(name), cell(topology.ranks()), cell(topology.hosts()),
                            cluster.device_name.empty() ? Cell{} : cell(cluster.device_name),
                            cell(static_cast<double>(topology.links().size())), file_cell(path)});
  });
  return listing;
}

Listing models(const ConfigRoots& roots) {
  Listing listing{.what = {},
                  .columns = {{"name", "name"},
                              {"layers", "layers"},
                              {"hidden", "hidden"},
                              {"experts", "experts"},
                              {"top_k", "top-k"},
                              {"payload_elements", "payload"},
                              {"parameters", "billion parameters", 1e9},
                              {"active_parameters", "billion active", 1e9},
                              {"file", ""}},
                  .rows = {}};
  for_each_config("models", roots, [&](const std::string& name, const std::filesystem::path& path) {
    const Model model = load_model(path, {}, roots);
    listing.rows.push_back({cell(name), cell(model.layers), cell(model.hidden),
                            model.moe ? cell(model.moe->experts) : Cell{}, model.moe ? cell(model.moe->top_k) : Cell{},
                            model.moe ? cell(model.moe->payload_in) : Cell{}, cell(total_parameters(model)),
                            cell(active_parameters(model)), file_cell(path)});
  });
  return listing;
}

Listing frameworks(const ConfigRoots& roots) {
  Listing listing{.what = {},
                  .columns = {{"name", "name"},
                              {"all_to_all", "all-to-all"},
                              {"pipelining_degree", "chunks"},
                              {"source", "fields are from"},
                              {"file", ""}},
                  .rows = {}};
  for_each_config("frameworks", roots, [&](const std::string& name, const std::filesystem::path& path) {
    const Framework framework = load_framework(path, {}, roots);
    const auto algorithm = std::ranges::find(kAllToAllAlgorithms, framework.all_to_all, &NamedAllToAll::algorithm);
    listing.rows.push_back({cell(name), cell(algorithm->name), cell(framework.pipelining_degree),
                            cell(framework.source), file_cell(path)});
  });
  return listing;
}

Listing scenarios(const ConfigRoots& roots) {
  Listing listing{
      .what = {},
      .columns = {{"name", "name"}, {"mode", "mode"}, {"cluster", "cluster"}, {"variants", "variants"}, {"file", ""}},
      .rows = {}};
  ScenarioLoader loader(roots);
  for_each_config("scenarios", roots, [&](const std::string& name, const std::filesystem::path& path) {
    const std::vector<Scenario> all = loader.load(path, {});
    std::string variants;
    for (const Scenario& one : all) variants += (variants.empty() ? "" : ", ") + one.variant;
    listing.rows.push_back({cell(name), cell(all.front().mode() == Mode::training ? "training" : "inference"),
                            cell(all.front().cluster.name), cell(variants), file_cell(path)});
  });
  return listing;
}

struct Listable {
  std::string_view name;
  Listing (*make)(const ConfigRoots&);
};
constexpr std::array kListables = {Listable{"scenarios", scenarios},     Listable{"models", models},
                                   Listable{"clusters", clusters},       Listable{"devices", devices},
                                   Listable{"frameworks", frameworks},   Listable{"topologies", topologies},
                                   Listable{"collectives", collectives}, Listable{"kernels", kernels}};

Output run_list(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  const CommonOptions common = read_common(arguments, environment, problems);
  throw_if_any(problems);
  const auto listable = std::ranges::find(kListables, *arguments.one("WHAT"), &Listable::name);
  Listing listing = listable->make(common.roots);
  listing.what = listable->name;
  return render(listing, environment.run, common, environment);
}

}  // namespace

Command list_command() {
  Option what{.name = "WHAT", .help = "what to list", .required = true};
  for (const Listable& listable : kListables) what.choices.emplace_back(listable.name);
  Command command{
      .name = "list",
      .summary = "what there is: scenarios, models, clusters, devices, frameworks, kernels ...",
      .description =
          "Lists what this program knows: its own tables, and the configuration files it finds beside "
          "itself, in its installation and in every --config-root.",
      .options = {what},
      .examples = {{"list scenarios", "where to start"},
                   {"list devices --format json", "data sheets and number of fitted laws, with their files"}}};
  const std::vector<Option> common = common_options({.model = false});
  command.options.insert(command.options.end(), common.begin(), common.end());
  command.run = run_list;
  return command;
}

}  // namespace moesim::cli
