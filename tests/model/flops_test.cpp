#include <gtest/gtest.h>
#include <string>

#include "moesim/model/counts.hpp"

#include "model/sample_models.hpp"

namespace moesim::testing {
namespace {

double of(const Model& model, WorkKind kind, double sequences, double length) {
  return flops_of(count_forward_flops(model, sequences, length), kind).value;
}

TEST(Flops, DenseLayer_ByHand) {
  Model model;
  model.layers = 3;
  model.hidden = 4;
  model.vocabulary = 10;
  model.attention = GroupedQueryAttention{.heads = 2, .kv_heads = 1, .head_dim = 3};
  model.dense_ffn = {.hidden = 5, .kind = FfnKind::gated};
  // 2 sequences of 7 tokens: 14 tokens; scores 7 x 7 by head, width 3, and the same again times the values
  EXPECT_EQ(of(model, WorkKind::attention, 2, 7), 3 * (2 * 14 * (4 * 6 + 4 * 6 + 6 * 4) + 2 * 2 * (2 * 2 * 7 * 7 * 3)));
  EXPECT_EQ(of(model, WorkKind::dense_ffn, 2, 7), 3 * 2 * 14 * 3 * 4 * 5);
  EXPECT_EQ(of(model, WorkKind::logits, 2, 7), 2 * 14 * 4 * 10);
  EXPECT_EQ(of(model, WorkKind::norms, 2, 7), 0);
  EXPECT_EQ(count_forward_flops(model, 2, 7).size(), 3U);
}

TEST(Flops, LatentAttention_ScoresAreOfBothHeadParts) {
  Model model = deepseek_v2_lite();
  const auto& a = std::get<LatentAttention>(model.attention);
  const double one = of(model, WorkKind::attention, 1, 1);
  const double two = of(model, WorkKind::attention, 1, 2);
  // doubling the length doubles the products with weights and makes four times the scores
  const double scores_of_one = 2.0 * model.layers * a.heads * (128 + 64 + 128);
  EXPECT_EQ(two - 2 * one, 2 * scores_of_one);
}

TEST(Flops, MoeLayer_ByHand) {
  Model model = gpt(1, 8, 2, 0);
  model.moe = MoeLayer{.experts = 6,
                       .top_k = 2,
                       .payload_in = 3,
                       .payload_out = 5,
                       .expert_hidden = 7,
                       .pre_projection = ProjectionScope::shared,
                       .post_projection = ProjectionScope::per_expert,
                       .shared_experts = 2,
                       .shared_expert_hidden = 9,
                       .shared_expert_gate = true};
  const double tokens = 11;
  EXPECT_EQ(of(model, WorkKind::router, 1, tokens), 2 * tokens * 8 * 6);
  EXPECT_EQ(of(model, WorkKind::descend, 1, tokens), 2 * tokens * 8 * 3);
  EXPECT_EQ(of(model, WorkKind::experts, 1, tokens), 2 * tokens * 2 * (3 * 7 + 7 * 5));
  EXPECT_EQ(of(model, WorkKind::ascend, 1, tokens), 2 * tokens * 2 * 5 * 8);
  EXPECT_EQ(of(model, WorkKind::shared_experts, 1, tokens), 2 * tokens * (2 * 2 * 8 * 9 + 8));
  EXPECT_EQ(of(model, WorkKind::dense_ffn, 1, tokens), 0);
}

TEST(Flops, Training_IsThreeForwardPasses) {
  const Model model = deepseek_moe_16b();
  double forward = 0;
  for (const FlopCount& count : count_forward_flops(model, 4, 4096)) forward += count.forward.value;
  EXPECT_DOUBLE_EQ(training_flops(model, 4, 4096).value, 3 * forward);
}

TEST(Flops, Layers_AddUpToTheModel) {
  const Model model = deepseek_moe_16b();
  double sum = of(model, WorkKind::logits, 4, 128);
  for (const FlopCount& c : count_layer_forward_flops(model, LayerKind::dense, 4, 128)) sum += c.forward.value;
  for (const FlopCount& c : count_layer_forward_flops(model, LayerKind::moe, 4, 128)) sum += 27 * c.forward.value;
  EXPECT_DOUBLE_EQ(3 * sum, training_flops(model, 4, 128).value);
}

TEST(Flops, ShortSequences_AreTwoPerActiveWeight) {
  // Without scores every weight but the embedding table is used once per token (norms are not matrix products).
  const Model model = mixtral_8x7b();
  const auto parameters = count_parameters(model);
  const double used = active_parameters(model) - parameters_of(parameters, WorkKind::embedding) -
                      parameters_of(parameters, WorkKind::norms);
  const double scores = 2.0 * 2 * model.layers * 32 * 128;
  EXPECT_DOUBLE_EQ(training_flops(model, 1, 1).value, 3 * (2 * used + scores));
}

TEST(AllToAllBytes, ByHand) {
  Model model = mixtral_8x7b();
  // 32 layers, 1000 tokens to 2 experts, 3 of 4 leave the rank, 4 transfers of 4096 x 2 bytes
  EXPECT_EQ(all_to_all_bytes(model, 1000, 4).value, 32.0 * 1000 * 2 * 0.75 * 4 * 8192);
  EXPECT_EQ(all_to_all_bytes(model, 1000, 1).value, 0);
  model.moe->payload_in = 1024;
  model.moe->dispatch_dtype = DType::fp8;  // to the experts: 1024 and 4096 bytes; back: 8192 and 2048
  EXPECT_EQ(all_to_all_bytes(model, 1000, 4).value, 32.0 * 1000 * 2 * 0.75 * (1024 + 8192 + 4096 + 2048));
  model.moe.reset();
  EXPECT_EQ(all_to_all_bytes(model, 1000, 4).value, 0);
}

TEST(WorkKinds, Names_AreTheEnumerators) {
  EXPECT_EQ(work_kind_name(WorkKind::embedding), "embedding");
  EXPECT_EQ(work_kind_name(WorkKind::ascend), "ascend");
  EXPECT_EQ(work_kind_name(WorkKind::launch), "launch");
}

}  // namespace
}  // namespace moesim::testing
