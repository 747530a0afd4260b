#pragma once

#include "moesim/sweep/run.hpp"

namespace moesim {

/// The processes that `mpirun` started together. One object per process, made before anything else is done; without
/// MPI, or when the program was started alone, there is one rank.
class RankJob {
 public:
  /// @throws MachineError when several processes were started and the program was built without MPI
  RankJob();
  RankJob(const RankJob&) = delete;
  RankJob& operator=(const RankJob&) = delete;
  ~RankJob();

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

  /// On rank 0: hands points to the other ranks as they ask for them, evaluates some itself, and puts the rows in
  /// order. The bytes are those of `run_sweep`. @return whether all points are done
  bool run(const SweepPlan& plan, RowSink& sink, const SweepRunOptions& options);
  /// On the other ranks: evaluates until rank 0 has nothing more.
  void serve(const SweepPlan& plan) const;
  /// On rank 0, when there will be no run: lets the others go. Harmless after a run.
  void dismiss();

 private:
  int rank_ = 0;
  int size_ = 1;
  [[maybe_unused]] bool active_ = false;  ///< MPI is initialised (never where there is none)
  bool dismissed_ = false;                ///< nobody waits for work any more
};

}  // namespace moesim
