#include "moesim/analytic/kernel_uses.hpp"

#include <gtest/gtest.h>

#include "moesim/analytic/predict.hpp"
#include "moesim/model/counts.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

Scenario scenario() {
  return testing::example_scenario(testing::small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
}

// Balanced and dropless: the experts of a rank do an eighth of the model's FLOPs, three times (forward, two backward).
TEST(KernelUses, FlopsOfTheExperts_AreThoseOfTheModel) {
  const Scenario one = scenario();
  const auto& training = std::get<TrainingWorkload>(one.workload);
  const double forward =
      flops_of(count_forward_flops(one.model, training.global_batch, training.sequence_length), WorkKind::experts)
          .value;
  double done = 0;
  for (const KernelUse& use : kernel_uses(one)) {
    if (use.kind == WorkKind::experts) done += use.count * use.amount.flops.value;
  }
  const double passes = training.recompute == Recompute::none ? 3 : 4;
  EXPECT_NEAR(done / (passes * forward / one.parallelism.world_size()), 1, 1e-9);
}

TEST(KernelUses, NoKernel_IsFasterThanThePeak) {
  const Scenario one = scenario();
  const std::vector<KernelUse> uses = kernel_uses(one);
  ASSERT_FALSE(uses.empty());
  for (const KernelUse& use : uses) {
    EXPECT_GT(use.time.value, 0) << use.name;
    EXPECT_GT(use.amount.bytes.value, 0) << use.name;
    EXPECT_EQ(use.dtype.has_value(), use.amount.flops.value > 0) << use.name;
    if (!use.dtype) continue;
    const double peak = one.kernels->device().matrix_peak(*use.dtype).value;
    if (peak <= 0) continue;
    EXPECT_LE(use.amount.flops.value / use.time.value, peak * (1 + 1e-9)) << use.name;
  }
}

TEST(KernelUses, TogetherTheyFitIntoTheStep) {
  const Scenario one = scenario();
  Seconds sum;
  for (const KernelUse& use : kernel_uses(one)) sum += use.count * use.time;
  EXPECT_LE(sum.value, predict(one).step_time.time.value * (1 + 1e-9));
}

// Operands and result once: 2 m n k FLOPs, (m k + k n + m n) elements of 2 bytes; experts without rows move nothing.
TEST(KernelAmount, OfProducts) {
  const KernelAmount one = kernel_amount(GemmShape{.m = 4, .n = 8, .k = 16, .dtype = DType::bf16});
  EXPECT_DOUBLE_EQ(one.flops.value, 2 * 4 * 8 * 16);
  EXPECT_DOUBLE_EQ(one.bytes.value, 2 * (4 * 16 + 16 * 8 + 4 * 8));
  const std::array<double, 3> rows = {4, 0, 4};
  const KernelAmount group = kernel_amount(GroupedGemmShape{.rows = rows, .n = 8, .k = 16, .dtype = DType::bf16});
  EXPECT_DOUBLE_EQ(group.flops.value, 2 * one.flops.value);
  EXPECT_DOUBLE_EQ(group.bytes.value, 2 * one.bytes.value);
}

}  // namespace
}  // namespace moesim
