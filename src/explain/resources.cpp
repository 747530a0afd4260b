#include "moesim/explain/resources.hpp"

#include <array>

namespace moesim {
namespace {

using Keys = std::string_view;

constexpr std::array kNic = {Keys("cluster.nic.bandwidth")};
constexpr std::array kPcie = {Keys("cluster.box.pcie.bandwidth"), Keys("cluster.box.uplink.bandwidth")};
constexpr std::array kInterSocket = {Keys("cluster.box.inter_socket.bandwidth")};
constexpr std::array kHostMemory = {Keys("cluster.box.host_memory.bandwidth")};
constexpr std::array kNvlink = {Keys("cluster.box.nvlink.bandwidth")};
constexpr std::array kFabric = {Keys("cluster.fabric.local_bandwidth"), Keys("cluster.fabric.global_bandwidth")};
constexpr std::array kNetworkLatency = {Keys("cluster.nic.latency"), Keys("cluster.fabric.latency")};
constexpr std::array kMachineLatency = {Keys("cluster.box.pcie.latency"), Keys("cluster.box.uplink.latency"),
                                        Keys("cluster.box.inter_socket.latency"),
                                        Keys("cluster.box.host_memory.latency"), Keys("cluster.box.nvlink.latency")};
constexpr std::array kMatrixPeak = {Keys("cluster.device.matrix_peaks.fp32"), Keys("cluster.device.matrix_peaks.tf32"),
                                    Keys("cluster.device.matrix_peaks.bf16"), Keys("cluster.device.matrix_peaks.fp16"),
                                    Keys("cluster.device.matrix_peaks.fp8"),  Keys("cluster.device.matrix_peaks.int8")};
constexpr std::array kVectorPeak = {Keys("cluster.device.vector_peak")};
constexpr std::array kMemory = {Keys("cluster.device.memory_bandwidth")};
constexpr std::array kLaunch = {Keys("framework.kernel_launch")};
constexpr std::array kNics = {Keys("cluster.nic.count")};
constexpr std::array kProcessors = {Keys("cluster.device.multiprocessors")};

constexpr std::array kResources = {
    Resource{"nic_bandwidth", "NIC bandwidth", "the NIC port", ResourceKind::rate, kNic, LinkKind::nic},
    Resource{"fabric_bandwidth", "bandwidth between switches", "the fabric", ResourceKind::rate, kFabric,
             LinkKind::fabric},
    Resource{"pcie_bandwidth", "PCIe bandwidth", "PCIe", ResourceKind::rate, kPcie, LinkKind::pcie},
    Resource{"inter_socket_bandwidth", "inter-socket bandwidth", "the inter-socket link", ResourceKind::rate,
             kInterSocket, LinkKind::inter_socket},
    Resource{"host_memory_bandwidth", "host memory bandwidth", "host memory", ResourceKind::rate, kHostMemory,
             LinkKind::host_memory},
    Resource{"nvlink_bandwidth", "NVLink bandwidth", "NVLink", ResourceKind::rate, kNvlink, LinkKind::nvlink},
    Resource{"matrix_peak", "matrix FLOPS", "the GPU's matrix rate", ResourceKind::rate, kMatrixPeak},
    Resource{"vector_peak", "vector FLOPS", "the GPU's vector rate", ResourceKind::rate, kVectorPeak},
    Resource{"memory_bandwidth", "GPU memory bandwidth", "the GPU's memory", ResourceKind::rate, kMemory},
    Resource{"network_latency", "network latency", "the latency of NICs and switches", ResourceKind::delay,
             kNetworkLatency},
    Resource{"machine_latency", "latency inside machines", "the latency inside the machines", ResourceKind::delay,
             kMachineLatency},
    Resource{"collective_startup", "start-up of collectives", "the start-up of collectives", ResourceKind::startup, {}},
    Resource{
        "kernel_overhead", "fixed time of kernels", "the kernels' fixed time on the GPU", ResourceKind::overhead, {}},
    Resource{"kernel_launch", "host time per launch", "the host time per kernel launch", ResourceKind::delay, kLaunch},
    Resource{"nic_count", "NICs per machine", "the number of NICs", ResourceKind::whole, kNics},
    Resource{"multiprocessors", "SM count", "the number of SMs", ResourceKind::processors, kProcessors},
};

}  // namespace

std::span<const Resource> resources() { return kResources; }

}  // namespace moesim
