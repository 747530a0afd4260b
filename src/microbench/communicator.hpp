#pragma once

#include <memory>
#include <nccl.h>
#include <string>
#include <vector>

#include "microbench/gpu.hpp"
#include "microbench/launch.hpp"

namespace moesim::microbench {

/// @throws MachineError with NCCL's reason
void check(ncclResult_t status, const std::source_location& place = std::source_location::current());

/// One GPU of this process in a communicator.
struct Member {
  int device = 0;
  int rank = 0;
  ncclComm_t communicator = nullptr;
};

/// The first `ranks` ranks of the world. This process holds some of them, or none.
class Communicator {
 public:
  /// @param first_rank of this process in the world, which has a GPU for each of `devices`
  Communicator(int ranks, int first_rank, const std::vector<int>& devices, const ncclUniqueId& id);
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  [[nodiscard]] int ranks() const { return ranks_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }

 private:
  int ranks_;
  std::vector<Member> members_;
};

/// All ranks of all processes, and how they find each other.
struct World {
  int ranks = 1;
  int nodes = 1;
  int first_rank = 0;
  std::vector<int> devices;  ///< of this process
  Launch launch;
  std::string rendezvous;  ///< folder that all processes share

  /// A new NCCL id that all processes agree on; `name` is unique in the run.
  [[nodiscard]] ncclUniqueId agree(const std::string& name) const;
};
/// With a launcher: one GPU a process. Without: all GPUs of the machine (at most `most`).
/// @param rendezvous needed with more than one process
[[nodiscard]] World find_world(const Launch& launch, int most, std::string rendezvous);

}  // namespace moesim::microbench
