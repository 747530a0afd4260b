#pragma once

#include <memory>
#include <string>

#include "microbench/topology.hpp"

namespace moesim::microbench {

struct ClockReading {
  bool known = false;
  unsigned sm_mhz = 0;
  unsigned temperature = 0;  ///< [C]
  bool throttled = false;    ///< by heat or by the hardware; the power cap is how a GPU works under load
};

/// NVML, loaded at run time: without it (in some containers) clocks are not recorded.
class Nvml {
 public:
  Nvml();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  [[nodiscard]] ClockReading read(const std::string& pci_address) const;
  [[nodiscard]] std::string driver() const;
  /// Name, PCI address and NVLinks of a GPU.
  [[nodiscard]] GpuFacts facts(const std::string& pci_address) const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace moesim::microbench
