// NVML's interface as documented (NVML API reference), declared here: its header is not part of every CUDA
// installation.

#include "microbench/nvml.hpp"

#include <array>
#include <dlfcn.h>

namespace moesim::microbench {
namespace {

using Device = struct nvmlDevice*;
constexpr int kSuccess = 0;
constexpr int kClockSm = 1;
constexpr int kTemperatureGpu = 0;
constexpr unsigned kMostLinks = 18;
constexpr int kFeatureEnabled = 1;
constexpr int kRemoteSwitch = 2;
// Slow-down by hardware (0x8), by software for heat (0x20), by hardware for heat (0x40), by an external brake (0x80).
constexpr unsigned long long kBadReasons = 0x8 | 0x20 | 0x40 | 0x80;

template <class Function>
void load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
}

/// Rate of one link in one direction [B/s] (NVIDIA's data sheets) by NVML's number of the version: 1.0, 2.0, 2.2, 3.0,
/// 3.1, 4.0, 5.0 are 1 to 7.
double link_rate(unsigned version) {
  constexpr std::array kRates = {0.0, 20e9, 25e9, 25e9, 25e9, 25e9, 25e9, 50e9};
  return version < kRates.size() ? kRates[version] : kRates.back();
}

}  // namespace

struct Nvml::Library {
  void* handle = nullptr;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*by_address)(const char*, Device*) = nullptr;
  int (*clock)(Device, int, unsigned*) = nullptr;
  int (*temperature)(Device, int, unsigned*) = nullptr;
  int (*reasons)(Device, unsigned long long*) = nullptr;
  int (*driver)(char*, unsigned) = nullptr;
  int (*name)(Device, char*, unsigned) = nullptr;
  int (*link_state)(Device, unsigned, int*) = nullptr;
  int (*link_version)(Device, unsigned, unsigned*) = nullptr;
  int (*link_remote)(Device, unsigned, int*) = nullptr;

  [[nodiscard]] Device device(const std::string& pci_address) const {
    Device found = nullptr;
    return by_address != nullptr && by_address(pci_address.c_str(), &found) == kSuccess ? found : nullptr;
  }
};

Nvml::Nvml() {
  void* handle = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return;
  auto library = std::make_unique<Library>();
  library->handle = handle;
  load(handle, "nvmlInit_v2", library->init);
  load(handle, "nvmlShutdown", library->shutdown);
  load(handle, "nvmlDeviceGetHandleByPciBusId_v2", library->by_address);
  load(handle, "nvmlDeviceGetClockInfo", library->clock);
  load(handle, "nvmlDeviceGetTemperature", library->temperature);
  load(handle, "nvmlDeviceGetCurrentClocksThrottleReasons", library->reasons);
  load(handle, "nvmlSystemGetDriverVersion", library->driver);
  load(handle, "nvmlDeviceGetName", library->name);
  load(handle, "nvmlDeviceGetNvLinkState", library->link_state);
  load(handle, "nvmlDeviceGetNvLinkVersion", library->link_version);
  load(handle, "nvmlDeviceGetNvLinkRemoteDeviceType", library->link_remote);
  if (library->init == nullptr || library->init() != kSuccess) {
    ::dlclose(handle);
    return;
  }
  library_ = std::move(library);
}

Nvml::~Nvml() {
  if (library_ == nullptr) return;
  if (library_->shutdown != nullptr) library_->shutdown();
  ::dlclose(library_->handle);
}

ClockReading Nvml::read(const std::string& pci_address) const {
  ClockReading reading;
  if (library_ == nullptr) return reading;
  const Device device = library_->device(pci_address);
  if (device == nullptr) return reading;
  reading.known = library_->clock != nullptr && library_->clock(device, kClockSm, &reading.sm_mhz) == kSuccess;
  if (library_->temperature != nullptr) library_->temperature(device, kTemperatureGpu, &reading.temperature);
  unsigned long long reasons = 0;
  if (library_->reasons != nullptr && library_->reasons(device, &reasons) == kSuccess) {
    reading.throttled = (reasons & kBadReasons) != 0;
  }
  return reading;
}

std::string Nvml::driver() const {
  std::array<char, 96> text{};
  if (library_ == nullptr || library_->driver == nullptr || library_->driver(text.data(), text.size()) != kSuccess) {
    return "unknown";
  }
  return text.data();
}

GpuFacts Nvml::facts(const std::string& pci_address) const {
  GpuFacts facts{.name = {}, .pci_address = pci_address};
  if (library_ == nullptr) return facts;
  const Device device = library_->device(pci_address);
  if (device == nullptr) return facts;
  std::array<char, 96> text{};
  if (library_->name != nullptr && library_->name(device, text.data(), text.size()) == kSuccess)
    facts.name = text.data();
  for (unsigned link = 0; link < kMostLinks && library_->link_state != nullptr; ++link) {
    int active = 0;
    if (library_->link_state(device, link, &active) != kSuccess || active != kFeatureEnabled) continue;
    ++facts.nvlinks;
    unsigned version = 0;
    if (library_->link_version != nullptr && library_->link_version(device, link, &version) == kSuccess) {
      facts.nvlink_bytes_per_second = link_rate(version);
    }
    int remote = 0;
    if (library_->link_remote != nullptr && library_->link_remote(device, link, &remote) == kSuccess) {
      facts.nvlink_switch = remote == kRemoteSwitch;
    }
  }
  return facts;
}

}  // namespace moesim::microbench
