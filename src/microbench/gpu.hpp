#pragma once

#include <cstddef>
#include <cuda_runtime.h>
#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include "microbench/statistics.hpp"

namespace moesim::microbench {

/// @throws MachineError naming the call's place and CUDA's reason
void check(cudaError_t status, const std::source_location& place = std::source_location::current());

/// Device memory that is given back.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept : data_(other.data_), bytes_(other.bytes_) { other.data_ = nullptr; }
  DeviceBuffer& operator=(DeviceBuffer&&) = delete;
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(data_);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(Stream&& other) noexcept : stream_(other.stream_) { other.stream_ = nullptr; }
  Stream& operator=(Stream&&) = delete;
  [[nodiscard]] cudaStream_t get() const { return stream_; }
  void wait() const { check(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) const { check(cudaEventRecord(event_, stream)); }
  void wait() const { check(cudaEventSynchronize(event_)); }
  /// Seconds from `begin` to this event; both have happened.
  [[nodiscard]] double since(const Event& begin) const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// What a stream was given between the constructor and `finish`, to be launched as one.
class CapturedGraph {
 public:
  explicit CapturedGraph(const Stream& stream);
  ~CapturedGraph();
  CapturedGraph(const CapturedGraph&) = delete;
  CapturedGraph& operator=(const CapturedGraph&) = delete;
  void finish();
  void launch() const { check(cudaGraphLaunch(instance_, stream_)); }

 private:
  cudaStream_t stream_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t instance_ = nullptr;
};

struct GpuInfo {
  std::string name;
  std::string pci_address;
  int multiprocessors = 0;
  int capability = 0;  ///< 90 for 9.0
  double l2_bytes = 0;
  std::string driver;
  std::string runtime;
};
/// @throws MachineError when there is no GPU that CUDA can use
[[nodiscard]] int count_gpus();
[[nodiscard]] GpuInfo gpu_info(int device);

using Launch1 = std::function<void(cudaStream_t)>;
/// Time of one launch: all launches (over rotated operands) are captured in a graph, at least 16 if they are short,
/// which is replayed until the rule is satisfied. The device waits while the host starts a replay, so neither counts.
/// @param graph false: launched one by one, for libraries that cannot be captured
[[nodiscard]] Measurement time_launches(const std::vector<Launch1>& launches, const StoppingRule& rule,
                                        bool graph = true);

}  // namespace moesim::microbench
