#include "sim/program.hpp"

#include <algorithm>
#include <array>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Operators after which a task must end, because another stream waits for them.
std::vector<bool> waited_for_elsewhere(const Phase& phase) {
  std::vector<bool> result(phase.ops.size(), false);
  for (const Op& op : phase.ops) {
    for (const OpId before : op.after) {
      if (op.stream != phase.ops[before.index()].stream) result[before.index()] = true;
    }
  }
  return result;
}

CompiledPhase compile_phase(const Phase& phase, Seconds launch, bool background_reduction) {
  CompiledPhase compiled{.phase = &phase, .tasks = {}, .foreground = 0, .first_task = 0, .host = {}};
  const std::vector<bool> ends_task = waited_for_elsewhere(phase);
  std::vector<std::size_t> task_of(phase.ops.size());
  std::array<std::size_t, kStreams> last_on_stream;
  last_on_stream.fill(kNone);
  double launches = 0;
  for (std::size_t i = 0; i < phase.ops.size(); ++i) {
    const Op& op = phase.ops[i];
    const auto* kernel = std::get_if<KernelWork>(&op.work);
    launches += kernel != nullptr ? kernel->launches : 1;
    compiled.uses_experts = compiled.uses_experts || std::holds_alternative<ExchangeWork>(op.work) ||
                            (kernel != nullptr && works_on_routed_rows(*kernel));
    std::size_t& last = last_on_stream[static_cast<std::size_t>(op.stream)];
    const bool inputs_on_stream =
        std::ranges::all_of(op.after, [&](OpId before) { return phase.ops[before.index()].stream == op.stream; });
    if (op.stream == Stream::compute && last != kNone && inputs_on_stream && compiled.tasks[last].end_op == i &&
        !ends_task[i - 1]) {
      compiled.tasks[last].end_op = static_cast<std::uint32_t>(i + 1);
      task_of[i] = last;
      continue;
    }
    const std::size_t task = compiled.tasks.size();
    compiled.tasks.push_back({.stream = op.stream,
                              .first_op = static_cast<std::uint32_t>(i),
                              .end_op = static_cast<std::uint32_t>(i + 1),
                              .background = background_reduction && op.stream == Stream::gradient_communication});
    std::vector<std::size_t> before;
    // Background work queues on its rank, across phases.
    if (last != kNone && !compiled.tasks.back().background) before.push_back(last);
    for (const OpId input : op.after) before.push_back(task_of[input.index()]);
    std::ranges::sort(before);
    before.erase(std::unique(before.begin(), before.end()), before.end());
    for (const std::size_t one : before) compiled.tasks[one].then.push_back(static_cast<std::uint16_t>(task));
    compiled.tasks.back().waits = static_cast<std::uint16_t>(before.size());
    if (!compiled.tasks.back().background) ++compiled.foreground;
    task_of[i] = task;
    last = task;
  }
  compiled.host = launches * launch;
  return compiled;
}

class Compiler {
 public:
  Compiler(const Scenario& scenario, const OpGraph& graph) : scenario_(scenario), graph_(graph) {}

  Program run() {
    const std::vector<std::uint32_t> end = add(graph_.iteration_end, false);
    for (std::size_t stage = 0; stage < graph_.stages.size(); ++stage) {
      program_.stages.emplace_back();
      add_micro_batches(stage);
      bool first = true;
      for (const std::uint32_t phase : end) {
        program_.stages.back().push_back({.phase = phase, .quiet = first});
        first = false;
      }
    }
    for (CompiledPhase& phase : program_.phases) {
      phase.first_task = program_.tasks;
      program_.tasks += static_cast<std::uint32_t>(phase.tasks.size());
    }
    return std::move(program_);
  }

 private:
  std::vector<std::uint32_t> add(const std::vector<Phase>& phases, bool background_reduction) {
    std::vector<std::uint32_t> indices;
    for (const Phase& phase : phases) {
      indices.push_back(static_cast<std::uint32_t>(program_.phases.size()));
      program_.phases.push_back(compile_phase(phase, scenario_.framework.kernel_launch, background_reduction));
    }
    return indices;
  }

  void add_micro_batches(std::size_t stage) {
    const Stage& work = graph_.stages[stage];
    const std::vector<std::uint32_t> forward = add(work.forward, false);
    const std::vector<std::uint32_t> backward = add(work.backward, false);
    const std::vector<std::uint32_t> last_backward = add(work.last_backward, true);
    const int index = static_cast<int>(stage);
    if (scenario_.parallelism.pp > 1 && scenario_.parallelism.virtual_stages > 1 && !work.backward.empty()) {
      add_interleaved(index, expand(forward), expand(backward), expand(last_backward));
      return;
    }
    const int stages = static_cast<int>(graph_.stages.size());
    const bool training = !work.backward.empty();
    const bool alternates = training && scenario_.parallelism.schedule != PipelineSchedule::gpipe;
    const int ahead = alternates ? std::min(stages - index - 1, graph_.micro_batches) : graph_.micro_batches;
    const std::vector<PhaseRun> forward_runs = expand(forward);
    const std::vector<PhaseRun> backward_runs = expand(backward);
    const std::vector<PhaseRun> last_runs = expand(last_backward);
    int next_forward = 0;
    const auto run_forward = [&] {
      add_pass(forward_runs, all(forward_runs), next_forward++, Direction::forward, index > 0, index + 1 < stages);
    };
    while (next_forward < ahead) run_forward();
    if (!training) return;
    for (int batch = 0; batch < graph_.micro_batches; ++batch) {
      if (next_forward < graph_.micro_batches) run_forward();
      const std::vector<PhaseRun>& runs = batch + 1 == graph_.micro_batches ? last_runs : backward_runs;
      add_pass(runs, all(runs), batch, Direction::backward, index + 1 < stages, index > 0);
    }
  }

