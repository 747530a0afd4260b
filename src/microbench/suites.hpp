#pragma once

#include <string>

#include "microbench/gpu.hpp"
#include "microbench/nvml.hpp"
#include "microbench/sample_file.hpp"

namespace moesim::microbench {

struct SuiteOptions {
  std::string device;    ///< name in configs/devices, for the column
  double seconds = 120;  ///< for all samples
  std::uint64_t seed = 1;
  StoppingRule rule;
};

/// Columns of kernels' samples, as scripts/bench_torch.py writes them.
[[nodiscard]] std::vector<std::string> kernel_columns();
[[nodiscard]] std::vector<std::string> result_columns();
[[nodiscard]] std::vector<std::string> overlap_columns();

/// One GPU under test: measures and writes down, leaves out what was measured while the clocks were throttled.
class Bench {
 public:
  Bench(const SuiteOptions& options, const GpuInfo& gpu, const Nvml& nvml, SampleFile& file);

  /// Measures unless the file has it, and keeps it. Operands are the caller's.
  void sample(const Row& shape, const std::vector<Launch1>& launches, bool graph = true);
  void keep(const Row& shape, double seconds, double noise);
  [[nodiscard]] bool known(const Row& shape) const { return file_.has(with_device(shape)); }
  [[nodiscard]] bool over(double share) const;
  [[nodiscard]] int dropped() const { return dropped_; }
  [[nodiscard]] const GpuInfo& gpu() const { return gpu_; }
  [[nodiscard]] const SuiteOptions& options() const { return options_; }
  [[nodiscard]] SampleFile& file() { return file_; }
  /// True (and counted) when the GPU is slowed down by heat or hardware.
  [[nodiscard]] bool throttled(ClockReading& clocks);
  [[nodiscard]] Row with_device(const Row& shape) const;

 private:
  SuiteOptions options_;
  GpuInfo gpu_;
  const Nvml& nvml_;
  SampleFile& file_;
  double begin_;
  int dropped_ = 0;
};

/// Results of every kernel against references on the host. @throws MachineError naming the kernel that is wrong
void check_results();

void run_kernels(Bench& bench);    ///< products, experts' products, memory kernels
void run_transfers(Bench& bench);  ///< host and device both ways, device copies, launches
void run_overlap(Bench& bench);    ///< a product beside a copy on 1 to 32 multiprocessors

}  // namespace moesim::microbench
