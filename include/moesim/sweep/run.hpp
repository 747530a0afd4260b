#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "moesim/sweep/plan.hpp"
#include "moesim/sweep/sink.hpp"

namespace moesim {

struct SweepProgress {
  std::uint64_t points = 0;  ///< done, those before a resume included
  std::uint64_t of = 0;
  std::uint64_t left_out = 0;
  double points_per_second = 0;  ///< of this run
  double seconds_left = 0;
};

struct SweepRunOptions {
  int jobs = 1;  ///< threads
  std::function<void(const SweepProgress&)> progress = {};
  std::function<bool()> stop = {};  ///< asked between chunks; true: finish what is under way and return
};

/// Hands out ranges of points and puts what comes back into order. What is handed out is never far ahead of what is
/// written, so memory does not grow with the sweep. Safe to use from several threads.
class Conveyor {
 public:
  /// @param points of the sweep; @param workers that will ask
  Conveyor(RowSink& sink, std::uint64_t points, int workers, const SweepRunOptions& options);
  ~Conveyor();
  Conveyor(const Conveyor&) = delete;
  Conveyor& operator=(const Conveyor&) = delete;

  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  ///< == begin: nothing is left to do
  };
  /// Waits while too much is ahead of what is written.
  [[nodiscard]] Range next();
  /// Does not wait. @return nullopt: too much is ahead, ask again later
  [[nodiscard]] std::optional<Range> try_next();
  void put(SweepChunk chunk);
  /// Nothing more is handed out.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Evaluates all points that the sink has not, on `jobs` threads. The rows do not depend on the number of threads.
/// @return whether all points are done (else it was stopped)
bool run_sweep(const SweepPlan& plan, RowSink& sink, const SweepRunOptions& options);

/// What stands beside a table of results: program, command line, files with their hashes, counts, and why points were
/// left out. YAML; the same for the same sweep however often it was interrupted.
[[nodiscard]] std::string sweep_meta(const SweepPlan& plan, const SweepTotals& totals, const std::string& version,
                                     const std::string& commit, const std::vector<std::string>& arguments);

}  // namespace moesim
