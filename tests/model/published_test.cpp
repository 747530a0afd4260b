// Parameter counts that model cards print or that follow from published weights, from the public configurations.
#include <gtest/gtest.h>
#include <string>

#include "moesim/model/counts.hpp"

#include "model/sample_models.hpp"

namespace moesim::testing {
namespace {

struct Published {
  std::string name;
  Model model;
  double total;            ///< exact
  double total_printed;    ///< on the model card [1e9]
  double active_printed;   ///< [1e9]
  bool active_with_table;  ///< whether the printed active count has the embedding table
};

class PublishedCount : public ::testing::TestWithParam<Published> {};

// Model cards round, some upwards and some downwards: within 0.06e9 of the printed digit.
constexpr double kPrinted = 0.06e9;

TEST_P(PublishedCount, Parameters_EqualTheModelCard) {
  const Published& published = GetParam();
  EXPECT_EQ(total_parameters(published.model), published.total);
  EXPECT_NEAR(total_parameters(published.model), published.total_printed * 1e9, kPrinted);
}

TEST_P(PublishedCount, ActiveParameters_EqualTheModelCard) {
  const Published& published = GetParam();
  const double table = parameters_of(count_parameters(published.model), WorkKind::embedding);
  const double active = active_parameters(published.model) - (published.active_with_table ? 0 : table);
  EXPECT_NEAR(active, published.active_printed * 1e9, kPrinted);
}

INSTANTIATE_TEST_SUITE_P(ModelCards, PublishedCount,
                         ::testing::Values(
                             // arXiv 2401.04088
                             Published{"Mixtral8x7B", mixtral_8x7b(), 46'702'792'704.0, 46.7, 12.9, true},
                             // arXiv 2505.09388: 3.353e9 printed as 3.3
                             Published{"Qwen3_30B_A3B", qwen3_30b_a3b(), 30'532'122'624.0, 30.5, 3.3, true},
                             // arXiv 2401.06066
                             Published{"DeepSeekMoE16B", deepseek_moe_16b(), 16'375'728'128.0, 16.4, 2.8, true},
                             // arXiv 2405.04434, appendix B: 2.451e9 printed as 2.4
                             Published{"DeepSeekV2Lite", deepseek_v2_lite(), 15'706'484'224.0, 15.7, 2.4, false},
                             // model card of Qwen/Qwen1.5-MoE-A2.7B
                             Published{"Qwen15MoeA2p7B", qwen15_moe_a2p7b(), 14'315'784'192.0, 14.3, 2.7, true}),
                         [](const auto& instance) { return instance.param.name; });

TEST(PublishedCount, Gpt2_EqualsItsWeights) {
  EXPECT_EQ(total_parameters(gpt(12, 768, 12, 1024)), 124'439'808);
  EXPECT_EQ(total_parameters(gpt(24, 1024, 16, 1024)), 354'823'168);
  EXPECT_EQ(total_parameters(gpt(36, 1280, 20, 1024)), 774'030'080);
  EXPECT_EQ(total_parameters(gpt(48, 1600, 25, 1024)), 1'557'611'200);
}

TEST(PublishedCount, Gpt3_RoundsToItsNames) {  // arXiv 2005.14165, table 2.1
  EXPECT_NEAR(total_parameters(gpt(24, 1024, 16, 2048)), 0.35e9, 0.01e9);
  EXPECT_NEAR(total_parameters(gpt(24, 2048, 16, 2048)), 1.3e9, 0.05e9);
  EXPECT_NEAR(total_parameters(gpt(32, 2560, 32, 2048)), 2.7e9, 0.05e9);
  EXPECT_NEAR(total_parameters(gpt(32, 4096, 32, 2048)), 6.7e9, 0.05e9);
}

TEST(PublishedCount, BigMacTwin_AddsTheSharedProjectionsOnly) {
  for (Model model : {mixtral_8x7b(), qwen3_30b_a3b(), deepseek_moe_16b(), deepseek_v2_lite()}) {
    const double before = total_parameters(model);
    model.moe = bigmac_twin(*model.moe, model.hidden, 0.25);
    const double projections = 2 * 0.25 * model.hidden * model.hidden * model.moe_layers();
    EXPECT_EQ(total_parameters(model) - before, projections);
  }
}

}  // namespace
}  // namespace moesim::testing
