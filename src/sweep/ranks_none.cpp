// Built where there is no MPI (src/sweep/CMakeLists.txt); ranks_mpi.cpp is built otherwise.

#include <cstdlib>
#include <string_view>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sweep/ranks.hpp"

namespace moesim {

RankJob::RankJob() {
  const char* const size = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (size != nullptr && std::string_view(size) != "1") {
    throw MachineError(
        "mpirun started several processes, and moesim was built without MPI (each would do the whole sweep) install "
        "libopenmpi-dev and build again");
  }
}
RankJob::~RankJob() = default;

bool RankJob::run(const SweepPlan& plan, RowSink& sink, const SweepRunOptions& options) {
  return run_sweep(plan, sink, options);
}
void RankJob::serve(const SweepPlan& /*plan*/) const { MOESIM_EXPECTS(rank_ != 0); }
void RankJob::dismiss() { dismissed_ = true; }

}  // namespace moesim
