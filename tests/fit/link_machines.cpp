#include "fit/link_machines.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "moesim/scenario/load.hpp"

namespace moesim {
namespace {

std::vector<LinkSample> one_node(const std::string& table) {
  return read_link_samples((measured_data() / "collectives" / (table + "_one_node.csv")).string());
}

std::vector<LinkSample> h100_one_node() {
  std::vector<LinkSample> samples = one_node("h100_sxm");
  // With half precision NCCL hands all-reduces of eight GPUs to the switches (NVLS), which our rings do not describe;
  // with 8-bit integers it does not. The faster one of each pair of equal sizes is the switches'.
  std::erase_if(samples, [&](const LinkSample& one) {
    if (one.kind != CollectiveKind::all_reduce || one.ranks != 8 || one.bytes < 64.0 * 1024 * 1024) return false;
    double slowest = 0;
    for (const LinkSample& other : samples) {
      if (other.kind == one.kind && other.ranks == one.ranks && other.bytes == one.bytes)
        slowest = std::max(slowest, other.seconds);
    }
    return one.seconds < slowest;
  });
  return samples;
}

/// SimAI's fractions of the line rate (bytes, then 1, 2 and 4 machines of 8 GPUs, one NIC each) as times on NICs of 400
/// Gb/s.
void add_fractions(std::vector<LinkSample>& samples, const std::string& table, CollectiveKind kind, double line_rate) {
  std::ifstream file(measured_data() / "collectives" / (table + ".csv"));
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    double bytes = 0;
    double one = 0;
    double two = 0;
    double four = 0;
    char comma = 0;
    fields >> bytes >> comma >> one >> comma >> two >> comma >> four;
    for (const auto& [ranks, fraction] : {std::pair(16, two), std::pair(32, four)}) {
      samples.push_back({.kind = kind,
                         .ranks = ranks,
                         .bytes = bytes,
                         .seconds = bytes * bus_bandwidth_factor(kind, ranks) / (fraction * line_rate),
                         .groups = {}});
    }
  }
}

std::vector<LinkSample> h100_four_nodes() {
  std::vector<LinkSample> samples = h100_one_node();
  for (const LinkSample& one :
       read_link_samples((measured_data() / "collectives/sweeps/b200_2n16_alltoall_default.csv").string())) {
    if (one.bytes >= 1024) samples.push_back(one);
  }
  constexpr double kNic = 50e9;
  add_fractions(samples, "busbw_fraction_ata", CollectiveKind::all_to_all, kNic);
  // A ring leaves each machine on all eight NICs at once.
  add_fractions(samples, "busbw_fraction_nic", CollectiveKind::all_gather, 8 * kNic);
  add_fractions(samples, "busbw_fraction_nic", CollectiveKind::all_reduce, 8 * kNic);
  return samples;
}

/// One published fit t = alpha + beta n, as samples over the sizes that it was made on.
void add_fit(std::vector<LinkSample>& samples, CollectiveKind kind, const RankGroups& groups, double alpha,
             double beta) {
  constexpr double kMebibyte = 1048576;
  for (const double size : {1.0, 2.0, 4.0, 8.0, 16.0, 24.0}) {
    const double bytes = size * kMebibyte;
    samples.push_back({.kind = kind,
                       .ranks = static_cast<int>(groups.front().size()),
                       .bytes = bytes,
                       .seconds = alpha + beta * bytes,
                       .groups = groups});
  }
}

/// Groups of `size` ranks, each `stride` apart, that fill `ranks` ranks in blocks of size * stride.
RankGroups strided_groups(int ranks, int size, int stride) {
  RankGroups groups;
  for (int block = 0; block < ranks; block += size * stride) {
    for (int first = block; first < block + stride; ++first) {
      groups.emplace_back();
      for (int i = 0; i < size; ++i) groups.back().push_back(RankId(static_cast<std::size_t>(first + i * stride)));
    }
  }
  return groups;
}

/// HierMoE (arXiv 2508.09591), figure 9: all-to-alls of NCCL 2.18.5 on 4 x 8 RTX A6000, milliseconds and milliseconds
/// per byte.
std::vector<LinkSample> hiermoe() {
  std::vector<LinkSample> samples;
  const auto add = [&](const RankGroups& groups, double alpha_ms, double beta_ms) {
    add_fit(samples, CollectiveKind::all_to_all, groups, alpha_ms * 1e-3, beta_ms * 1e-3);
  };
  add(strided_groups(32, 32, 1), 0.722, 5.70e-7);  // all GPUs
  add(strided_groups(32, 4, 8), 0.497, 5.29e-7);   // eight at once, each between the four machines
  add(strided_groups(32, 2, 4), 0.301, 1.17e-7);   // between the two sockets
  add(strided_groups(32, 8, 1), 0.571, 1.27e-7);   // inside a machine
  add(strided_groups(32, 2, 2), 0.149, 2.06e-8);   // between two pairs
  add(strided_groups(32, 4, 1), 0.114, 2.63e-8);   // inside a socket
  add(strided_groups(32, 2, 1), 0.204, 1.64e-8);   // over a bridge
  return samples;
}

/// SimuMax, configs/system/a100_pcie.json: t = latency (R - 1) scale + scale S (R - 1) / R / (efficiency 30 GiB/s).
std::vector<LinkSample> simumax() {
  struct Fit {
    CollectiveKind kind;
    int ranks;
    double scale;
    double efficiency;
    double latency_us;
  };
  constexpr std::array kFits = {Fit{CollectiveKind::all_to_all, 8, 1, 0.2754, 30.04},
                                Fit{CollectiveKind::all_to_all, 4, 1, 0.6380, 13.84},
                                Fit{CollectiveKind::all_to_all, 2, 1, 0.6969, 24.07},
                                Fit{CollectiveKind::all_gather, 8, 1, 0.4497, 4.83},
                                Fit{CollectiveKind::all_gather, 4, 1, 0.6915, 8.93},
                                Fit{CollectiveKind::all_gather, 2, 1, 0.6866, 24.84},
                                Fit{CollectiveKind::reduce_scatter, 8, 1, 0.3688, 15.64},
                                Fit{CollectiveKind::reduce_scatter, 4, 1, 0.6845, 29.88},
                                Fit{CollectiveKind::reduce_scatter, 2, 1, 0.6419, 131.3},
                                Fit{CollectiveKind::all_reduce, 8, 2, 0.4176, 8.98},
                                Fit{CollectiveKind::all_reduce, 4, 2, 0.6924, 3.45},
                                Fit{CollectiveKind::all_reduce, 2, 2, 0.6965, 15.51}};
  constexpr double kRate = 30.0 * 1024 * 1024 * 1024;
  std::vector<LinkSample> samples;
  for (const Fit& fit : kFits) {
    const double share = (fit.ranks - 1.0) / fit.ranks;
    add_fit(samples, fit.kind, strided_groups(fit.ranks, fit.ranks, 1),
            fit.latency_us * 1e-6 * (fit.ranks - 1) * fit.scale, fit.scale * share / (fit.efficiency * kRate));
  }
  return samples;
}

LinkLawShape shape(std::vector<LinkKind> links) {
  LinkLawShape result;
  result.links = std::move(links);
  return result;
}

LinkLawShape contended(LinkLawShape result, double ranks = 1e9) {
  result.contention = true;
  result.contention_ranks = ranks;
  return result;
}

LinkLawShape flagged(LinkLawShape result) {
  result.small_message_cost = true;
  return result;
}

constexpr const char* kConfigurator = "NVIDIA ai-dynamo/aiconfigurator, nccl-tests on 2, 4 and 8 GPUs of one machine";

}  // namespace

