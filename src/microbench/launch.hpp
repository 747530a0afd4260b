#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::microbench {

/// Looks up an environment variable.
using Lookup = std::function<std::optional<std::string>(std::string_view)>;

/// This process among those that measure collectives together: one process for each GPU when a launcher started it,
/// else one process for all GPUs of the machine.
struct Launch {
  int rank = 0;
  int world = 1;       ///< processes
  int local_rank = 0;  ///< GPU of this process
  bool launched = false;
  std::string launcher = "none";
  std::string job = {};  ///< names the run, so that files of another are not taken for its own
};

/// Open MPI, MPICH and Intel MPI (their variables; no MPI library is needed), Slurm, torchrun, in this order.
/// @throws InputError when a variable is no number, or the rank is outside the world
[[nodiscard]] Launch find_launch(const Lookup& lookup);

/// Rank 0 hands `bytes` to all others through a folder that they share. Whole or not at all: written beside and
/// renamed.
void publish(const std::string& folder, const std::string& name, const std::vector<char>& bytes);
/// Waits for them. @throws MachineError after `seconds`
[[nodiscard]] std::vector<char> await(const std::string& folder, const std::string& name, double seconds);

}  // namespace moesim::microbench
