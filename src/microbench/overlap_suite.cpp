// How much a matrix product and a copying kernel on n multiprocessors slow each other down.

#include <algorithm>
#include <chrono>
#include <fmt/core.h>
#include <thread>

#include "microbench/kernels.hpp"
#include "microbench/matrix_product.hpp"
#include "microbench/suites.hpp"

namespace moesim::microbench {
namespace {

constexpr std::size_t kCopied = std::size_t{512} << 20U;  // beyond any cache
constexpr int kMostBlocks = 32;
constexpr double kLimit = 2;          // [s] after which the copy ends by itself
constexpr double kRepetition = 1e-2;  // [s] of products
constexpr double kSpinUp = 2e-4;      // [s] for the copy to take its multiprocessors

/// A flag in host memory that a running kernel sees, and what each block reports at its end.
struct Control {
  Control() : report(2 * kMostBlocks * sizeof(unsigned long long)) {
    check(cudaHostAlloc(reinterpret_cast<void**>(&stop), sizeof(int), cudaHostAllocMapped));
  }
  ~Control() { cudaFreeHost(stop); }
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  int* stop = nullptr;
  DeviceBuffer report;
};

class CopyBeside {
 public:
  CopyBeside() : from_(kCopied), to_(kCopied) {
    fill_random(from_.as<void>(), static_cast<std::int64_t>(kCopied / 4), 4, false, 1, nullptr);
    check(cudaStreamSynchronize(nullptr));
  }

  void start(int blocks) {
    blocks_ = blocks;
    *control_.stop = 0;
    copy_until_stopped(from_.as<void>(), to_.as<void>(), static_cast<std::int64_t>(kCopied), blocks, control_.stop,
                       kLimit, control_.report.as<unsigned long long>(), stream_.get());
    std::this_thread::sleep_for(std::chrono::duration<double>(kSpinUp));
  }

  /// Bytes per second, read and written, since it was started.
  double stop() {
    *static_cast<volatile int*>(control_.stop) = 1;
    stream_.wait();
    std::vector<unsigned long long> report(2 * static_cast<std::size_t>(blocks_));
    check(cudaMemcpy(report.data(), control_.report.as<void>(), report.size() * sizeof(unsigned long long),
                     cudaMemcpyDeviceToHost));
    double rate = 0;
    for (std::size_t i = 0; i < report.size(); i += 2) {
      rate += static_cast<double>(report[i]) / (1e-9 * static_cast<double>(report[i + 1]));
    }
    return rate;
  }

 private:
  Stream stream_;
  Control control_;
  DeviceBuffer from_;
  DeviceBuffer to_;
  int blocks_ = 1;
};

}  // namespace

void run_overlap(Bench& bench) {
  struct Shape {
    std::int64_t m, n, k;
  };
  // Large, an expert's, a narrow one's, a short one: bound by compute, by few tiles, by memory.
  constexpr Shape kShapes[] = {{8192, 8192, 8192}, {8192, 2048, 2048}, {4096, 1408, 2048},
                               {4096, 512, 2048},  {16384, 512, 512},  {128, 8192, 8192}};
  Products products;
  CopyBeside copy;
  const StoppingRule rule{.noise = 0.01, .fewest = 10, .least_seconds = 5e-3, .patience = 0.2};
  for (const Shape& one : kShapes) {
    const GemmPoint point{.precision = Precision::bf16, .layout = Layout::TN, .m = one.m, .n = one.n, .k = one.k};
    const DeviceBuffer a(static_cast<std::size_t>(2 * one.m * one.k));
    const DeviceBuffer b(static_cast<std::size_t>(2 * one.n * one.k));
    const DeviceBuffer c(static_cast<std::size_t>(2 * one.m * one.n));
    fill_random(a.as<void>(), one.m * one.k, 2, false, 1, nullptr);
    fill_random(b.as<void>(), one.n * one.k, 2, false, 2, nullptr);
    check(cudaStreamSynchronize(nullptr));
    const Launch1 gemm = products.gemm(point, a.as<void>(), b.as<void>(), c.as<void>());
    // Before each repetition the device waits for the host: long ones, so that what the copy moves meanwhile hardly
    // counts.
    const double once = time_launches(std::vector<Launch1>(10, gemm), rule).median();
    const std::vector<Launch1> launches(static_cast<std::size_t>(std::max(10.0, kRepetition / once)), gemm);
    for (const int blocks : {1, 2, 4, 6, 8, 12, 16, 20, 24, 32}) {
      const Row shape = bench.with_device({{"kernel", "gemm"},
                                           {"dtype", "bf16"},
                                           {"m", fmt::format("{}", one.m)},
                                           {"n", fmt::format("{}", one.n)},
                                           {"k", fmt::format("{}", one.k)},
                                           {"copy_multiprocessors", fmt::format("{}", blocks)}});
      if (bench.over(1) || bench.file().has(shape)) continue;
      // Alone and beside right after each other: clocks drift.
      const Measurement alone = time_launches(launches, rule);
      copy.start(blocks);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const double copy_alone = copy.stop();
      copy.start(blocks);
      const Measurement beside = time_launches(launches, rule);
      const double copy_beside = copy.stop();
      ClockReading clocks;
      if (bench.throttled(clocks)) continue;
      bench.file().add(shape, {{"gemm_alone_us", fmt::format("{:.3f}", 1e6 * alone.median())},
                               {"gemm_beside_us", fmt::format("{:.3f}", 1e6 * beside.median())},
                               {"copy_alone_GBps", fmt::format("{:.2f}", 1e-9 * copy_alone)},
                               {"copy_beside_GBps", fmt::format("{:.2f}", 1e-9 * copy_beside)},
                               {"sm_clock_mhz", clocks.known ? fmt::format("{}", clocks.sm_mhz) : ""}});
    }
  }
}

}  // namespace moesim::microbench
