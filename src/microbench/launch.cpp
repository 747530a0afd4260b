#include "microbench/launch.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <thread>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {
namespace {

struct Launcher {
  std::string_view name;
  std::string_view rank;
  std::string_view world;
  std::string_view local_rank;
  std::string_view job;
};
// Slurm sets its variables for processes started by mpirun too, so MPI comes first.
constexpr std::array kLaunchers = {
    Launcher{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
             "OMPI_MCA_ess_base_jobid"},
    Launcher{"MPICH or Intel MPI", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "PMI_JOBID"},
    Launcher{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RUN_ID"},
    Launcher{"Slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_JOB_ID"}};

std::optional<int> number(const Lookup& lookup, std::string_view name, std::vector<Diagnostic>& problems) {
  const std::optional<std::string> text = lookup(name);
  if (!text) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < 0) {
    problems.push_back(
        {.key = fmt::format("{}={}", name, *text), .message = "is not a whole number (of the launcher)"});
    return std::nullopt;
  }
  return value;
}

}  // namespace

Launch find_launch(const Lookup& lookup) {
  std::vector<Diagnostic> problems;
  for (const Launcher& launcher : kLaunchers) {
    if (!lookup(launcher.rank) || !lookup(launcher.world)) continue;
    Launch launch{.launched = true, .launcher = std::string(launcher.name)};
    launch.rank = number(lookup, launcher.rank, problems).value_or(0);
    launch.world = number(lookup, launcher.world, problems).value_or(1);
    launch.local_rank = number(lookup, launcher.local_rank, problems).value_or(0);
    launch.job = lookup(launcher.job).value_or("");
    if (problems.empty() && launch.rank >= launch.world) {
      problems.push_back({.key = std::string(launcher.rank),
                          .message = fmt::format("rank {} of {} processes does not exist", launch.rank, launch.world)});
    }
    if (!problems.empty()) throw InputError(problems);
    return launch;
  }
  return {};
}

void publish(const std::string& folder, const std::string& name, const std::vector<char>& bytes) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  const std::filesystem::path beside = path.string() + fmt::format(".{}", ::getpid());
  std::ofstream file(beside, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(beside, path, error);
  if (!file || error) {
    throw MachineError(
        fmt::format("{}: cannot be written (the ranks find each other through it) name a folder that all "
                    "hosts share with --rendezvous",
                    path.string()));
  }
}

std::vector<char> await(const std::string& folder, const std::string& name, double seconds) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < deadline) {
    std::ifstream file(path, std::ios::binary);
    if (file) return {std::istreambuf_iterator<char>(file), {}};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw MachineError(fmt::format("{}: did not appear within {:.0f} s (rank 0 writes it; do all hosts see that folder?)",
                                 path.string(), seconds));
}

}  // namespace moesim::microbench
