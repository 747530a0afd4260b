// NCCL's collectives as nccl-tests defines their sizes. All processes walk through the same plan; what one of them
// alone knows (how long it took, what the file holds already) is agreed on by a reduction first.

#include "microbench/collective_suite.hpp"

#include <algorithm>
#include <fmt/core.h>

#include "moesim/base/diagnostic.hpp"

#include "microbench/hierarchy.hpp"
#include "microbench/kernels.hpp"

namespace moesim::microbench {
namespace {

constexpr std::int64_t kElement = 2;  // bf16

/// Buffers and stream of one GPU of this process.
struct Local {
  Member member;
  Stream stream;
  DeviceBuffer send;
  DeviceBuffer receive;
  DeviceBuffer scratch;
  DeviceBuffer agreed{sizeof(double)};
  Event begin;
  Event end;

  Local(const Member& of, std::size_t send_bytes, std::size_t receive_bytes, std::size_t scratch_bytes)
      : member(of), send(send_bytes), receive(receive_bytes), scratch(scratch_bytes) {}
};

using Locals = std::vector<std::unique_ptr<Local>>;

/// The largest of a number over all ranks.
double agree_on_largest(const Locals& locals, double mine) {
  for (const auto& one : locals) {
    check(cudaSetDevice(one->member.device));
    check(cudaMemcpy(one->agreed.as<void>(), &mine, sizeof(double), cudaMemcpyHostToDevice));
  }
  check(ncclGroupStart());
  for (const auto& one : locals) {
    auto* value = one->agreed.as<double>();
    check(ncclAllReduce(value, value, 1, ncclDouble, ncclMax, one->member.communicator, one->stream.get()));
  }
  check(ncclGroupEnd());
  double largest = mine;
  for (const auto& one : locals) {
    check(cudaSetDevice(one->member.device));
    one->stream.wait();
    check(cudaMemcpy(&largest, one->agreed.as<void>(), sizeof(double), cudaMemcpyDeviceToHost));
  }
  return largest;
}

struct Task {
  std::string kind;
  std::int64_t bytes = 0;  ///< per rank, nccl-tests' size
  BytesMatrix matrix;      ///< of an all_to_all
  int ranks = 1;
  int nodes = 1;
};

void send_blocks(const Local& one, const BytesMatrix& matrix) {
  const int rank = one.member.rank;
  for (int peer = 0; peer < matrix.ranks; ++peer) {
    const std::int64_t out = matrix.at(rank, peer);
    const std::int64_t in = matrix.at(peer, rank);
    if (out > 0) {
      check(ncclSend(one.send.as<char>() + matrix.send_offset(rank, peer), static_cast<std::size_t>(out), ncclInt8,
                     peer, one.member.communicator, one.stream.get()));
    }
    if (in > 0) {
      check(ncclRecv(one.receive.as<char>() + matrix.receive_offset(rank, peer), static_cast<std::size_t>(in), ncclInt8,
                     peer, one.member.communicator, one.stream.get()));
    }
  }
}

void exchange(const Local& one, const std::vector<Message>& messages, const char* from, char* to) {
  for (const Message& message : messages) {
    const auto bytes = static_cast<std::size_t>(message.bytes);
    check(
        ncclSend(from + message.send_offset, bytes, ncclInt8, message.peer, one.member.communicator, one.stream.get()));
    check(ncclRecv(to + message.receive_offset, bytes, ncclInt8, message.peer, one.member.communicator,
                   one.stream.get()));
  }
}

/// Two steps with a regrouping between; through the receive buffer and a scratch buffer.
void run_two_level(const Locals& locals, const Task& task) {
  const int per_node = task.ranks / task.nodes;
  const std::int64_t block = task.bytes / task.ranks;
  std::vector<TwoLevelExchange> plans;
  for (const auto& one : locals) plans.push_back(two_level_exchange(one->member.rank, task.nodes, per_node, block));
  check(ncclGroupStart());
  for (std::size_t i = 0; i < locals.size(); ++i) {
    exchange(*locals[i], plans[i].inside, locals[i]->send.as<char>(), locals[i]->receive.as<char>());
  }
  check(ncclGroupEnd());
  for (const auto& one : locals) {
    check(cudaSetDevice(one->member.device));
    const auto width = static_cast<std::size_t>(block);
    for (int node = 0; node < task.nodes; ++node) {
      check(cudaMemcpy2DAsync(one->scratch.as<char>() + node * per_node * block, width,
                              one->receive.as<char>() + node * block, static_cast<std::size_t>(task.nodes) * width,
                              width, static_cast<std::size_t>(per_node), cudaMemcpyDeviceToDevice, one->stream.get()));
    }
  }
  check(ncclGroupStart());
  for (std::size_t i = 0; i < locals.size(); ++i) {
    exchange(*locals[i], plans[i].between, locals[i]->scratch.as<char>(), locals[i]->receive.as<char>());
  }
  check(ncclGroupEnd());
}

void run_once(const Locals& locals, const Task& task) {
  if (task.kind == "all_to_all_2d") return run_two_level(locals, task);
  check(ncclGroupStart());
  for (const auto& one : locals) {
    const ncclComm_t communicator = one->member.communicator;
    const cudaStream_t stream = one->stream.get();
    const void* send = one->send.as<void>();
    void* receive = one->receive.as<void>();
    const auto count = static_cast<std::size_t>(task.bytes / kElement);
    const std::size_t part = count / static_cast<std::size_t>(task.ranks);
    if (task.kind == "all_to_all") {
      send_blocks(*one, task.matrix);
    } else if (task.kind == "all_reduce") {
      check(ncclAllReduce(send, receive, count, ncclBfloat16, ncclSum, communicator, stream));
    } else if (task.kind == "all_gather") {
      check(ncclAllGather(send, receive, part, ncclBfloat16, communicator, stream));
    } else if (task.kind == "reduce_scatter") {
      check(ncclReduceScatter(send, receive, part, ncclBfloat16, ncclSum, communicator, stream));
    } else {
      const int next = (one->member.rank + 1) % task.ranks;
      const int previous = (one->member.rank + task.ranks - 1) % task.ranks;
      check(ncclSend(send, count, ncclBfloat16, next, communicator, stream));
      check(ncclRecv(receive, count, ncclBfloat16, previous, communicator, stream));
    }
  }
  check(ncclGroupEnd());
}

/// Every block of an all-to-all says where it is from and where it goes; what arrives is looked at.
void check_exchange(const Locals& locals, Task task) {
  const BytesMatrix& matrix = task.matrix;
  const auto mark = [](int from, int to) { return static_cast<int>((from * 31 + to * 7 + 1) % 251); };
  for (const auto& one : locals) {
    check(cudaSetDevice(one->member.device));
    check(cudaMemset(one->receive.as<void>(), 0xff, one->receive.bytes()));
    for (int peer = 0; peer < task.ranks; ++peer) {
      check(cudaMemset(one->send.as<char>() + matrix.send_offset(one->member.rank, peer), mark(one->member.rank, peer),
                       static_cast<std::size_t>(matrix.at(one->member.rank, peer))));
    }
    check(cudaDeviceSynchronize());
  }
  run_once(locals, task);
  for (const auto& one : locals) {
    check(cudaSetDevice(one->member.device));
    one->stream.wait();
    std::vector<unsigned char> got(static_cast<std::size_t>(matrix.received(one->member.rank)));
    check(cudaMemcpy(got.data(), one->receive.as<void>(), got.size(), cudaMemcpyDeviceToHost));
    for (int peer = 0; peer < task.ranks; ++peer) {
      const auto begin = got.begin() + matrix.receive_offset(one->member.rank, peer);
      const bool right = std::all_of(begin, begin + matrix.at(peer, one->member.rank),
                                     [&](int byte) { return byte == mark(peer, one->member.rank); });
      if (!right) {
        throw MachineError(fmt::format("{}: rank {} received wrong bytes from rank {} (nothing was timed)", task.kind,
                                       one->member.rank, peer));
      }
    }
  }
}

/// `batch` runs, one graph for each GPU of this process.
std::vector<std::unique_ptr<CapturedGraph>> capture_runs(const Locals& locals, const Task& task, int batch) {
  std::vector<std::unique_ptr<CapturedGraph>> graphs;
  for (const auto& one : locals) {
    check(cudaSetDevice(one->member.device));
    graphs.push_back(std::make_unique<CapturedGraph>(one->stream));
  }
  for (int i = 0; i < batch; ++i) run_once(locals, task);
  for (std::size_t i = 0; i < locals.size(); ++i) {
    check(cudaSetDevice(locals[i]->member.device));
    graphs[i]->finish();
  }
  return graphs;
}

/// Time of one run, the slowest rank's, in batches that are long enough for the events.
Measurement time_collective(const Locals& locals, const Task& task, const CollectiveOptions& options) {
  const StoppingRule& rule = options.rule;
  int batch = 1;
  Measurement measurement;
  std::vector<std::unique_ptr<CapturedGraph>> graphs;
  for (bool warm = false;;) {
    if (options.graphs && (graphs.empty() || !warm)) graphs = capture_runs(locals, task, batch);
    for (const auto& one : locals) {
      check(cudaSetDevice(one->member.device));
      one->begin.record(one->stream.get());
    }
    for (int i = 0; i < batch && !options.graphs; ++i) run_once(locals, task);
    for (std::size_t i = 0; i < graphs.size(); ++i) {
      check(cudaSetDevice(locals[i]->member.device));
      graphs[i]->launch();
    }
    double slowest = 0;
    for (const auto& one : locals) {
      check(cudaSetDevice(one->member.device));
      one->end.record(one->stream.get());
      one->end.wait();
      slowest = std::max(slowest, one->end.since(one->begin));
    }
    slowest = agree_on_largest(locals, slowest);
    if (!warm) {
      warm = slowest >= 1e-3 || batch >= 64;  // what the first launch loads is in the batch that is thrown away
      if (!warm) batch *= 4;
      continue;
    }
    measurement.add(slowest / batch);
    if (measurement.settled(rule, batch)) return measurement;
  }
}

Row shape_of(const Task& task, std::string_view distribution, bool graphs) {
  return {{"collective", task.kind == "all_to_all_2d" ? "all_to_all" : task.kind},
          {"algorithm", task.kind == "all_to_all_2d" ? "hierarchical_2d" : "flat"},
          {"distribution", std::string(distribution)},
          {"ranks", fmt::format("{}", task.ranks)},
          {"nodes", fmt::format("{}", task.nodes)},
          {"bytes_per_rank", fmt::format("{}", task.bytes)},
          {"launch", graphs ? "graph" : "stream"}};
}

class Sweep {
 public:
  Sweep(const Communicator& communicator, const World& world, const CollectiveOptions& options, SampleFile* file)
      : communicator_(communicator), world_(world), options_(options), file_(file) {
    ranks_ = communicator.ranks();
    const int per_node = std::max(world.ranks / world.nodes, 1);
    nodes_ = ranks_ % per_node == 0 ? std::max(ranks_ / per_node, 1) : 1;
  }

