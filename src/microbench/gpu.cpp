#include "microbench/gpu.hpp"

#include <fmt/core.h>
#include <memory>

#include "moesim/base/diagnostic.hpp"

#include "microbench/kernels.hpp"

namespace moesim::microbench {

void check_kernel(cudaError_t status, const char* file, int line) {
  if (status == cudaSuccess) return;
  throw MachineError(
      fmt::format("CUDA: {} ({}) at {}:{}", cudaGetErrorString(status), cudaGetErrorName(status), file, line));
}

void check(cudaError_t status, const std::source_location& place) {
  check_kernel(status, place.file_name(), static_cast<int>(place.line()));
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) { check(cudaMalloc(&data_, bytes > 0 ? bytes : 1)); }
DeviceBuffer::~DeviceBuffer() { cudaFree(data_); }

Stream::Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
Stream::~Stream() {
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

Event::Event() { check(cudaEventCreate(&event_)); }
Event::~Event() { cudaEventDestroy(event_); }

double Event::since(const Event& begin) const {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin.event_, event_));
  return 1e-3 * static_cast<double>(milliseconds);
}

int count_gpus() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    throw MachineError(fmt::format("no GPU that CUDA can use ({}) run this on the machine that is to be measured",
                                   status == cudaSuccess ? "none was found" : cudaGetErrorString(status)));
  }
  return count;
}

GpuInfo gpu_info(int device) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device));
  int driver = 0;
  int runtime = 0;
  check(cudaDriverGetVersion(&driver));
  check(cudaRuntimeGetVersion(&runtime));
  const auto version = [](int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); };
  return {.name = properties.name,
          .pci_address = fmt::format("{:04x}:{:02x}:{:02x}.0", properties.pciDomainID, properties.pciBusID,
                                     properties.pciDeviceID),
          .multiprocessors = properties.multiProcessorCount,
          .capability = 10 * properties.major + properties.minor,
          .l2_bytes = static_cast<double>(properties.l2CacheSize),
          .driver = version(driver),
          .runtime = version(runtime)};
}

// Relaxed: while several GPUs of one thread are captured, one of the graphs is finished before the others.
CapturedGraph::CapturedGraph(const Stream& stream) : stream_(stream.get()) {
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
}

CapturedGraph::~CapturedGraph() {
  if (instance_ != nullptr) cudaGraphExecDestroy(instance_);
  if (graph_ != nullptr) cudaGraphDestroy(graph_);
}

void CapturedGraph::finish() {
  check(cudaStreamEndCapture(stream_, &graph_));
  check(cudaGraphInstantiate(&instance_, graph_, 0));
}

namespace {

constexpr double kHostAhead = 3e-4;          // [s] that the device waits while the host prepares what is timed
constexpr std::size_t kFewestLaunches = 16;  // of short kernels: what begins and ends a graph takes 2 to 4 us
constexpr double kShortGraph = 1e-3;         // [s]

template <class Run>
double time_once(const Stream& stream, const Run& run) {
  const Event begin;
  const Event end;
  wait_on_device(kHostAhead, stream.get());
  begin.record(stream.get());
  run();
  end.record(stream.get());
  end.wait();
  return end.since(begin);
}

template <class Run>
Measurement repeat(const Stream& stream, double launches, const StoppingRule& rule, const Run& run) {
  run();
  stream.wait();
  Measurement measurement;
  do {
    measurement.add(time_once(stream, run) / launches);
  } while (!measurement.settled(rule, launches));
  return measurement;
}

/// `launches` in order, `rounds` times.
std::unique_ptr<CapturedGraph> capture(const Stream& stream, const std::vector<Launch1>& launches, std::size_t rounds) {
  auto graph = std::make_unique<CapturedGraph>(stream);
  for (std::size_t i = 0; i < rounds; ++i) {
    for (const Launch1& launch : launches) launch(stream.get());
  }
  graph->finish();
  return graph;
}

}  // namespace

Measurement time_launches(const std::vector<Launch1>& launches, const StoppingRule& rule, bool graph) {
  MOESIM_EXPECTS(!launches.empty());
  const Stream stream;
  launches.front()(stream.get());  // loads the module, allocates workspaces
  stream.wait();
  if (!graph) {
    return repeat(stream, static_cast<double>(launches.size()), rule, [&] {
      for (const Launch1& launch : launches) launch(stream.get());
    });
  }
  std::size_t rounds = 1;
  auto captured = capture(stream, launches, rounds);
  if (launches.size() < kFewestLaunches) {
    captured->launch();
    if (time_once(stream, [&] { captured->launch(); }) < kShortGraph) {
      rounds = (kFewestLaunches + launches.size() - 1) / launches.size();
      captured = capture(stream, launches, rounds);
    }
  }
  return repeat(stream, static_cast<double>(rounds * launches.size()), rule, [&] { captured->launch(); });
}

}  // namespace moesim::microbench
