#pragma once

#include <optional>

#include "microbench/bytes_matrix.hpp"
#include "microbench/communicator.hpp"
#include "microbench/sample_file.hpp"
#include "microbench/statistics.hpp"

namespace moesim::microbench {

struct CollectiveOptions {
  std::vector<std::string> kinds;  ///< all_to_all, all_to_all_2d, all_reduce, all_gather, reduce_scatter, send_recv
  std::int64_t least = 8;          ///< [B per rank]
  std::int64_t most = std::int64_t{8} << 30U;
  std::optional<BytesMatrix> matrix;  ///< one uneven all_to_all instead of the sweep
  double zipf = 0;                    ///< exponent of uneven all_to_alls beside the even ones; 0: none
  bool graphs = false;                ///< captured in CUDA graphs: without the host's launches, as a captured step runs
  StoppingRule rule{.noise = 0.02, .fewest = 5, .least_seconds = 5e-3, .patience = 1};
  std::uint64_t seed = 1;
};

[[nodiscard]] std::vector<std::string> collective_kinds();
[[nodiscard]] std::vector<std::string> collective_columns();

/// Measures every kind for 2, 4, 8 ... and all ranks. Only rank 0 writes; `file` is null elsewhere.
void run_collectives(const World& world, const CollectiveOptions& options, SampleFile* file);

}  // namespace moesim::microbench