  void run() {
    if (options_.matrix) {
      if (options_.matrix->ranks == ranks_) measure_matrix(*options_.matrix, "matrix");
      return;
    }
    PlanRandom random(options_.seed);
    for (const std::string& kind : options_.kinds) {
      for (const std::int64_t bytes : sweep_sizes(options_.least, options_.most, ranks_, kElement)) {
        if (!fits(bytes)) break;
        measure({.kind = kind, .bytes = bytes, .matrix = even_matrix(ranks_, bytes), .ranks = ranks_, .nodes = nodes_},
                "even");
        if (kind == "all_to_all" && options_.zipf > 0 && ranks_ > 1) {
          measure_matrix(zipf_matrix(random, ranks_, bytes, options_.zipf, kElement),
                         fmt::format("zipf {}", options_.zipf));
        }
      }
    }
  }

 private:
  /// Send, receive and scratch buffers in the memory that is free; all ranks are alike.
  [[nodiscard]] bool fits(std::int64_t bytes) const {
    std::size_t free = 0;
    std::size_t total = 0;
    check(cudaMemGetInfo(&free, &total));
    return 3.5 * static_cast<double>(bytes) < 0.9 * static_cast<double>(total);
  }

  void measure_matrix(const BytesMatrix& matrix, const std::string& distribution) {
    std::int64_t most = 0;
    for (int rank = 0; rank < ranks_; ++rank) most = std::max(most, matrix.sent(rank));
    measure({.kind = "all_to_all", .bytes = most, .matrix = matrix, .ranks = ranks_, .nodes = nodes_}, distribution);
  }