  /// Runs [begin, end) of a stage's forward pass.
  struct Chunk {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  static Chunk all(const std::vector<PhaseRun>& runs) { return {0, runs.size()}; }

  /// A pass through all layers of the stage.
  [[nodiscard]] std::vector<PhaseRun> expand(const std::vector<std::uint32_t>& phases) const {
    std::vector<PhaseRun> runs;
    for (const std::uint32_t phase : phases) {
      const double repeat = program_.phases[phase].phase->repeat;
      for (double time = 0; time < repeat; ++time) runs.push_back({.phase = phase});
    }
    return runs;
  }

  /// Equal chunks of layers; the embedding belongs to the first chunk of the first stage, the head to the last of the
  /// last.
  [[nodiscard]] Chunk chunk(int stage, int number, std::size_t runs) const {
    const auto chunks = static_cast<std::size_t>(scenario_.parallelism.virtual_stages);
    const std::size_t layers = static_cast<std::size_t>(scenario_.model.layers) / graph_.stages.size();
    MOESIM_EXPECTS(runs >= layers);
    const std::size_t leading = stage == 0 ? runs - layers : 0;
    const auto at = static_cast<std::size_t>(number);
    return {.begin = at == 0 ? 0 : leading + at * layers / chunks,
            .end = at + 1 == chunks ? runs : leading + (at + 1) * layers / chunks};
  }

  /// Micro-batches go in groups of as many as there are stages through chunk after chunk. A stage begins with two
  /// forward passes of a chunk for each stage behind it and those of all chunks but the last of one group.
  void add_interleaved(int stage, const std::vector<PhaseRun>& forward, const std::vector<PhaseRun>& backward,
                       const std::vector<PhaseRun>& last_backward) {
    const int stages = static_cast<int>(graph_.stages.size());
    const int chunks = scenario_.parallelism.virtual_stages;
    const int passes = graph_.micro_batches * chunks;
    const auto micro_batch = [&](int pass) { return pass / (stages * chunks) * stages + pass % stages; };
    const auto run = [&](int pass, Direction direction) {
      const bool reversed = direction == Direction::backward;
      const int in_order = pass % (stages * chunks) / stages;
      const int number = reversed ? chunks - 1 - in_order : in_order;
      const bool first = stage == 0 && number == 0;
      const bool last = stage + 1 == stages && number + 1 == chunks;
      const int batch = micro_batch(pass);
      const std::vector<PhaseRun>& runs =
          !reversed ? forward : (batch + 1 == graph_.micro_batches ? last_backward : backward);
      add_pass(runs, chunk(stage, number, runs.size()), batch, direction, reversed ? !last : !first,
               reversed ? !first : !last);
    };
    const int ahead = std::min(2 * (stages - stage - 1) + (chunks - 1) * stages, passes);
    int next_forward = 0;
    while (next_forward < ahead) run(next_forward++, Direction::forward);
    for (int pass = 0; pass < passes; ++pass) {
      if (next_forward < passes) run(next_forward++, Direction::forward);
      run(pass, Direction::backward);
    }
  }

  /// Layers of all phases of a stage are numbered in forward order.
  /// @param whole the pass through all layers of the stage, backward passes from the last layer to the first
  void add_pass(const std::vector<PhaseRun>& whole, Chunk part, int micro_batch, Direction direction, bool receives,
                bool sends) {
    std::vector<PhaseRun>& runs = program_.stages.back();
    const std::size_t begin = runs.size();
    if (part.begin == part.end) return;
    const bool reversed = direction == Direction::backward;
    for (std::size_t i = 0; i < part.end - part.begin; ++i) {
      const std::size_t layer = reversed ? part.end - 1 - i : part.begin + i;
      runs.push_back(whole[reversed ? whole.size() - 1 - layer : layer]);
      runs.back().micro_batch = micro_batch;
      runs.back().layer = static_cast<int>(layer);
    }
    if (receives) runs[begin].receive = direction;
    if (sends) runs.back().send = direction;
  }

  const Scenario& scenario_;
  const OpGraph& graph_;
  Program program_;
};

}  // namespace

Program compile(const Scenario& scenario, const OpGraph& graph) {
  const Parallelism& parallelism = scenario.parallelism;
  const bool known =
      parallelism.schedule == PipelineSchedule::gpipe || parallelism.schedule == PipelineSchedule::one_f_one_b;
  if (parallelism.pp > 1 && !known) {
    throw InputError(
        "parallelism.schedule: the flow engine executes gpipe and one_f_one_b, interleaved too (the other schedules "
        "are "
        "known by their closed form only): use --engine analytic");
  }
  return Compiler(scenario, graph).run();
}

}  // namespace moesim
