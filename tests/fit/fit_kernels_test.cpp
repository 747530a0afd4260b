// Fits of samples made from known laws.

#include "moesim/fit/fit_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "moesim/base/diagnostic.hpp"

#include "base/temporary_folder.hpp"
#include "cost/kernel_fixture.hpp"

namespace moesim {
namespace {

using testing::round_device;
using testing::TemporaryFolder;

std::vector<KernelSample> random_products(int count) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> power(0, 1);
  std::vector<KernelSample> samples;
  for (int i = 0; i < count; ++i) {
    KernelSample sample;
    sample.law = "gemm.bf16";
    sample.m = std::floor(std::pow(8192, power(random)));
    sample.n = 32 * std::ceil(std::pow(512, power(random)));
    sample.k = 32 * std::ceil(std::pow(512, power(random)));
    samples.push_back(sample);
  }
  return samples;
}

/// Times by a law, with noise.
void measure(std::vector<KernelSample>& samples, const FittedLaw& law, double noise) {
  std::mt19937_64 random(13);
  std::normal_distribution<double> normal(0, noise);
  const std::vector<double> seconds = predict_samples(law, samples, round_device());
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i].seconds = seconds[i] * std::exp(normal(random));
}

double median_of(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

TEST(FitKernel, ProductsOfAKnownLaw_AreFoundAgain) {
  FittedLaw truth = testing::product_law("gemm.bf16");
  truth.coefficients["compute_efficiency"] = 0.7;
  truth.coefficients["memory_efficiency"] = 0.65;
  truth.coefficients["launch_s"] = 5e-6;
  std::vector<KernelSample> samples = random_products(1500);
  measure(samples, truth, 0.05);
  const KernelFit fit = fit_kernel(samples, round_device(), {});
  EXPECT_NEAR(fit.law.coefficient("memory_efficiency"), 0.65, 0.03);
  EXPECT_NEAR(fit.law.coefficient("launch_s"), 5e-6, 5e-7);
  // Noise of 5 % has a median of 3.4 % and 8.2 % at 90 %: the fit adds little to it.
  EXPECT_LT(fit.all.median, 0.045);
  EXPECT_LT(fit.all.p90, 0.105);
  EXPECT_GT(fit.all.samples, 1450) << "all but repeated shapes";
  // Against the truth, without the noise, on shapes that it has not seen.
  std::vector<KernelSample> others = random_products(2500);
  others.erase(others.begin(), others.begin() + 1500);
  const std::vector<double> expected = predict_samples(truth, others, round_device());
  const std::vector<double> found = predict_samples(fit.law, others, round_device());
  std::vector<double> errors;
  for (std::size_t i = 0; i < others.size(); ++i) errors.push_back(std::abs(found[i] / expected[i] - 1));
  EXPECT_LT(median_of(errors), 0.02);
}

TEST(FitKernel, Result_CarriesRangesSpreadsAndProvenance) {
  std::vector<KernelSample> samples = random_products(400);
  measure(samples, testing::product_law("gemm.bf16"), 0.05);
  KernelFitOptions options;
  options.provenance.source = "a test";
  options.folds = 3;
  const KernelFit fit = fit_kernel(samples, round_device(), options);
  for (const auto& [name, values] :
       {std::pair("m", &KernelSample::m), {"n", &KernelSample::n}, {"k", &KernelSample::k}}) {
    const auto [least, most] = std::ranges::minmax_element(samples, {}, values);
    EXPECT_EQ(fit.law.ranges.at(name).lo, (*least).*values);
    EXPECT_EQ(fit.law.ranges.at(name).hi, (*most).*values);
  }
  EXPECT_TRUE(fit.law.has_spread("extrapolated"));
  for (const RegionError& region : fit.regions) EXPECT_TRUE(fit.law.has_spread(region.region));
  EXPECT_EQ(fit.law.provenance.source, "a test");
  EXPECT_EQ(fit.law.provenance.samples, 400);
  EXPECT_EQ(fit.left_out.size(), 2U);
  EXPECT_EQ(fit.left_out[0].samples, 80);
  EXPECT_FALSE(fit.law.provenance.validation.empty());
}

TEST(FitKernel, SameSamples_SameLaw) {
  std::vector<KernelSample> samples = random_products(300);
  measure(samples, testing::product_law("gemm.bf16"), 0.1);
  const KernelFit once = fit_kernel(samples, round_device(), {});
  std::ranges::reverse(samples);
  const KernelFit again = fit_kernel(samples, round_device(), {});
  EXPECT_EQ(once.law.coefficients, again.law.coefficients);
}

TEST(FitKernel, TooFewOrNoLaw_IsTheUsersInput) {
  EXPECT_THROW(static_cast<void>(fit_kernel({}, round_device(), {})), InputError);
  std::vector<KernelSample> samples = random_products(10);
  measure(samples, testing::product_law("gemm.bf16"), 0.1);
  EXPECT_THROW(static_cast<void>(fit_kernel(samples, round_device(), {})), InputError);
  std::vector<KernelSample> many = random_products(100);
  for (KernelSample& sample : many) {
    sample.law = "gems.bf16";
    sample.seconds = 1;
  }
  EXPECT_THROW(static_cast<void>(fit_kernel(many, round_device(), {})), InputError);
}

TEST(FitKernels, StreamOfAKnownLaw_IsFoundAgain) {
  const FittedLaw truth{.name = "memory.copy",
                        .coefficients = {{"overhead_s", 3e-6}, {"efficiency", 0.77}, {"power", 1}},
                        .ranges = {},
                        .spreads = {},
                        .provenance = {}};
  std::vector<KernelSample> samples;
  for (int i = 0; i < 200; ++i) {
    KernelSample sample;
    sample.law = "memory.copy";
    sample.over.moved.value = std::pow(10.0, 4 + 5.0 * i / 199);
    samples.push_back(sample);
  }
  measure(samples, truth, 0.02);
  const std::vector<KernelFit> fits = fit_kernels(samples, round_device(), {});
  ASSERT_EQ(fits.size(), 1U);
  EXPECT_NEAR(fits[0].law.coefficient("efficiency"), 0.77, 0.02);
  EXPECT_NEAR(fits[0].law.coefficient("overhead_s"), 3e-6, 2e-7);
}

TEST(TransferredLaw, Spreads_AreAtLeastTheErrorsOfTheTransfer) {
  const FittedLaw law = testing::product_law("gemm.bf16");
  const std::vector<RegionError> errors = {{.region = "all", .samples = 100, .median = 0.2, .p90 = 0.5, .log_p90 = 0.4},
                                           {.region = "compute", .samples = 50, .log_p90 = 0.08},
                                           {.region = "memory", .samples = 3, .log_p90 = 9}};
  const FittedLaw moved = transferred_law(law, "gemm.fp16", "elsewhere", errors, "why");
  EXPECT_EQ(moved.name, "gemm.fp16");
  EXPECT_EQ(moved.spread("compute"), 0.08) << "wider than the law's own 0.05";
  EXPECT_EQ(moved.spread("memory"), 0.4) << "three samples say nothing of a region: that of all";
  EXPECT_EQ(moved.provenance.samples, 0);
  EXPECT_TRUE(moved.provenance.source.starts_with("TRANSFERRED"));
  const FittedLaw unknown = transferred_law(law, "gemm.fp16", "elsewhere", {}, "why");
  EXPECT_DOUBLE_EQ(unknown.spread("compute"), std::log(2.0));
}

class KernelSamples : public ::testing::Test {
 protected:
  std::string write(const std::string& text) { return folder_.write("samples.csv", text).string(); }

 private:
  TemporaryFolder folder_;
};

TEST_F(KernelSamples, OwnTable_EachKernelFindsItsLaw) {
  const auto samples = read_kernel_samples(write(
      "# gpu: a test\n"
      "kernel,dtype,m,n,k,experts,layout,sequences,query_tokens,context_tokens,heads,kv_heads,head_dim,causal,backward,"
      "bytes,time_us\n"
      "gemm,bf16,12,64,32,,TN,,,,,,,,,,10\n"
      "gemm,bf16,12,64,32,,NT,,,,,,,,,,99\n"
      "grouped_gemm,bf16,128,64,32,4,,,,,,,,,,,20\n"
      "attention,bf16,,,,,,2,512,512,8,1,128,1,0,,30\n"
      "attention,bf16,,,,,,2,512,512,8,1,128,1,1,,70\n"
      "attention,bf16,,,,,,2,1,512,8,1,128,0,0,,5\n"
      "norm,bf16,,,,,,,,,,,,,,4096,2.5\n"
      "fft,bf16,,,,,,,,,,,,,,4096,2.5\n"));
  ASSERT_EQ(samples.size(), 6U) << "12 rows side by side are no whole vectors; no law describes an FFT";
  EXPECT_EQ(samples[0].law, "gemm.bf16");
  EXPECT_DOUBLE_EQ(samples[0].seconds, 1e-5);
  EXPECT_EQ(samples[1].law, "grouped_gemm.bf16");
  EXPECT_EQ(samples[1].rows, std::vector<double>(4, 128));
  EXPECT_EQ(samples[1].m, 512);
  EXPECT_EQ(samples[2].law, "attention.prefill.bf16");
  EXPECT_FALSE(samples[2].attention.writes_cache);
  EXPECT_EQ(samples[3].law, "attention.backward.bf16");
  EXPECT_EQ(samples[4].law, "attention.decode.bf16");
  EXPECT_EQ(samples[5].law, "memory.norm");
  EXPECT_EQ(samples[5].over.moved.value, 4096);
}

// 10 tokens of 64 elements, each for 4 experts: the table counts 2 x 4 passes over 1280 B, of which 3 read again.
TEST_F(KernelSamples, Gathers_CountEachTokenOnce) {
  const auto samples =
      read_kernel_samples(write("kernel,dtype,m,n,k,bytes,cold,time_us\n"
                                "permute,bf16,10,64,4,10240,1,3\n"
                                "unpermute_backward,bf16,10,64,4,11520,0,3\n"
                                "norm,bf16,10,64,,2560,1,3\n"
                                "activation,bf16,10,64,,2560,1,3\n"));
  ASSERT_EQ(samples.size(), 4U);
  EXPECT_EQ(samples[0].over.moved.value, 5 * 1280);
  EXPECT_EQ(samples[0].over.again.value, 3 * 1280);
  EXPECT_EQ(samples[0].over.source.value, 1280);
  EXPECT_EQ(samples[0].over.rows, 40);
  EXPECT_TRUE(samples[0].cold);
  EXPECT_EQ(samples[1].over.moved.value, 11520)
      << "reads rows and tokens, writes rows: the tokens' second read was never counted";
  EXPECT_EQ(samples[1].over.again.value, 3 * 1280);
  EXPECT_FALSE(samples[1].cold);
  EXPECT_EQ(samples[2].over.rows, 10);
  EXPECT_EQ(samples[3].over.rows, 0) << "elementwise";
}

// Listed rows; weight gradients are k rows each, reduced over the mean of the experts' tokens.
TEST_F(KernelSamples, UnevenExperts_AndTheirWeightGradients) {
  const auto samples =
      read_kernel_samples(write("kernel,dtype,m,n,k,experts,rows,bytes,time_us\n"
                                "grouped_gemm,bf16,8,64,32,3,2 0 22,,20\n"
                                "grouped_wgrad,bf16,8,64,32,3,2 0 22,,20\n"));
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].rows, (std::vector<double>{2, 0, 22}));
  EXPECT_EQ(samples[0].m, 24);
  EXPECT_EQ(samples[1].law, "grouped_wgrad.bf16");
  EXPECT_EQ(samples[1].rows, std::vector<double>(3, 32));
  EXPECT_EQ(samples[1].n, 64);
  EXPECT_EQ(samples[1].k, 8);
  EXPECT_THROW(static_cast<void>(read_kernel_samples(write("kernel,dtype,m,n,k,experts,rows,bytes,time_us\n"
                                                           "grouped_gemm,bf16,8,64,32,3,2 22,,20\n"))),
               InputError);
}

