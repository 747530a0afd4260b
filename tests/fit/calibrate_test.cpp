// `calibrate`: what is left out, what is warned of, what nccl-tests' output means.

#include "moesim/fit/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"

#include "base/temporary_folder.hpp"
#include "cost/kernel_fixture.hpp"

namespace moesim {
namespace {

using testing::round_device;
using testing::TemporaryFolder;

/// Copies at 80 % of the bandwidth after 2 us.
std::vector<KernelSample> copies(int count) {
  std::vector<KernelSample> samples;
  for (int i = 0; i < count; ++i) {
    KernelSample sample;
    sample.law = "memory.copy";
    sample.over.moved.value = std::pow(10.0, 4 + 5.0 * i / count);
    sample.seconds = 2e-6 + sample.over.moved.value / (0.8 * round_device().memory_bandwidth.value);
    samples.push_back(sample);
  }
  return samples;
}

// 2 m n k FLOPs at the peak take t: half of t is impossible, twice t is not.
TEST(Contradictions, ProductAboveThePeak_IsLeftOut) {
  const Device device = round_device();
  KernelSample sample;
  sample.law = "gemm.bf16";
  sample.m = sample.n = sample.k = 4096;
  const double at_peak = 2 * std::pow(4096.0, 3) / device.matrix_peak(DType::bf16).value;
  std::vector<KernelSample> samples(2, sample);
  samples[0].seconds = 0.5 * at_peak;
  samples[1].seconds = 2 * at_peak;
  const std::vector<Contradiction> found = drop_contradictions(samples, device);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].what.find("2.00 times"), std::string::npos) << found[0].what;
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].seconds, 2 * at_peak);
}

// What fits the cache may be faster than memory; what does not may not.
TEST(Contradictions, StreamAboveTheBandwidth_OnlyBeyondTheCache) {
  const Device device = round_device();
  KernelSample sample;
  sample.law = "memory.copy";
  sample.over.moved.value = device.l2_cache.value;
  sample.seconds = 0.5 * sample.over.moved.value / device.memory_bandwidth.value;
  KernelSample large = sample;
  large.over.moved.value *= 4;
  large.seconds *= 4;
  std::vector<KernelSample> samples = {sample, large};
  EXPECT_EQ(drop_contradictions(samples, device).size(), 1U);
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].over.moved.value, device.l2_cache.value);
}

TEST(CalibrateKernels, WarnsAndGoesOn) {
  std::vector<KernelSample> samples = copies(100);
  for (int i = 0; i < 3; ++i) {  // too few for a fit
    KernelSample sample;
    sample.law = "gemm.bf16";
    sample.m = sample.n = sample.k = 64 * (i + 1);
    sample.seconds = 1;
    samples.push_back(sample);
  }
  samples[99].seconds = 1e-9;  // impossible
  Calibration base{.name = "other", .device = "other", .laws = {testing::product_law("gemm.bf16")}};
  base.laws[0].provenance.samples = 7;
  const CalibrationRun run =
      calibrate_device({.kernels = samples, .overlap = {}, .power = {}}, round_device(), {}, &base);
  ASSERT_EQ(run.kernels.size(), 1U);
  EXPECT_NEAR(run.calibration.find("memory.copy")->coefficient("efficiency"), 0.8, 0.02);
  ASSERT_NE(run.calibration.find("gemm.bf16"), nullptr);
  EXPECT_TRUE(run.calibration.find("gemm.bf16")->provenance.source.starts_with("TRANSFERRED"));
  ASSERT_EQ(run.warnings.size(), 2U);
  EXPECT_NE(run.warnings[0].find("contradict"), std::string::npos) << run.warnings[0];
  EXPECT_NE(run.warnings[1].find("too few"), std::string::npos) << run.warnings[1];
  EXPECT_THROW(static_cast<void>(calibrate_device({}, round_device(), {}, nullptr)), InputError);
}

class NcclTests : public ::testing::Test {
 protected:
  std::string write(const std::string& text, const std::string& name = "output.txt") {
    return folder_.write(name, text).string();
  }

