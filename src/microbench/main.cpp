// moesim-bench: measures kernels, transfers, overlap and collectives of this machine for `moesim calibrate`.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <fstream>
#include <optional>
#include <unistd.h>

#include "moesim/base/date.hpp"
#include "moesim/base/diagnostic.hpp"

#include "microbench/collective_suite.hpp"
#include "microbench/suites.hpp"

namespace {

using namespace moesim::microbench;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

std::string nccl_version() {
  int version = 0;
  check(ncclGetVersion(&version));
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

/// What a reader of the samples wants to know of where they are from.
std::vector<std::string> comments(const Nvml& nvml, const GpuInfo& gpu, const std::vector<std::string>& words,
                                  int gpus = 1) {
  return {fmt::format("gpu: {}{}; {} multiprocessors; driver {}; CUDA runtime {} (driver's {}); NCCL {}",
                      gpus > 1 ? fmt::format("{} x ", gpus) : "", gpu.name, gpu.multiprocessors, nvml.driver(),
                      gpu.runtime, gpu.driver, nccl_version()),
          fmt::format("host: {}; date: {}; command: moesim-bench {}", host_name(), moesim::utc_date(),
                      fmt::join(words, " "))};
}

struct Options {
  std::string output;
  std::string name = "cluster";
  std::string rendezvous;
  std::string matrix;
  int gpus = 0;
  SuiteOptions suite;
  CollectiveOptions collectives;
};

void measure(const Options& options, const std::vector<std::string>& words,
             const std::vector<std::string>& shape_columns, const std::vector<std::string>& results,
             void (*suite)(Bench&)) {
  static_cast<void>(count_gpus());  // says clearly when there is none
  check(cudaSetDevice(0));
  const Nvml nvml;
  const GpuInfo gpu = gpu_info(0);
  check_results();
  SampleFile file(options.output, shape_columns, results, comments(nvml, gpu, words));
  Bench bench(options.suite, gpu, nvml, file);
  suite(bench);
  fmt::print(stderr, "moesim-bench: {} samples in {}, {} dropped (throttled)\n", file.known(), options.output,
             bench.dropped());
}

void measure_collectives(Options options, const std::vector<std::string>& words) {
  const Launch launch = find_launch([](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
  if (!options.matrix.empty()) options.collectives.matrix = read_matrix(options.matrix);
  const World world = find_world(launch, options.gpus, options.rendezvous);
  if (options.collectives.matrix && options.collectives.matrix->ranks != world.ranks) {
    throw moesim::InputError(fmt::format("--bytes-matrix {}: has {} ranks, this run {}", options.matrix,
                                         options.collectives.matrix->ranks, world.ranks));
  }
  check(cudaSetDevice(world.devices.front()));
  const Nvml nvml;
  std::optional<SampleFile> file;
  if (launch.rank == 0) {
    file.emplace(options.output, collective_columns(), std::vector<std::string>{"time_us", "noise"},
                 comments(nvml, gpu_info(world.devices.front()), words, world.ranks));
  }
  run_collectives(world, options.collectives, file ? &*file : nullptr);
  if (file) {
    fmt::print(stderr, "moesim-bench: {} samples in {} ({} ranks on {} machines)\n", file->known(), options.output,
               world.ranks, world.nodes);
  }
}

void describe_machine(const Options& options) {
  MachineFacts machine{.host = host_name(), .nodes = 1, .gpus = {}, .pci = read_pci("/sys"), .rdma = read_rdma("/sys")};
  const Nvml nvml;
  const int gpus = count_gpus();
  for (int device = 0; device < gpus; ++device) {
    GpuFacts facts = nvml.facts(gpu_info(device).pci_address);
    if (facts.name.empty()) facts.name = gpu_info(device).name;
    machine.gpus.push_back(facts);
  }
  std::string text = cluster_yaml(machine, options.name, options.suite.device);
  text += "# GPU and NIC, by the path between them:\n";
  for (const GpuFacts& gpu : machine.gpus) {
    text += fmt::format("#   {} {}: {} NVLinks\n", gpu.pci_address, gpu.name, gpu.nvlinks);
    const auto at = std::ranges::find(machine.pci, gpu.pci_address, &PciDevice::address);
    if (at == machine.pci.end()) continue;
    for (const PciDevice& other : machine.pci) {
      if (other.is_nic()) text += fmt::format("#     {} {}\n", other.address, path_name(*at, other));
    }
  }
  std::ofstream file(options.output);
  file << text;
  file.close();
  if (!file) throw moesim::MachineError(fmt::format("{}: cannot be written", options.output));
}

void add_common(CLI::App& command, Options& options) {
  command.add_option("-o,--output", options.output, "file to write; samples: an existing one is continued")->required();
  command.add_option("--device", options.suite.device, "name of the GPU's file in configs/devices")->required();
}

int run(int argc, char** argv) {
  CLI::App app{"Measures this machine's GPUs for 'moesim calibrate'. Interrupted runs go on where they stopped."};
  app.name("moesim-bench");
  app.require_subcommand(1);
  Options options;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto add_suite = [&](const char* name, const char* help, double seconds, auto columns, auto results,
                             void (*suite)(Bench&)) {
    CLI::App* command = app.add_subcommand(name, help);
    add_common(*command, options);
    command->add_option("--seconds", options.suite.seconds, fmt::format("time for all samples (default: {})", seconds));
    command->add_option("--seed", options.suite.seed, "of the random shapes (default: 1)");
    command->callback([&options, words, columns, results, suite, seconds, command] {
      if (command->count("--seconds") == 0) options.suite.seconds = seconds;
      measure(options, words, columns, results, suite);
    });
  };
  add_suite("kernels", "matrix products, experts' products, routing, norms, activations, optimizer", 240,
            kernel_columns(), result_columns(), run_kernels);
  add_suite("transfers", "host and device copies both ways, launch overhead", 60, kernel_columns(), result_columns(),
            run_transfers);
  add_suite("overlap", "matrix products beside a copy on 1 to 32 multiprocessors", 60, overlap_columns(),
            std::vector<std::string>{"gemm_alone_us", "gemm_beside_us", "copy_alone_GBps", "copy_beside_GBps",
                                     "sm_clock_mhz"},
            run_overlap);

  CLI::App* collectives =
      app.add_subcommand("collectives", "NCCL on all GPUs, of this machine or (mpirun, srun, torchrun) of many");
  collectives->add_option("-o,--output", options.output, "CSV; an existing one is continued")->required();
  options.collectives.kinds = collective_kinds();
  collectives->add_option("--kinds", options.collectives.kinds, "which of them (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember(collective_kinds()));
  collectives->add_option("--least-bytes", options.collectives.least, "per rank (default: 8)")
      ->check(CLI::PositiveNumber);
  collectives->add_option("--most-bytes", options.collectives.most, "per rank (default: 8 GiB)")
      ->check(CLI::PositiveNumber);
  collectives->add_option("--bytes-matrix", options.matrix, "one uneven all_to_all: line = sender, column = receiver");
  collectives->add_option("--zipf", options.collectives.zipf, "also uneven all_to_alls with this exponent");
  collectives->add_flag("--graphs", options.collectives.graphs,
                        "in CUDA graphs: without the host's launches (default: launched one by one, as nccl-tests)");
  collectives->add_option("--gpus", options.gpus, "of this machine, without a launcher (default: all)");
  collectives->add_option("--rendezvous", options.rendezvous,
                          "empty folder that all hosts share, with several processes");
  collectives->callback([&] { measure_collectives(options, words); });

  CLI::App* topology = app.add_subcommand("topology", "writes this machine as a cluster of moesim (YAML)");
  add_common(*topology, options);
  topology->add_option("--name", options.name, "of the cluster");
  topology->callback([&] { describe_machine(options); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const moesim::InputError& error) {
    for (const moesim::Diagnostic& one : error.diagnostics()) fmt::print(stderr, "{}\n", to_string(one));
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "moesim-bench: {}\n", error.what());
    return 1;
  }
}