TEST_F(KernelSamples, FusedExperts_OnlyBalancedOnOneRank) {
  const auto samples =
      read_kernel_samples(write("dtype,num_tokens,hidden,expert_ffn,top_k,num_experts,ep,distribution,time_us\n"
                                "bf16,3,1024,512,2,4,1,balanced,100\n"
                                "bf16,3,1024,512,2,4,2,balanced,60\n"
                                "bf16,3,1024,512,2,4,1,power_law_1.2,120\n"));
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].rows, (std::vector<double>{2, 2, 1, 1})) << "3 tokens x 2 experts over 4";
  EXPECT_EQ(samples[0].n, 512);
  EXPECT_EQ(samples[0].k, 1024);
  // Activation: 2 x 512 in, 512 out, of 6 rows; sum: 6 rows in, 3 out; two bytes each.
  EXPECT_EQ(samples[0].over.moved.value, 2 * (6 * (3 * 512 + 1024) + 3 * 1024));
}

TEST_F(KernelSamples, LayerOperations_BytesOfEach) {
  const auto samples = read_kernel_samples(
      write("time_stats.emb.median,time_stats.mlp_act.median,time_stats.attn_rope.median,n_head,n_kv_head,n_embd,"
            "n_expanded_embd,use_gated_mlp,num_tokens,num_tensor_parallel_workers\n"
            "0.01,0.02,,16,4,64,256,True,10,2\n"));
  ASSERT_EQ(samples.size(), 2U) << "an empty cell is no sample";
  EXPECT_EQ(samples[0].law, "memory.embedding");
  EXPECT_EQ(samples[0].over.moved.value, 2 * 2 * 10 * 64);
  EXPECT_EQ(samples[1].law, "memory.gated_activation");
  EXPECT_EQ(samples[1].over.moved.value, 2 * 3 * 10 * 256 / 2);
  EXPECT_DOUBLE_EQ(samples[1].seconds, 2e-5);
}

TEST_F(KernelSamples, BadLines_AreAllReported) {
  try {
    static_cast<void>(read_kernel_samples(write("dtype,m,n,k,time_us\nbf16,1,2,3,4\nbf17,1,2,3,4\nbf16,x,2,3,-4\n")));
    FAIL();
  } catch (const InputError& error) {
    ASSERT_GE(error.diagnostics().size(), 3U);
    EXPECT_EQ(error.diagnostics()[0].line, 3);
    EXPECT_EQ(error.diagnostics()[0].key, "dtype");
    EXPECT_EQ(error.diagnostics()[1].line, 4);
    EXPECT_EQ(error.diagnostics()[1].key, "m");
  }
  EXPECT_THROW(static_cast<void>(read_kernel_samples(write("a,b\n1,2\n"))), InputError);
  EXPECT_THROW(static_cast<void>(read_kernel_samples(write("m,n,k,time_us\n1,2\n"))), InputError);
  EXPECT_THROW(static_cast<void>(read_kernel_samples("/nowhere/at/all.csv")), MachineError);
}

}  // namespace
}  // namespace moesim
