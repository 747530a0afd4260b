#pragma once

#include <optional>
#include <string>
#include <vector>

namespace moesim::microbench {

/// A PCI device as sysfs reports it.
struct PciDevice {
  std::string address;               ///< 0000:18:00.0
  std::vector<std::string> bridges;  ///< addresses from the root port down; empty: on a root bus
  std::string root;                  ///< pci0000:15
  int device_class = 0;              ///< 0x030200 3D controller, 0x020000 Ethernet, 0x020700 InfiniBand
  int numa_node = -1;
  double gigatransfers = 0;  ///< per lane and second, of the slowest link on the way up to the root
  int lanes = 0;             ///< likewise
  [[nodiscard]] bool is_nic() const { return (device_class >> 8U) == 0x0200 || (device_class >> 8U) == 0x0207; }
};

/// All PCI devices below `sysfs` (/sys), by address. Links that do not say their speed count as none.
[[nodiscard]] std::vector<PciDevice> read_pci(const std::string& sysfs);

/// Bytes per second that 128-byte packets leave of a PCIe link (128/130 coding from 8 GT/s on, 8/10 below).
[[nodiscard]] double pcie_bandwidth(double gigatransfers, int lanes);

/// How two devices reach each other, as nvidia-smi topo names it: PIX (one switch), PXB (several), PHB (one root
/// complex), NODE (one NUMA node), SYS (through the link between sockets).
[[nodiscard]] std::string path_name(const PciDevice& a, const PciDevice& b);

/// An RDMA port: rate in bit/s and the PCI device that it is on.
struct RdmaPort {
  std::string name;  ///< mlx5_0
  std::string pci_address;
  double bits_per_second = 0;
  bool active = false;
};
[[nodiscard]] std::vector<RdmaPort> read_rdma(const std::string& sysfs);

/// What NVML tells of one GPU.
struct GpuFacts {
  std::string name;
  std::string pci_address;
  int nvlinks = 0;                     ///< active
  double nvlink_bytes_per_second = 0;  ///< of one, one direction
  bool nvlink_switch = false;          ///< they lead to switches, not to other GPUs
};

struct MachineFacts {
  std::string host;
  int nodes = 1;
  std::vector<GpuFacts> gpus;
  std::vector<PciDevice> pci;
  std::vector<RdmaPort> rdma;
};

/// The machine as a cluster of moesim: what was found as numbers, what was not as assumptions to be checked.
/// @param device name of the device file in configs/devices
[[nodiscard]] std::string cluster_yaml(const MachineFacts& machine, const std::string& name, const std::string& device);

}  // namespace moesim::microbench