std::filesystem::path measured_data() {
  const char* given = std::getenv("MOESIM_DATA");
  const std::filesystem::path folder =
      given != nullptr ? std::filesystem::path(given) : std::filesystem::path(MOESIM_SOURCE_DIR) / "../shared/data";
  return std::filesystem::exists(folder / "collectives") ? folder : std::filesystem::path();
}

std::vector<LinkMachine> link_machines() {
  std::vector<LinkMachine> machines;
  const auto add = [&](std::string name, bool needs_data, std::vector<LinkSample> (*samples)(),
                       const LinkLawShapes& shapes, std::string source, std::string license, std::string hardware) {
    LinkMachine machine{
        .name = std::move(name), .needs_data = needs_data, .samples = samples, .shapes = shapes, .provenance = {}};
    machine.provenance.source = std::move(source);
    machine.provenance.license = std::move(license);
    machine.provenance.hardware = std::move(hardware);
    machines.push_back(std::move(machine));
  };

  add(
      "l40s_1x8", true, [] { return one_node("l40s"); }, same_shapes(contended(shape({LinkKind::pcie}))), kConfigurator,
      "Apache-2.0", "8 L40S on PCIe 4.0, NCCL 2.27.3");

  LinkLawShapes rtx = same_shapes(contended(shape({LinkKind::pcie}), 4));
  rtx.inside[static_cast<std::size_t>(LinkFamily::all_to_all)] = flagged(shape({LinkKind::pcie}));
  rtx.inside[static_cast<std::size_t>(LinkFamily::all_to_all)].fixed["efficiency.inter_socket"] = 49.5 / 192;
  add(
      "rtx_pro_6000_1x8", true, [] { return one_node("rtx_pro_6000_server"); }, rtx,
      std::string(kConfigurator) +
          "; all_to_all.efficiency.inter_socket transferred from another machine of the kind (eight cards, two EPYC "
          "Turin, "
          "p2pmark: 173.1 GB/s in all when every GPU reads from all others, so 49.5 GB/s each way between the sockets; "
          "github.com/voipmonitor/rtx6kpro, hardware/pcie-bandwidth.md)",
      "Apache-2.0", "8 RTX PRO 6000 Blackwell Server on PCIe 5.0, NCCL 2.29.2");

  add(
      "a100_sxm_1x8", true, [] { return one_node("a100_sxm"); }, same_shapes(flagged(shape({LinkKind::nvlink}))),
      kConfigurator, "Apache-2.0", "8 A100 SXM, NVLink 3 and NVSwitch, NCCL 2.27.3");
  const LinkLawShapes h100 = same_shapes(flagged(shape({LinkKind::nvlink})));
  add("h100_sxm_1x8", true, h100_one_node, h100,
      std::string(kConfigurator) + "; all-reduces of 64 MiB and more on 8 GPUs without NVLink SHARP only", "Apache-2.0",
      "8 H100 SXM, NVLink 4 and NVSwitch, NCCL 2.27.3");

  LinkLawShapes cluster = h100;
  cluster.between.fill(shape({LinkKind::nic}));
  cluster.between[static_cast<std::size_t>(LinkFamily::all_to_all)].local_share = true;
  add("h100_sxm_4x8", true, h100_four_nodes, cluster,
      std::string(kConfigurator) +
          "; between machines all-to-all: 2 x 8 B200 with eight 400 Gb/s ConnectX-7 (a vendor's nccl-tests report) and "
          "Alibaba SimAI's fractions of line rate on 2 and 4 x 8 GPUs with a NIC each, hardware unnamed, taken as 400 "
          "Gb/s; "
          "rings: SimAI's fractions",
      "Apache-2.0", "inside a machine: 8 H100 SXM; between machines: transferred from B200 and an unnamed cluster");

  LinkLawShapes a6000 = same_shapes(shape({LinkKind::pcie, LinkKind::inter_socket, LinkKind::nvlink}));
  LinkLawShape net = shape({});
  net.nic_contention = true;
  net.local_share = true;
  net.fixed["efficiency.nic"] = 0.9;
  a6000.between.fill(net);
  add("hiermoe_a6000_4x8", false, hiermoe, a6000,
      "HierMoE (arXiv 2508.09591), figure 9: seven fits t = alpha + beta n of all-to-alls, 1 to 24 MiB; "
      "net.all_to_all.efficiency.nic (one GPU to a NIC) transferred from 2 x 8 B200 at 400 Gb/s (45.1 of 50 GB/s)",
      "single published figures",
      "4 x 8 RTX A6000, NVLink bridges, PCIe 4.0, one 200 Gb/s NIC per machine, NCCL 2.18.5");

  add("a100_pcie_1x8", false, simumax, same_shapes(shape({LinkKind::pcie, LinkKind::inter_socket})),
      "MooreThreads SimuMax, configs/system/a100_pcie.json: fitted latency and efficiency of collectives on 2, 4 and 8 "
      "GPUs",
      "Apache-2.0", "8 A100 on PCIe");
  return machines;
}

std::shared_ptr<const CollectiveModel> cluster_model(const std::string& name, bool ideal) {
  return load_cluster(name, {}, {{MOESIM_SOURCE_DIR}}, ideal).collectives;
}

LinkFit fit_machine(const LinkMachine& machine) {
  LinkFit fit = fit_links(*cluster_model(machine.name, true), machine.samples(), machine.shapes);
  fit.law.provenance.source = machine.provenance.source;
  fit.law.provenance.license = machine.provenance.license;
  fit.law.provenance.hardware = machine.provenance.hardware;
  fit.law.provenance.command = "MOESIM_WRITE_CALIBRATION=calibration fit_tests --gtest_filter='*ShippedLinks*'";
  return fit;
}

}  // namespace moesim
