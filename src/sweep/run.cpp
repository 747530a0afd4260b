#include "moesim/sweep/run.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;

/// Points of a chunk: many enough to share what is dear among them, few enough that all workers have some.
std::uint64_t chunk_size(std::uint64_t points, int workers) {
  constexpr std::uint64_t kMost = 2048;
  constexpr std::uint64_t kRounds = 8;
  return std::clamp<std::uint64_t>(points / (static_cast<std::uint64_t>(workers) * kRounds), 1, kMost);
}

}  // namespace

struct Conveyor::State {
  State(RowSink& sink_of_rows, std::uint64_t all_points, std::uint64_t of_chunk, int workers,
        const SweepRunOptions& how)
      : sink(sink_of_rows),
        options(how),
        points(all_points),
        chunk(of_chunk),
        window(4 * of_chunk * static_cast<std::uint64_t>(workers)),
        handed_out(sink.totals().next),
        done_before(sink.totals().next) {}

  RowSink& sink;
  const SweepRunOptions& options;
  const std::uint64_t points;
  const std::uint64_t chunk;
  const std::uint64_t window;  ///< points that may be ahead of what is written
  std::mutex mutex;
  std::condition_variable moved;
  std::map<std::uint64_t, SweepChunk> waiting;  ///< by first point: done before what stands before them
  std::uint64_t handed_out;
  bool closed = false;
  const std::uint64_t done_before;
  const Clock::time_point begun = Clock::now();
  Clock::time_point reported = begun;

  [[nodiscard]] bool may_hand_out() const {
    return closed || handed_out >= points || handed_out < sink.totals().next + window;
  }

  Range hand_out() {
    if (options.stop && options.stop()) closed = true;
    if (closed || handed_out >= points) return {};
    const std::uint64_t begin = handed_out;
    handed_out = std::min(begin + chunk, points);
    return {begin, handed_out};
  }

  void report(bool last) {
    if (!options.progress) return;
    constexpr std::chrono::milliseconds kEvery{200};
    const auto now = Clock::now();
    if (!last && now - reported < kEvery) return;
    reported = now;
    const SweepTotals& totals = sink.totals();
    const double seconds = std::chrono::duration<double>(now - begun).count();
    const double rate = seconds > 0 ? static_cast<double>(totals.next - done_before) / seconds : 0;
    options.progress({.points = totals.next,
                      .of = points,
                      .left_out = total(totals.left_out),
                      .points_per_second = rate,
                      .seconds_left = rate > 0 ? static_cast<double>(points - totals.next) / rate : 0});
  }
};

Conveyor::Conveyor(RowSink& sink, std::uint64_t points, int workers, const SweepRunOptions& options) {
  state_ = std::make_unique<State>(sink, points, chunk_size(points, workers), workers, options);
}

Conveyor::~Conveyor() = default;

Conveyor::Range Conveyor::next() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.moved.wait(lock, [&] { return state.may_hand_out(); });
  return state.hand_out();
}

std::optional<Conveyor::Range> Conveyor::try_next() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->may_hand_out()) return std::nullopt;
  return state_->hand_out();
}

void Conveyor::put(SweepChunk chunk) {
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    const std::uint64_t begin = chunk.begin;
    state.waiting.emplace(begin, std::move(chunk));
    while (!state.waiting.empty() && state.waiting.begin()->first == state.sink.totals().next) {
      state.sink.append(state.waiting.begin()->second);
      state.waiting.erase(state.waiting.begin());
    }
    state.report(state.sink.totals().next == state.points);
  }
  state.moved.notify_all();
}

void Conveyor::close() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->moved.notify_all();
}

bool run_sweep(const SweepPlan& plan, RowSink& sink, const SweepRunOptions& options) {
  MOESIM_EXPECTS(options.jobs >= 1);
  Conveyor conveyor(sink, plan.grid.size(), options.jobs, options);
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      SweepEvaluator evaluator(plan);
      for (Conveyor::Range range = conveyor.next(); range.begin < range.end; range = conveyor.next()) {
        conveyor.put(evaluator.evaluate(range.begin, range.end));
      }
    } catch (...) {
      {
        const std::lock_guard lock(mutex);
        if (failure == nullptr) failure = std::current_exception();
      }
      conveyor.close();
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < options.jobs; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  if (failure != nullptr) std::rethrow_exception(failure);
  return sink.totals().next == plan.grid.size();
}

namespace {

/// A JSON string, which YAML reads too.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

std::string sweep_meta(const SweepPlan& plan, const SweepTotals& totals, const std::string& version,
                       const std::string& commit, const std::vector<std::string>& arguments) {
  std::string text = fmt::format("# What made the table of the same name.\nsweep: {}\nmoesim: {}\ngit_commit: {}\n",
                                 json_text(plan.sweep.name), json_text(version), json_text(commit));
  text += fmt::format("engine: {}\narguments: [", plan.engine.name);
  for (std::size_t i = 0; i < arguments.size(); ++i) text += (i > 0 ? ", " : "") + json_text(arguments[i]);
  text += fmt::format("]\nfingerprint: {}\nbaseline: {}\n", json_text(plan.fingerprint),
                      json_text(plan.variants[plan.baseline]));
  text += fmt::format("points: {}\nrows: {}\nrepeated: {}  # numbers at which a conditional axis has no value\n",
                      totals.next, totals.rows, totals.absent);
  text += fmt::format("left_out: {}\n", total(totals.left_out));
  text += totals.left_out.empty() ? "reasons: []\n" : "reasons:\n";
  for (const auto& [reason, entry] : totals.left_out) {
    text += fmt::format("  - {{points: {}, why: {}, first: {}, example: {}}}\n", entry.count, json_text(reason),
                        entry.first, json_text(entry.example));
  }
  text += "inputs:\n";
  for (const InputFile& input : totals.inputs) text += fmt::format("  {}: {}\n", json_text(input.path), input.hash);
  return text;
}

}  // namespace moesim