 private:
  TemporaryFolder folder_;
};

constexpr const char* kHead =
    "# nThread 1 nGpus 1 minBytes 1024 maxBytes 2048 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1\n"
    "#\n# Using devices\n"
    "#  Rank  0 Group  0 Pid  11 on  host-a device  0 [0x18] NVIDIA H100\n"
    "#  Rank  1 Group  0 Pid  12 on  host-a device  1 [0x2a] NVIDIA H100\n"
    "#\n#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n";

TEST_F(NcclTests, TableOfAnAllReduce_OutOfPlaceTimes) {
  const std::string path = write(std::string("# Collective test starting: all_reduce_perf\n") + kHead +
                                 "        1024           256     float     sum      -1    12.50    0.08    0.08      0 "
                                 "   11.00    0.09    0.09      0\n"
                                 "host-a:11 [0] NCCL INFO Launch mode Parallel\n"
                                 "        2048           512     float     sum      -1    13.50    0.15    0.15      0 "
                                 "   12.00    0.17    0.17      0\n"
                                 "# Avg bus bandwidth    : 0.1\n");
  EXPECT_TRUE(is_nccl_tests(path));
  const std::vector<LinkSample> samples = read_nccl_tests(path);
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].kind, CollectiveKind::all_reduce);
  EXPECT_EQ(samples[0].ranks, 2);
  EXPECT_EQ(samples[0].bytes, 1024);
  EXPECT_DOUBLE_EQ(samples[0].seconds, 12.5e-6);
  EXPECT_DOUBLE_EQ(samples[1].seconds, 13.5e-6);
}

// all-to-all has no operation ("none") and its checks may be off ("N/A"); older versions do not say which test it is.
TEST_F(NcclTests, AllToAllWithoutItsName_IsKnownByTheFile) {
  const std::string text =
      std::string(kHead) +
      "        1024           128     float    none      -1     9.5    0.11    0.05    N/A      9.1 "
      "   0.11    0.06    N/A\n";
  EXPECT_EQ(read_nccl_tests(write(text, "moesim_alltoall_perf.txt"))[0].kind, CollectiveKind::all_to_all);
  EXPECT_DOUBLE_EQ(read_nccl_tests(write(text, "moesim_alltoall_perf.txt"))[0].seconds, 9.5e-6);
  EXPECT_THROW(static_cast<void>(read_nccl_tests(write(text))), InputError);
}

// moesim-bench's own table: comments, a rank with itself, other algorithms and uneven matrices beside what is fitted.
TEST_F(NcclTests, TableOfTheBench_FlatAndEvenExchangesOnly) {
  const std::string text =
      "# gpu: none\n# date: today\ncollective,algorithm,distribution,ranks,nodes,bytes_per_rank,time_us,noise\n"
      "all_to_all,flat,even,1,1,1024,9,0.01\n"
      "all_to_all,flat,even,2,1,1024,10,0.01\n"
      "all_to_all,hierarchical_2d,even,2,1,1024,11,0.01\n"
      "all_to_all,flat,zipf 1,2,1,1024,12,0.01\n";
  const std::vector<LinkSample> samples = read_link_samples(write(text));
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].ranks, 2);
  EXPECT_DOUBLE_EQ(samples[0].seconds, 1e-5);
  try {
    static_cast<void>(read_link_samples(write(text + "all_to_all,flat,even,2,1,x,10,0\n")));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.diagnostics()[0].line, 8);
  }
}

TEST_F(NcclTests, WithoutHeadOrData_SaysWhatIsMissing) {
  EXPECT_THROW(static_cast<void>(read_nccl_tests(write("# Collective test starting: all_reduce_perf\n 8 2 float sum -1 "
                                                       "9.0 1 1 0 9.0 1 1 0\n"))),
               InputError);
  EXPECT_THROW(static_cast<void>(read_nccl_tests("/nowhere/all_reduce.txt")), MachineError);
  EXPECT_FALSE(is_nccl_tests(write("collective,ranks,bytes,time_us\nall_reduce,2,1024,10\n")));
}

}  // namespace
}  // namespace moesim
