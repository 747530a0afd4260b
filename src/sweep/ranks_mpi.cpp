#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <mpi.h>
#include <string>
#include <thread>
#include <vector>

#include "moesim/base/diagnostic.hpp"
#include "moesim/sweep/ranks.hpp"

namespace moesim {
namespace {

// What a rank sends to rank 0 when it wants points: the chunk that it has done (empty at first), or why it failed.
enum Tag { kDone = 1, kFailed = 2, kRange = 3 };

/// Set by the launchers of Open MPI, MPICH (Hydra) and Slurm's PMI; started alone, MPI is not even initialised.
bool launched_together() {
  constexpr std::array kNames = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"};
  return std::ranges::any_of(kNames, [](const char* name) { return std::getenv(name) != nullptr; });
}

/// A chunk travels as a checkpoint of its counts with the rows behind it.
std::string pack(const SweepChunk& chunk) {
  Checkpoint counts{.fingerprint = {}, .bytes = chunk.text.size(), .totals = {}};
  counts.totals = {.next = chunk.end,
                   .rows = chunk.rows,
                   .absent = chunk.absent,
                   .left_out = chunk.left_out,
                   .inputs = chunk.inputs};
  return write_checkpoint(counts) + chunk.text;
}

SweepChunk unpack(const std::string& message, std::uint64_t begin) {
  constexpr std::string_view kEnd = "\nend\n";
  const std::size_t end = message.find(kEnd);
  const auto counts = end == std::string::npos ? std::nullopt : read_checkpoint(message.substr(0, end + kEnd.size()));
  MOESIM_ENSURES(counts.has_value());
  return {.begin = begin,
          .end = counts->totals.next,
          .rows = counts->totals.rows,
          .absent = counts->totals.absent,
          .text = message.substr(end + kEnd.size()),
          .left_out = counts->totals.left_out,
          .inputs = counts->totals.inputs};
}

void send(const std::string& text, int to, Tag tag) {
  MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, to, tag, MPI_COMM_WORLD);
}

struct Message {
  int from = 0;
  int tag = 0;
  std::string text;
};

/// The next message of any rank, if there is one.
bool receive(Message& message) {
  int waiting = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &waiting, &status);
  if (waiting == 0) return false;
  int size = 0;
  MPI_Get_count(&status, MPI_CHAR, &size);
  message = {
      .from = status.MPI_SOURCE, .tag = status.MPI_TAG, .text = std::string(static_cast<std::size_t>(size), ' ')};
  MPI_Recv(message.text.data(), size, MPI_CHAR, message.from, message.tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return true;
}

void send_range(Conveyor::Range range, int to) {
  const std::array<std::uint64_t, 2> numbers = {range.begin, range.end};
  MPI_Send(numbers.data(), 2, MPI_UINT64_T, to, kRange, MPI_COMM_WORLD);
}

/// Rank 0's side: who waits for points, who works on which.
class Desk {
 public:
  Desk(Conveyor& conveyor, int ranks) : conveyor_(conveyor), at_(static_cast<std::size_t>(ranks)), left_(ranks - 1) {}

  /// Until all ranks are gone. @return why one failed; empty: none did
  std::string serve() {
    while (left_ > 0) {
      Message message;
      bool idle = true;
      while (receive(message)) {
        idle = false;
        take(message);
      }
      std::erase_if(asking_, [&](int rank) { return answer(rank); });
      if (idle) std::this_thread::sleep_for(std::chrono::microseconds(200));  // rank 0 evaluates too, in a thread
    }
    return failure_;
  }

 private:
  void take(const Message& message) {
    if (message.tag == kFailed) {
      if (failure_.empty()) failure_ = fmt::format("rank {}: {}", message.from, message.text);
      conveyor_.close();
      --left_;
      return;
    }
    if (!message.text.empty()) {
      try {
        conveyor_.put(unpack(message.text, at_[static_cast<std::size_t>(message.from)].begin));
      } catch (const std::exception& error) {  // the others still wait for an answer
        if (failure_.empty()) failure_ = error.what();
        conveyor_.close();
      }
    }
    asking_.push_back(message.from);
  }

  /// @return false: too much is ahead of what is written; later
  bool answer(int rank) {
    const std::optional<Conveyor::Range> range = conveyor_.try_next();
    if (!range) return false;
    at_[static_cast<std::size_t>(rank)] = *range;
    send_range(*range, rank);
    if (range->begin == range->end) --left_;
    return true;
  }

  Conveyor& conveyor_;
  std::vector<Conveyor::Range> at_;
  std::vector<int> asking_;
  int left_;
  std::string failure_;
};

}  // namespace

RankJob::RankJob() {
  if (!launched_together()) return;
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  active_ = true;
}

RankJob::~RankJob() {
  if (active_) MPI_Finalize();
}

bool RankJob::run(const SweepPlan& plan, RowSink& sink, const SweepRunOptions& options) {
  MOESIM_EXPECTS(rank_ == 0);
  if (size_ == 1) return run_sweep(plan, sink, options);
  Conveyor conveyor(sink, plan.grid.size(), size_, options);
  std::exception_ptr failed;
  std::thread own([&] {
    try {
      SweepEvaluator evaluator(plan);
      for (Conveyor::Range range = conveyor.next(); range.begin < range.end; range = conveyor.next()) {
        conveyor.put(evaluator.evaluate(range.begin, range.end));
      }
    } catch (...) {
      failed = std::current_exception();
      conveyor.close();
    }
  });
  dismissed_ = true;
  const std::string failure = Desk(conveyor, size_).serve();
  own.join();
  if (failed != nullptr) std::rethrow_exception(failed);
  if (!failure.empty()) throw MachineError(failure);
  return sink.totals().next == plan.grid.size();
}

void RankJob::serve(const SweepPlan& plan) const {
  MOESIM_EXPECTS(rank_ != 0);
  try {
    SweepEvaluator evaluator(plan);
    std::string done;
    while (true) {
      send(done, 0, kDone);
      std::array<std::uint64_t, 2> range{};
      MPI_Recv(range.data(), 2, MPI_UINT64_T, 0, kRange, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      if (range[0] == range[1]) return;
      done = pack(evaluator.evaluate(range[0], range[1]));
    }
  } catch (const std::exception& error) {
    send(error.what(), 0, kFailed);
  }
}

void RankJob::dismiss() {
  if (!active_ || dismissed_) return;
  dismissed_ = true;
  for (int left = size_ - 1; left > 0;) {
    Message message;
    if (!receive(message)) continue;
    if (message.tag == kDone) send_range({}, message.from);
    --left;
  }
}

}  // namespace moesim
