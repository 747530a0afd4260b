#include "moesim/cluster/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "cluster/sample_clusters.hpp"

namespace moesim {
namespace {

using namespace literals;
using ::testing::ElementsAre;

Device a40() {
  return {.name = "a40",
          .source = "data sheet",
          .compute_capability = 86,
          .multiprocessors = 84,
          .matrix_peaks = {{DType::bf16, 149.7_TFLOPS}, {DType::int8, 299.3_TFLOPS}},
          .vector_peak = 37.4_TFLOPS,
          .memory_bandwidth = 696.0_GBps,
          .memory = 45_GiB,
          .l2_cache = 6_MiB,
          .calibration = {}};
}

std::vector<std::string> wrong_keys(const Device& device) {
  std::vector<std::string> keys;
  for (const Diagnostic& problem : problems_of([&] { check_device(device); })) keys.push_back(problem.key);
  return keys;
}

TEST(Device, SoundSheet_IsAccepted) { EXPECT_THAT(wrong_keys(a40()), ElementsAre()); }

TEST(Device, MatrixPeak_IsZeroForATypeWithoutMatrixUnits) {
  EXPECT_EQ(a40().matrix_peak(DType::bf16), 149.7_TFLOPS);
  EXPECT_EQ(a40().matrix_peak(DType::fp8), FlopsPerSecond{0});
}

TEST(Device, EachFault_IsNamedByItsKey) {
  Device device = a40();
  device.compute_capability = 85;
  EXPECT_THAT(wrong_keys(device), ElementsAre("compute_capability"));
  device = a40();
  device.memory_bandwidth = {-1};
  EXPECT_THAT(wrong_keys(device), ElementsAre("memory_bandwidth"));
  device = a40();
  device.l2_cache = 64_GiB;
  EXPECT_THAT(wrong_keys(device), ElementsAre("l2_cache"));
  device = a40();
  device.matrix_peaks.push_back({DType::bf16, 150.0_TFLOPS});
  EXPECT_THAT(wrong_keys(device), ElementsAre("matrix_peaks.bf16"));
  device = a40();
  device.matrix_peaks[0].rate = 30.0_TFLOPS;
  EXPECT_THAT(wrong_keys(device), ElementsAre("matrix_peaks.bf16"));
}

TEST(Device, AllFaults_AreReportedTogether) {
  EXPECT_THAT(wrong_keys(Device{}),
              ElementsAre("name", "source", "compute_capability", "multiprocessors", "vector_peak", "memory_bandwidth",
                          "memory", "l2_cache", "l2_cache", "matrix_peaks"));
}

}  // namespace
}  // namespace moesim
