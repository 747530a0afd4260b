#include "sim/program.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "sim/pipeline_order.hpp"
#include "sim/split_backward.hpp"

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

/// @param second by operator: it belongs to the second pass of an overlapped phase; empty: none does
CompiledPhase compile_phase(const Phase& phase, Seconds launch, bool background_reduction,
                            const std::vector<bool>& second = {}) {
  const auto pass = [&second](std::size_t op) {
    return static_cast<std::uint8_t>(!second.empty() && second[op] ? 1 : 0);
  };
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
        !ends_task[i - 1] && pass(i) == pass(i - 1)) {
      compiled.tasks[last].end_op = static_cast<std::uint32_t>(i + 1);
      task_of[i] = last;
      continue;
    }
    const std::size_t task = compiled.tasks.size();
    compiled.tasks.push_back({.stream = op.stream,
                              .first_op = static_cast<std::uint32_t>(i),
                              .end_op = static_cast<std::uint32_t>(i + 1),
                              .background = background_reduction && op.stream == Stream::gradient_communication,
                              .pass = pass(i)});
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
  Compiler(const Scenario& scenario, const OpGraph& graph)
      : scenario_(scenario), graph_(graph), passes_(graph.stages.size()) {}

  Program run() {
    const std::vector<std::uint32_t> end = add(graph_.iteration_end, false);
    const bool training = !graph_.stages.front().backward.empty();
    const int ranks = static_cast<int>(graph_.stages.size());
    for (int rank = 0; rank < ranks; ++rank) {
      program_.stages.emplace_back();
      const std::vector<PassSlot> slots = pipeline_order(scenario_.parallelism, rank, graph_.micro_batches, training);
      left_.assign(2 * static_cast<std::size_t>(scenario_.parallelism.virtual_stages), 0);
      for (const PassSlot& slot : slots) left(slot) += makes_weight_gradients(slot) ? 1 : 0;
      for (std::size_t i = 0; i < slots.size(); ++i) {
        std::vector<PhaseRun> runs = runs_of(rank, slots[i]);
        if (slots[i].beside_next) runs = overlapped(runs, runs_of(rank, slots[++i]));
        program_.stages.back().insert(program_.stages.back().end(), runs.begin(), runs.end());
      }
      bool first = true;
      for (const std::uint32_t phase : end) {
        const PassPart whole{.stage = static_cast<std::uint32_t>(rank)};
        program_.stages.back().push_back({.phase = phase, .of = {whole, whole}, .quiet = first});
        first = false;
      }
    }
    for (CompiledPhase& phase : program_.phases) {
      phase.first_task = program_.tasks;
      program_.tasks += static_cast<std::uint32_t>(phase.tasks.size());
    }
    program_.iterations_overlap =
        training && ranks > 1 && scenario_.parallelism.schedule == PipelineSchedule::zero_bubble_h2;
    return std::move(program_);
  }

 private:
  using Phases = std::vector<std::uint32_t>;  ///< in Program::phases
  /// [Pass][last]: of a kind of pass, before the last micro-batch and of the last one, whose gradients may be reduced
  /// beside other work. None: not asked for yet.
  using StagePasses = std::array<std::array<std::optional<Phases>, 2>, 4>;

  std::vector<std::uint32_t> add(const std::vector<Phase>& phases, bool background_reduction) {
    std::vector<std::uint32_t> indices;
    for (const Phase& phase : phases) {
      indices.push_back(static_cast<std::uint32_t>(program_.phases.size()));
      program_.phases.push_back(compile_phase(phase, scenario_.framework.kernel_launch, background_reduction));
    }
    return indices;
  }

  const Phase& keep(Phase phase) {
    program_.made.push_back(std::make_unique<const Phase>(std::move(phase)));
    return *program_.made.back();
  }

  /// One part of a backward pass that is split.
  Phases add_part(const std::vector<Phase>& backward, Phase SplitBackward::*part, bool background_reduction) {
    Phases indices;
    for (const Phase& phase : backward) {
      SplitBackward split = split_backward(phase);
      const Phase& kept = keep(std::move(split.*part));
      indices.push_back(static_cast<std::uint32_t>(program_.phases.size()));
      program_.phases.push_back(compile_phase(kept, scenario_.framework.kernel_launch, background_reduction));
    }
    return indices;
  }

  const Phases& phases(std::uint32_t stage, Pass pass, bool last) {
    const Stage& work = graph_.stages[stage];
    std::optional<Phases>& known = passes_[stage].at(static_cast<std::size_t>(pass)).at(last ? 1 : 0);
    if (known) return *known;
    const std::vector<Phase>& backward = last ? work.last_backward : work.backward;
    switch (pass) {
      case Pass::forward:
        known = add(work.forward, false);
        break;
      case Pass::backward:
        known = add(backward, last);
        break;
      case Pass::input_gradient:
        known = add_part(backward, &SplitBackward::input, last);
        break;
      case Pass::weight_gradient:
        known = add_part(backward, &SplitBackward::weight, last);
        break;
    }
    return *known;
  }

  static bool makes_weight_gradients(const PassSlot& slot) {
    return slot.pass == Pass::backward || slot.pass == Pass::weight_gradient;
  }
  /// Passes of the rank that still have to add to the gradients of these weights.
  int& left(const PassSlot& slot) {
    return left_[(slot.from_last ? 1U : 0U) + 2 * static_cast<std::size_t>(slot.chunk)];
  }

  /// Runs of one slot: a pass through the layers of a stage, or of one of its chunks.
  std::vector<PhaseRun> runs_of(int rank, const PassSlot& slot) {
    const int ranks = static_cast<int>(graph_.stages.size());
    const int stage = slot.from_last ? ranks - 1 - rank : rank;
    const bool reversed = slot.pass != Pass::forward;
    const bool completes = makes_weight_gradients(slot) && --left(slot) == 0;
    std::vector<PhaseRun> whole;
    for (const std::uint32_t phase : phases(static_cast<std::uint32_t>(stage), slot.pass, completes)) {
      const double repeat = program_.phases[phase].phase->repeat;
      for (double time = 0; time < repeat; ++time) whole.push_back({.phase = phase});
    }
    // Layers of all phases of a stage are numbered in forward order.
    const Chunk part = chunk(stage, slot.chunk, whole.size());
    std::vector<PhaseRun> runs;
    for (std::size_t i = 0; i < part.end - part.begin; ++i) {
      const std::size_t layer = reversed ? part.end - 1 - i : part.begin + i;
      const PhaseRun& run = whole[reversed ? whole.size() - 1 - layer : layer];
      if (program_.phases[run.phase].tasks.empty()) continue;  // no weights
      runs.push_back(run);
      runs.back().of.front() = {.micro_batch = slot.micro_batch,
                                .layer = static_cast<int>(layer),
                                .stage = static_cast<std::uint32_t>(stage)};
    }
    if (runs.empty() || slot.pass == Pass::weight_gradient) return runs;
    const bool first = stage == 0 && slot.chunk == 0;
    const bool last = stage + 1 == ranks && slot.chunk + 1 == scenario_.parallelism.virtual_stages;
    const Channel channel = reversed ? (slot.from_last ? Channel::backward_from_last : Channel::backward)
                                     : (slot.from_last ? Channel::forward_from_last : Channel::forward);
    if (!(reversed ? last : first)) runs.front().receive.front() = channel;
    if (!(reversed ? first : last)) runs.back().send.front() = channel;
    return runs;
  }

  /// Runs [begin, end) of a stage's forward pass.
  struct Chunk {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  /// Chunks of layers as equal as these allow; the embedding belongs to the first chunk of the first stage, the head to
  /// the last of the last.
  [[nodiscard]] Chunk chunk(int stage, int number, std::size_t runs) const {
    if (scenario_.parallelism.virtual_stages == 1) return {.begin = 0, .end = runs};
    const auto chunks = static_cast<std::size_t>(scenario_.parallelism.virtual_stages);
    const std::vector<Phase>& forward = graph_.stages[static_cast<std::size_t>(stage)].forward;
    const std::size_t leading = forward.front().name == "embedding" ? 1 : 0;
    const std::size_t trailing = forward.back().name == "head" ? 1 : 0;
    const std::size_t layers = runs - leading - trailing;
    if (layers < chunks) {
      throw InputError(
          "parallelism.virtual_stages: the flow engine needs a layer in every chunk: use --engine analytic");
    }
    const auto at = static_cast<std::size_t>(number);
    return {.begin = at == 0 ? 0 : leading + at * layers / chunks,
            .end = at + 1 == chunks ? runs : leading + (at + 1) * layers / chunks};
  }

  /// Layer by layer, as far as both go. The forward pass's operators are the second part of each phase.
  std::vector<PhaseRun> overlapped(const std::vector<PhaseRun>& forward, const std::vector<PhaseRun>& backward) {
    std::vector<PhaseRun> runs;
    const std::size_t both = std::min(forward.size(), backward.size());
    for (std::size_t i = 0; i < std::max(forward.size(), backward.size()); ++i) {
      if (i >= both) {
        runs.push_back(i < forward.size() ? forward[i] : backward[i]);
        continue;
      }
      runs.push_back({.phase = overlapped_phase_of(forward[i].phase, backward[i].phase),
                      .of = {backward[i].of.front(), forward[i].of.front()},
                      .receive = {backward[i].receive.front(), forward[i].receive.front()},
                      .send = {backward[i].send.front(), forward[i].send.front()}});
    }
    return runs;
  }

  std::uint32_t overlapped_phase_of(std::uint32_t forward, std::uint32_t backward) {
    const auto [entry, added] =
        overlapped_.try_emplace({forward, backward}, static_cast<std::uint32_t>(program_.phases.size()));
    if (!added) return entry->second;
    OverlappedPhase made = overlapped_phase(*program_.phases[forward].phase, *program_.phases[backward].phase);
    program_.phases.push_back(
        compile_phase(keep(std::move(made.phase)), scenario_.framework.kernel_launch, false, made.of_forward));
    return entry->second;
  }

  const Scenario& scenario_;
  const OpGraph& graph_;
  std::vector<StagePasses> passes_;  ///< by stage
  std::vector<int> left_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> overlapped_;
  Program program_;
};

}  // namespace

Program compile(const Scenario& scenario, const OpGraph& graph) {
  const Parallelism& parallelism = scenario.parallelism;
  const int least = 2 * (parallelism.pp - 1);
  if (parallelism.pp > 1 && parallelism.schedule == PipelineSchedule::dual_pipe &&
      (graph.micro_batches % 2 != 0 || graph.micro_batches < least)) {
    throw InputError(
        fmt::format("parallelism.schedule: dual_pipe needs an even number of at least {} micro-batches on {} stages, "
                    "not {} (half of "
                    "them enter at each end) change workload.global_batch or workload.micro_batch",
                    least, parallelism.pp, graph.micro_batches));
  }
  if (scenario.framework.expert_parallel_overlap && scenario.mode() == Mode::training) {
    throw InputError(
        "framework.expert_parallel_overlap: the flow engine runs one micro-batch of a rank at a time (known by its "
        "closed form only): use --engine analytic");
  }
  return Compiler(scenario, graph).run();
}

}  // namespace moesim