  void measure(const Task& task, const std::string& distribution) {
    const Row shape = shape_of(task, distribution, options_.graphs);
    Locals locals;
    for (const Member& member : communicator_.members()) {
      check(cudaSetDevice(member.device));
      const auto received = static_cast<std::size_t>(std::max(task.matrix.received(member.rank), task.bytes));
      const std::size_t scratch = task.kind == "all_to_all_2d" ? static_cast<std::size_t>(task.bytes) : 0;
      locals.push_back(std::make_unique<Local>(member, static_cast<std::size_t>(task.bytes), received, scratch));
    }
    // Rank 0 knows what the file holds.
    const double known = file_ != nullptr && file_->has(shape) ? 1 : 0;
    if (agree_on_largest(locals, known) > 0) return;
    const bool checked = task.kind.starts_with("all_to_all") && task.bytes <= (1 << 26);
    if (checked) check_exchange(locals, task);
    for (const auto& one : locals) {
      check(cudaSetDevice(one->member.device));
      fill_random(one->send.as<void>(), task.bytes / kElement, kElement, false,
                  static_cast<std::uint64_t>(one->member.rank), one->stream.get());
    }
    const Measurement measured = time_collective(locals, task, options_);
    if (file_ != nullptr) {
      file_->add(shape, {{"time_us", fmt::format("{:.3f}", 1e6 * measured.median())},
                         {"noise", fmt::format("{:.4f}", measured.noise())}});
    }
  }

  const Communicator& communicator_;
  const World& world_;
  const CollectiveOptions& options_;
  SampleFile* file_;
  int ranks_ = 1;
  int nodes_ = 1;
};

}  // namespace

std::vector<std::string> collective_kinds() {
  return {"all_to_all", "all_to_all_2d", "all_reduce", "all_gather", "reduce_scatter", "send_recv"};
}

std::vector<std::string> collective_columns() {
  return {"collective", "algorithm", "distribution", "ranks", "nodes", "bytes_per_rank", "launch"};
}

void run_collectives(const World& world, const CollectiveOptions& options, SampleFile* file) {
  for (const int ranks : rank_counts(world.ranks)) {
    // Processes outside wait for the next, larger communicator.
    const ncclUniqueId id = world.agree(fmt::format("ranks{}", ranks));
    if (world.first_rank >= ranks) continue;
    const Communicator communicator(ranks, world.first_rank, world.devices, id);
    Sweep(communicator, world, options, file).run();
  }
}

}  // namespace moesim::microbench
