// Host and device over PCIe, both ways and at once; device copies; what a launch costs.

#include <chrono>
#include <cstring>
#include <fmt/core.h>

#include "microbench/kernels.hpp"
#include "microbench/plan.hpp"
#include "microbench/suites.hpp"

namespace moesim::microbench {
namespace {

/// Page-locked host memory.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(std::size_t bytes) {
    check(cudaMallocHost(&data_, bytes));
    std::memset(data_, 0x5a, bytes);
  }
  ~PinnedBuffer() { cudaFreeHost(data_); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  [[nodiscard]] void* get() const { return data_; }

 private:
  void* data_ = nullptr;
};

Row row_of(std::string_view kernel, std::size_t bytes) {
  return {{"kernel", std::string(kernel)}, {"bytes", fmt::format("{}", bytes)}};
}

/// Both directions at once, on two streams: the time until both are through.
Measurement time_both_ways(const PinnedBuffer& host_out, const PinnedBuffer& host_in, const DeviceBuffer& device_in,
                           const DeviceBuffer& device_out, std::size_t bytes, const StoppingRule& rule) {
  const Stream up;
  const Stream down;
  const Event begin;
  const Event down_begin;
  const Event end;
  Measurement measurement;
  do {
    begin.record(up.get());
    check(cudaMemcpyAsync(device_in.as<void>(), host_out.get(), bytes, cudaMemcpyHostToDevice, up.get()));
    check(cudaMemcpyAsync(host_in.get(), device_out.as<void>(), bytes, cudaMemcpyDeviceToHost, down.get()));
    down_begin.record(down.get());
    down_begin.wait();
    end.record(up.get());
    end.wait();
    measurement.add(end.since(begin));
  } while (!measurement.settled(rule));
  return measurement;
}

void run_copies(Bench& bench) {
  constexpr std::size_t kLargest = std::size_t{256} << 20U;
  const PinnedBuffer host_out(kLargest);
  const PinnedBuffer host_in(kLargest);
  const DeviceBuffer device_in(kLargest);
  const DeviceBuffer device_out(kLargest);
  fill_random(device_out.as<void>(), static_cast<std::int64_t>(kLargest / 4), 4, false, 1, nullptr);
  check(cudaStreamSynchronize(nullptr));
  for (std::size_t bytes = 256; bytes <= kLargest && !bench.over(0.8); bytes *= 2) {
    bench.sample(row_of("host_to_device", bytes), {[&, bytes](cudaStream_t stream) {
                   check(cudaMemcpyAsync(device_in.as<void>(), host_out.get(), bytes, cudaMemcpyHostToDevice, stream));
                 }},
                 false);
    bench.sample(row_of("device_to_host", bytes), {[&, bytes](cudaStream_t stream) {
                   check(cudaMemcpyAsync(host_in.get(), device_out.as<void>(), bytes, cudaMemcpyDeviceToHost, stream));
                 }},
                 false);
    bench.sample(
        row_of("device_to_device", 2 * bytes), {[&, bytes](cudaStream_t stream) {
          check(cudaMemcpyAsync(device_in.as<void>(), device_out.as<void>(), bytes, cudaMemcpyDeviceToDevice, stream));
        }},
        false);
    const Row both = row_of("host_both_ways", 2 * bytes);
    if (bench.known(both)) continue;
    const Measurement measured = time_both_ways(host_out, host_in, device_in, device_out, bytes, bench.options().rule);
    bench.keep(both, measured.median(), measured.noise());
  }
}

/// Host time of a launch when the device is never waited for, and device time between kernels of a graph.
void run_launches(Bench& bench) {
  constexpr int kLaunches = 1000;
  const Row in_stream = {{"kernel", "launch_stream"}, {"m", "1"}};
  if (!bench.known(in_stream)) {
    const Stream stream;
    Measurement host;
    do {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < kLaunches; ++i) empty_kernel(stream.get());
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
      stream.wait();
      host.add(spent.count() / kLaunches);
    } while (!host.settled(bench.options().rule, kLaunches));
    bench.keep(in_stream, host.median(), host.noise());
  }
  bench.sample({{"kernel", "launch_graph"}, {"m", fmt::format("{}", kLaunches)}},
               std::vector<Launch1>(kLaunches, [](cudaStream_t stream) { empty_kernel(stream); }));
}

}  // namespace

void run_transfers(Bench& bench) {
  run_launches(bench);
  run_copies(bench);
}

}  // namespace moesim::microbench
