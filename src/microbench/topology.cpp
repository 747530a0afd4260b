#include "microbench/topology.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <set>

namespace moesim::microbench {
namespace {

namespace fs = std::filesystem;

/// First line of a small file; empty when there is none.
std::string line_of(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

double leading_number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

bool is_address(const std::string& name) {
  return name.size() == 12 && name[4] == ':' && name[7] == ':' && name[10] == '.';
}

/// Bridges and root of a device from its place in the tree: .../pci0000:15/0000:15:01.0/0000:16:00.0/0000:18:00.0
void place(PciDevice& device, const fs::path& real) {
  for (const fs::path& part : real) {
    const std::string name = part.string();
    if (name.starts_with("pci") && name.find(':') != std::string::npos) device.root = name;
    if (is_address(name) && name != device.address) device.bridges.push_back(name);
  }
}

}  // namespace

std::vector<PciDevice> read_pci(const std::string& sysfs) {
  std::vector<PciDevice> devices;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(sysfs) / "bus/pci/devices", error)) {
    PciDevice device;
    device.address = entry.path().filename().string();
    const fs::path real = fs::canonical(entry.path(), error);
    if (error) continue;
    place(device, real);
    device.device_class = static_cast<int>(std::strtol(line_of(real / "class").c_str(), nullptr, 16));
    const std::string numa = line_of(real / "numa_node");
    if (!numa.empty()) device.numa_node = static_cast<int>(leading_number(numa));
    // The slowest link between the device and the root decides.
    for (fs::path at = real; is_address(at.filename().string()); at = at.parent_path()) {
      const double speed = leading_number(line_of(at / "max_link_speed"));
      const int lanes = static_cast<int>(leading_number(line_of(at / "max_link_width")));
      if (speed <= 0 || lanes <= 0 || lanes > 32) continue;
      if (device.lanes == 0 || pcie_bandwidth(speed, lanes) < pcie_bandwidth(device.gigatransfers, device.lanes)) {
        device.gigatransfers = speed;
        device.lanes = lanes;
      }
    }
    devices.push_back(std::move(device));
  }
  std::ranges::sort(devices, {}, &PciDevice::address);
  return devices;
}

double pcie_bandwidth(double gigatransfers, int lanes) {
  const double coding = gigatransfers < 7 ? 8.0 / 10.0 : 128.0 / 130.0;
  return gigatransfers * 1e9 / 8 * coding * lanes;
}

std::string path_name(const PciDevice& a, const PciDevice& b) {
  if (a.root != b.root) return a.numa_node == b.numa_node ? "NODE" : "SYS";
  std::size_t common = 0;
  while (common < std::min(a.bridges.size(), b.bridges.size()) && a.bridges[common] == b.bridges[common]) ++common;
  if (common == 0) return "PHB";
  // Bridges from the first common one down: a switch is an upstream and a downstream port.
  const std::size_t crossed = a.bridges.size() + b.bridges.size() - 2 * common;
  return crossed <= 2 ? "PIX" : "PXB";
}

std::vector<RdmaPort> read_rdma(const std::string& sysfs) {
  std::vector<RdmaPort> ports;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(sysfs) / "class/infiniband", error)) {
    RdmaPort port{.name = entry.path().filename().string(), .pci_address = {}};
    const fs::path device = fs::canonical(entry.path() / "device", error);
    if (!error) port.pci_address = device.filename().string();
    const fs::path first = entry.path() / "ports/1";
    port.bits_per_second = leading_number(line_of(first / "rate")) * 1e9;  // "400 Gb/sec (4X NDR)"
    port.active = line_of(first / "state").find("ACTIVE") != std::string::npos;
    ports.push_back(std::move(port));
  }
  std::ranges::sort(ports, {}, &RdmaPort::name);
  return ports;
}

std::string cluster_yaml(const MachineFacts& machine, const std::string& name, const std::string& device) {
  std::vector<std::string> assumptions;
  std::set<int> numa_nodes;
  double slowest_pcie = 0;
  for (const GpuFacts& gpu : machine.gpus) {
    const auto found = std::ranges::find(machine.pci, gpu.pci_address, &PciDevice::address);
    if (found == machine.pci.end()) continue;
    if (found->numa_node >= 0) numa_nodes.insert(found->numa_node);
    const double rate = found->lanes > 0 ? pcie_bandwidth(found->gigatransfers, found->lanes) : 0;
    if (rate > 0 && (slowest_pcie == 0 || rate < slowest_pcie)) slowest_pcie = rate;
  }
  if (slowest_pcie == 0) {
    slowest_pcie = pcie_bandwidth(16, 16);
    assumptions.emplace_back("PCIe: the machine does not report the speed of its slots; 4.0 x16 is assumed");
  }
  const bool nvlink = !machine.gpus.empty() && std::ranges::all_of(machine.gpus, [](const GpuFacts& gpu) {
    return gpu.nvlinks > 0 && gpu.nvlink_switch;
  });
  std::vector<RdmaPort> ports;
  std::ranges::copy_if(machine.rdma, std::back_inserter(ports), &RdmaPort::active);
  const auto gpus = std::max<std::size_t>(machine.gpus.size(), 1);

  std::string yaml = fmt::format("# {} as NVML and sysfs report it.\nname: {}\nnodes: {}\ndevice: {}\n", machine.host,
                                 name, machine.nodes, device);
  yaml += fmt::format("topology: {}\nbox:\n  gpus: {}\n", nvlink ? "nvlink_rails" : "pcie_shared_nic", gpus);
  yaml += fmt::format("  sockets: {}\n", std::max<std::size_t>(numa_nodes.size(), 1));
  yaml += fmt::format("  pcie: {{bandwidth: {:.4g}GB/s, latency: 0.5us}}\n", slowest_pcie * 1e-9);
  yaml +=
      "  inter_socket: {bandwidth: 67.2GB/s, latency: 0.1us}\n  host_memory: {bandwidth: 102.4GB/s, latency: 0.1us}\n";
  assumptions.emplace_back(
      "Sockets: three links of 11.2 GT/s x 2 B between them, eight channels of DDR4-3200 (not reported)");
  assumptions.emplace_back(
      "Latencies: orders of magnitude (not reported); 'calibrate' fits the start-up of collectives");
  if (nvlink) {
    yaml += fmt::format("  nvlink: {{bandwidth: {:.4g}GB/s, latency: 0.3us}}\n",
                        machine.gpus.front().nvlinks * machine.gpus.front().nvlink_bytes_per_second * 1e-9);
  }
  if (!ports.empty()) {
    const std::string count = nvlink ? "" : fmt::format("count: {}, ", ports.size());
    yaml +=
        fmt::format("nic: {{{}bandwidth: {:.4g}Gbps, latency: 1us}}\n", count, ports.front().bits_per_second * 1e-9);
  } else if (machine.nodes > 1 || nvlink) {
    yaml += "nic: {bandwidth: 100Gbps, latency: 1us}\n";
    assumptions.emplace_back("NICs: no active RDMA port was found; 100 Gb/s is assumed");
  }
  yaml += fmt::format("transport: {{p2p_level: {}, gdr_level: pxb}}\n", nvlink ? "nvl" : "phb");
  assumptions.emplace_back("Transport: NCCL's defaults");
  yaml += "assumptions:\n";
  for (const std::string& one : assumptions) yaml += fmt::format("  - \"{}\"\n", one);
  return yaml;
}

}  // namespace moesim::microbench
