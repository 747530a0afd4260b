#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/model/counts.hpp"

#include "model/sample_models.hpp"

namespace moesim::testing {
namespace {

/// hidden 4, 2 queries' heads of width 3 that share one key-value head, gated FFN of 5, 10 words.
Model tiny() {
  Model model;
  model.layers = 2;
  model.hidden = 4;
  model.vocabulary = 10;
  model.attention = GroupedQueryAttention{.heads = 2, .kv_heads = 1, .head_dim = 3};
  model.dense_ffn = {.hidden = 5, .kind = FfnKind::gated};
  return model;
}

double of(const Model& model, WorkKind kind) { return parameters_of(count_parameters(model), kind); }

TEST(Parameters, DenseLayers_ByHand) {
  const Model model = tiny();
  EXPECT_EQ(of(model, WorkKind::embedding), 10 * 4);
  EXPECT_EQ(of(model, WorkKind::logits), 10 * 4);
  EXPECT_EQ(of(model, WorkKind::norms), 2 * 2 * 4 + 4);
  EXPECT_EQ(of(model, WorkKind::attention), 2 * (4 * 6 + 2 * 4 * 3 + 6 * 4));
  EXPECT_EQ(of(model, WorkKind::dense_ffn), 2 * 3 * 4 * 5);
  EXPECT_EQ(total_parameters(model), 364);
  EXPECT_EQ(active_parameters(model), 364);
}

TEST(Parameters, Biases_OfEveryLinearLayer) {
  Model model = tiny();
  model.biases = true;
  // queries 6, keys 3, values 3, output 4; gate 5, up 5, down 4
  EXPECT_EQ(total_parameters(model), 364 + 2 * (6 + 3 + 3 + 4) + 2 * (5 + 5 + 4));
  model.dense_ffn.kind = FfnKind::plain;  // without the gate's matrix and bias
  EXPECT_EQ(total_parameters(model), 364 + 2 * (6 + 3 + 3 + 4) + 2 * (5 + 4) - 2 * 4 * 5);
}

TEST(Parameters, QkvBias_WithoutOthers) {
  Model model = tiny();
  std::get<GroupedQueryAttention>(model.attention).qkv_bias = true;
  EXPECT_EQ(total_parameters(model), 364 + 2 * (6 + 3 + 3));
}

TEST(Parameters, Norms_LayerNormHasShiftsQkNormHasHeadWidth) {
  Model model = tiny();
  model.norm = NormKind::layer_norm;
  EXPECT_EQ(of(model, WorkKind::norms), 2 * (2 * 2 * 4 + 4));
  std::get<GroupedQueryAttention>(model.attention).qk_norm = true;
  EXPECT_EQ(of(model, WorkKind::norms), 2 * (2 * (2 * 4 + 2 * 3) + 4));
}

TEST(Parameters, TiedEmbeddingAndPositions) {
  Model model = tiny();
  model.tied_embedding = true;
  model.max_positions = 7;
  EXPECT_EQ(of(model, WorkKind::logits), 0);
  EXPECT_EQ(of(model, WorkKind::embedding), (10 + 7) * 4);
}

TEST(Parameters, LatentAttention_ByHand) {
  Model model = tiny();
  model.attention = LatentAttention{
      .heads = 2, .q_lora_rank = 3, .kv_lora_rank = 5, .nope_head_dim = 4, .rope_head_dim = 2, .v_head_dim = 3};
  // queries 4 -> 3 -> 2 (4 + 2); keys and values 4 -> 5 + 2, 5 -> 2 (4 + 3); output 2 * 3 -> 4
  const double attention = 4 * 3 + 3 * 12 + 4 * 7 + 5 * 14 + 6 * 4;
  EXPECT_EQ(of(model, WorkKind::attention), 2 * attention);
  EXPECT_EQ(of(model, WorkKind::norms), 2 * (2 * 4 + 3 + 5) + 4);
  model.biases = true;
  EXPECT_EQ(of(model, WorkKind::attention), 2 * (attention + 3 + 7 + 4));
  model.biases = false;
  std::get<LatentAttention>(model.attention).q_lora_rank = 0;
  EXPECT_EQ(of(model, WorkKind::attention), 2 * (attention - 4 * 3 - 3 * 12 + 4 * 12));
  EXPECT_EQ(of(model, WorkKind::norms), 2 * (2 * 4 + 5) + 4);
}

/// A layer with every optional part: 6 plain experts 2 -> 3 -> 1 of which a token takes 2.
MoeLayer rich_layer() {
  return {.experts = 6,
          .top_k = 2,
          .payload_in = 2,
          .payload_out = 1,
          .expert_hidden = 3,
          .pre_projection = ProjectionScope::shared,
          .post_projection = ProjectionScope::per_expert,
          .shared_experts = 2,
          .shared_expert_hidden = 7,
          .shared_expert_gate = true};
}

TEST(Parameters, MoeLayer_ByHand) {
  Model model = tiny();
  model.biases = true;
  model.router_bias = true;
  model.moe = rich_layer();
  model.leading_dense_layers = 1;
  EXPECT_EQ(of(model, WorkKind::router), 4 * 6 + 6);
  EXPECT_EQ(of(model, WorkKind::descend), 4 * 2);
  EXPECT_EQ(of(model, WorkKind::experts), 6 * (2 * 3 + 3 + 3 * 1 + 1));
  EXPECT_EQ(of(model, WorkKind::ascend), 6 * 1 * 4);
  EXPECT_EQ(of(model, WorkKind::shared_experts), 2 * (4 * 7 + 7 + 7 * 4 + 4) + 4);
  EXPECT_EQ(of(model, WorkKind::dense_ffn), 3 * 4 * 5 + 5 + 5 + 4);
  // 4 of 6 experts idle, and with them 4 of the 6 post-projections
  EXPECT_EQ(total_parameters(model) - active_parameters(model), 4 * (2 * 3 + 3 + 3 * 1 + 1) + 4 * 1 * 4);
}

TEST(Parameters, GatedExperts_HaveTwoMatricesIn) {
  Model model = tiny();
  model.moe = rich_layer();
  model.moe->expert_ffn = FfnKind::gated;
  EXPECT_EQ(of(model, WorkKind::experts), 2 * 6 * (2 * 2 * 3 + 3 * 1));
}

TEST(Parameters, Layers_AddUpToTheModel) {
  const Model model = deepseek_v2_lite();
  double sum = 2.0 * model.vocabulary * model.hidden + model.hidden;  // embedding, logits, final norm
  for (const ParameterCount& count : count_layer_parameters(model, LayerKind::dense)) sum += count.parameters;
  for (const ParameterCount& count : count_layer_parameters(model, LayerKind::moe)) sum += 26 * count.parameters;
  EXPECT_EQ(sum, total_parameters(model));
}

TEST(Parameters, MoeLayerOfDenseModel_IsRefused) {
  EXPECT_THROW(static_cast<void>(count_layer_parameters(tiny(), LayerKind::moe)), ContractViolation);
}

}  // namespace
}  // namespace moesim::testing
