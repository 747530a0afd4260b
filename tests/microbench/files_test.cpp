// Sample files, matrices, the bootstrap between processes, and what sysfs tells of a machine.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <thread>
#include <unistd.h>

#include "moesim/base/diagnostic.hpp"

#include "microbench/bytes_matrix.hpp"
#include "microbench/launch.hpp"
#include "microbench/sample_file.hpp"
#include "microbench/topology.hpp"

namespace moesim::microbench {
namespace {

namespace fs = std::filesystem;

class InFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              (std::string("moesim_bench_") + ::testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
               std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  fs::path folder_;
};

using SampleFiles = InFolder;

TEST_F(SampleFiles, Rows_ByColumn) {
  SampleFile file(path("a.csv"), {"kernel", "m", "n"}, {"time_us"}, {"gpu: none", "date: today"});
  EXPECT_FALSE(file.has({{"kernel", "gemm"}, {"n", "3"}}));
  file.add({{"n", "3"}, {"kernel", "gemm"}}, {{"time_us", "1.5"}});
  EXPECT_TRUE(file.has({{"kernel", "gemm"}, {"n", "3"}}));
  EXPECT_FALSE(file.has({{"kernel", "gemm"}, {"m", "3"}}));
  EXPECT_EQ(read("a.csv"), "# gpu: none\n# date: today\nkernel,m,n,time_us\ngemm,,3,1.5\n");
}

// A run that was killed in the middle of a line: whole lines are known, the torn one is measured again.
TEST_F(SampleFiles, InterruptedRun_GoesOn) {
  write("a.csv", "# gpu: none\nkernel,m,time_us\ngemm,1,10\ngemm,2");
  SampleFile file(path("a.csv"), {"kernel", "m"}, {"time_us"}, {"gpu: other"});
  EXPECT_EQ(file.known(), 1U);
  EXPECT_TRUE(file.has({{"kernel", "gemm"}, {"m", "1"}}));
  EXPECT_FALSE(file.has({{"kernel", "gemm"}, {"m", "2"}}));
  file.add({{"kernel", "gemm"}, {"m", "2"}}, {{"time_us", "20"}});
  EXPECT_EQ(read("a.csv"), "# gpu: none\nkernel,m,time_us\ngemm,1,10\ngemm,2\ngemm,2,20\n");
  SampleFile again(path("a.csv"), {"kernel", "m"}, {"time_us"}, {});
  EXPECT_EQ(again.known(), 2U);
}

TEST_F(SampleFiles, OtherColumnsOrFolder_AreRefused) {
  write("a.csv", "kernel,n,time_us\n");
  EXPECT_THROW(SampleFile(path("a.csv"), {"kernel", "m"}, {"time_us"}, {}), InputError);
  EXPECT_THROW(SampleFile(path("no/such/folder/a.csv"), {"kernel"}, {"time_us"}, {}), MachineError);
}

using Matrices = InFolder;

TEST_F(Matrices, LinesAreSenders) {
  write("m.csv", "# bytes\n0, 10\r\n20,0\n");
  const BytesMatrix matrix = read_matrix(path("m.csv"));
  EXPECT_EQ(matrix.ranks, 2);
  EXPECT_EQ(matrix.at(0, 1), 10);
  EXPECT_EQ(matrix.at(1, 0), 20);
}

TEST_F(Matrices, EveryProblemIsNamed) {
  write("m.csv", "0,1,2\n-3,x,0\n0,1\n");
  try {
    static_cast<void>(read_matrix(path("m.csv")));
    FAIL();
  } catch (const InputError& error) {
    ASSERT_EQ(error.diagnostics().size(), 3U);
    EXPECT_EQ(error.diagnostics()[0].line, 2);
    EXPECT_EQ(error.diagnostics()[1].key, "x");
    EXPECT_EQ(error.diagnostics()[2].line, 3);
  }
  write("m.csv", "0,1\n");
  EXPECT_THROW(static_cast<void>(read_matrix(path("m.csv"))), InputError);
  EXPECT_THROW(static_cast<void>(read_matrix(path("none.csv"))), MachineError);
}

Lookup variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(FindLaunch, KnowsTheLaunchers) {
  EXPECT_FALSE(find_launch(variables({})).launched);
  EXPECT_EQ(find_launch(variables({})).world, 1);
  const Launch slurm = find_launch(
      variables({{"SLURM_PROCID", "9"}, {"SLURM_NTASKS", "32"}, {"SLURM_LOCALID", "1"}, {"SLURM_JOB_ID", "77"}}));
  EXPECT_TRUE(slurm.launched);
  EXPECT_EQ(slurm.rank, 9);
  EXPECT_EQ(slurm.world, 32);
  EXPECT_EQ(slurm.local_rank, 1);
  EXPECT_EQ(slurm.job, "77");
  // mpirun inside a Slurm job: MPI's ranks count.
  const Launch mpi = find_launch(variables({{"SLURM_PROCID", "0"},
                                            {"SLURM_NTASKS", "1"},
                                            {"OMPI_COMM_WORLD_RANK", "3"},
                                            {"OMPI_COMM_WORLD_SIZE", "8"},
                                            {"OMPI_COMM_WORLD_LOCAL_RANK", "3"}}));
  EXPECT_EQ(mpi.launcher, "Open MPI");
  EXPECT_EQ(mpi.world, 8);
  EXPECT_EQ(find_launch(variables({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}})).launcher, "torchrun");
}

TEST(FindLaunch, NonsenseIsTheUsersInput) {
  EXPECT_THROW(static_cast<void>(find_launch(variables({{"RANK", "one"}, {"WORLD_SIZE", "2"}}))), InputError);
  EXPECT_THROW(static_cast<void>(find_launch(variables({{"RANK", "2"}, {"WORLD_SIZE", "2"}}))), InputError);
}

using Bootstrap = InFolder;

TEST_F(Bootstrap, OneWritesAllRead) {
  const std::vector<char> secret = {'a', '\0', 'b', '\n'};
  std::vector<char> first;
  std::vector<char> second;
  {
    std::jthread one([&] { first = await(path("."), "id", 10); });
    std::jthread two([&] { second = await(path("."), "id", 10); });
    publish(path("."), "id", secret);
  }
  EXPECT_EQ(first, secret);
  EXPECT_EQ(second, secret);
}

TEST_F(Bootstrap, NobodyWrites_EndsInTime) {
  EXPECT_THROW(static_cast<void>(await(path("."), "id", 0.05)), MachineError);
  EXPECT_THROW(publish(path("no/such"), "id", {}), MachineError);
}

/// Two GPUs and a NIC: the first GPU and the NIC below one switch of root 0, the second GPU below root 1.
class FakeMachine : public InFolder {
 protected:
  void device(const std::string& place, const std::string& device_class, int numa, const std::string& speed,
              const std::string& width) {
    const std::string folder = "devices/" + place + "/";
    write(folder + "class", device_class + "\n");
    write(folder + "numa_node", std::to_string(numa) + "\n");
    write(folder + "max_link_speed", speed + "\n");
    write(folder + "max_link_width", width + "\n");
    fs::create_directories(path("bus/pci/devices"));
    fs::create_directory_symlink(fs::path(path(folder)).lexically_normal().parent_path(),
                                 path("bus/pci/devices/" + fs::path(place).filename().string()));
  }
  void SetUp() override {
    InFolder::SetUp();
    const std::string root0 = "pci0000:15/0000:15:01.0";
    const std::string root1 = "pci0000:a0/0000:a0:01.0";
    device(root0, "0x060400", 0, "32.0 GT/s PCIe", "16");
    device(root0 + "/0000:16:00.0", "0x060400", 0, "32.0 GT/s PCIe", "16");
    device(root0 + "/0000:16:00.0/0000:17:00.0", "0x060400", 0, "32.0 GT/s PCIe", "16");
    device(root0 + "/0000:16:00.0/0000:17:00.0/0000:18:00.0", "0x030200", 0, "16.0 GT/s PCIe", "16");
    device(root0 + "/0000:16:00.0/0000:17:01.0", "0x060400", 0, "32.0 GT/s PCIe", "16");
    device(root0 + "/0000:16:00.0/0000:17:01.0/0000:19:00.0", "0x020700", 0, "32.0 GT/s PCIe", "16");
    device(root1, "0x060400", 1, "32.0 GT/s PCIe", "8");
    device(root1 + "/0000:a1:00.0", "0x030200", 1, "32.0 GT/s PCIe", "16");
    write("class/infiniband/mlx5_0/ports/1/rate", "400 Gb/sec (4X NDR)\n");
    write("class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE\n");
    fs::create_directory_symlink(path("devices/" + root0 + "/0000:16:00.0/0000:17:01.0/0000:19:00.0"),
                                 path("class/infiniband/mlx5_0/device"));
  }
};

TEST_F(FakeMachine, PathsAndSpeeds) {
  const std::vector<PciDevice> devices = read_pci(path("."));
  ASSERT_EQ(devices.size(), 8U);
  const auto find = [&](const std::string& address) {
    return *std::ranges::find(devices, address, &PciDevice::address);
  };
  const PciDevice gpu = find("0000:18:00.0");
  EXPECT_EQ(gpu.root, "pci0000:15");
  EXPECT_EQ(gpu.bridges, (std::vector<std::string>{"0000:15:01.0", "0000:16:00.0", "0000:17:00.0"}));
  EXPECT_EQ(gpu.gigatransfers, 16);
  EXPECT_EQ(find("0000:a1:00.0").lanes, 8) << "the slot above is narrower";
  const PciDevice nic = find("0000:19:00.0");
  EXPECT_TRUE(nic.is_nic());
  EXPECT_FALSE(gpu.is_nic());
  EXPECT_EQ(path_name(gpu, nic), "PIX");
  EXPECT_EQ(path_name(gpu, find("0000:a1:00.0")), "SYS");
  EXPECT_TRUE(read_pci(path("nowhere")).empty());
}

// 16 lanes of 16 GT/s with 128/130 coding: 31.5 GB/s; 5 GT/s with 8/10: half a GB/s a lane.
TEST(PcieBandwidth, DataSheetNumbers) {
  EXPECT_NEAR(pcie_bandwidth(16, 16), 31.5e9, 0.01e9);
  EXPECT_DOUBLE_EQ(pcie_bandwidth(5, 1), 0.5e9);
}

TEST_F(FakeMachine, RdmaPorts) {
  const std::vector<RdmaPort> ports = read_rdma(path("."));
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(ports[0].pci_address, "0000:19:00.0");
  EXPECT_EQ(ports[0].bits_per_second, 400e9);
  EXPECT_TRUE(ports[0].active);
}

TEST_F(FakeMachine, ClusterFile_SaysWhatWasFoundAndWhatWasNot) {
  MachineFacts machine{.host = "a", .nodes = 1, .gpus = {}, .pci = read_pci(path(".")), .rdma = read_rdma(path("."))};
  machine.gpus = {{.name = "GPU", .pci_address = "0000:18:00.0"}, {.name = "GPU", .pci_address = "0000:a1:00.0"}};
  const std::string yaml = cluster_yaml(machine, "mine", "l40s");
  for (const char* line : {"name: mine\n", "device: l40s\n", "topology: pcie_shared_nic\n", "  gpus: 2\n",
                           "  sockets: 2\n", "  pcie: {bandwidth: 31.51GB/s", "nic: {count: 1, bandwidth: 400Gbps"}) {
    EXPECT_NE(yaml.find(line), std::string::npos) << line << "\n" << yaml;
  }
  for (GpuFacts& gpu : machine.gpus) {
    gpu.nvlinks = 18;
    gpu.nvlink_bytes_per_second = 25e9;
    gpu.nvlink_switch = true;
  }
  const std::string boxed = cluster_yaml(machine, "mine", "h100_sxm");
  EXPECT_NE(boxed.find("topology: nvlink_rails"), std::string::npos);
  EXPECT_NE(boxed.find("nvlink: {bandwidth: 450GB/s"), std::string::npos) << boxed;
}

}  // namespace
}  // namespace moesim::microbench
