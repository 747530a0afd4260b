#include "moesim/model/moe_model.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "moesim/base/diagnostic.hpp"

#include "model/sample_models.hpp"

namespace moesim::testing {
namespace {

TEST(Model, LeadingDenseAndEverySecond_CountsMoeLayers) {
  Model model = mixtral_8x7b();
  model.layers = 9;
  EXPECT_EQ(model.moe_layers(), 9);
  model.leading_dense_layers = 2;
  EXPECT_EQ(model.moe_layers(), 7);
  model.moe_every = 2;  // of layers 2 to 8: 3, 5, 7
  EXPECT_EQ(model.moe_layers(), 3);
  EXPECT_EQ(model.dense_layers(), 6);
  int counted = 0;
  for (int i = 0; i < model.layers; ++i) counted += model.is_moe_layer(i) ? 1 : 0;
  EXPECT_EQ(counted, 3);
  EXPECT_FALSE(model.is_moe_layer(2));
  EXPECT_TRUE(model.is_moe_layer(3));
  model.moe.reset();
  EXPECT_EQ(model.moe_layers(), 0);
  EXPECT_FALSE(model.is_moe_layer(3));
}

TEST(Structure, Vanilla_IsFourTimesHidden) {
  const MoeLayer layer = with_structure({.experts = 8, .top_k = 2}, MoeStructure::vanilla, 1024, 0);
  EXPECT_EQ(layer.payload_in, 1024);
  EXPECT_EQ(layer.payload_out, 1024);
  EXPECT_EQ(layer.expert_hidden, 4096);
  EXPECT_FALSE(layer.pre_projection || layer.post_projection);
}

TEST(Structure, FineGrained_NarrowsTheExpert) {
  const MoeLayer layer = with_structure({.experts = 64, .top_k = 8}, MoeStructure::fine_grained, 2048, 0.25);
  EXPECT_EQ(layer.payload_in, 2048);
  EXPECT_EQ(layer.expert_hidden, 512);
  EXPECT_FALSE(layer.pre_projection || layer.post_projection);
}

TEST(Structure, BigMac_NarrowsThePayloadAndSwapsTheMatrices) {
  for (const FfnKind kind : {FfnKind::plain, FfnKind::gated}) {
    const MoeLayer layer =
        with_structure({.experts = 64, .top_k = 8, .expert_ffn = kind}, MoeStructure::bigmac, 2048, 0.25);
    EXPECT_EQ(layer.payload_in, 512);
    EXPECT_EQ(layer.payload_out, 512);
    EXPECT_EQ(layer.expert_hidden, 2048);
    EXPECT_EQ(layer.pre_projection, ProjectionScope::shared);
    EXPECT_EQ(layer.post_projection, ProjectionScope::shared);
  }
}

TEST(Structure, GivenWidths_Stand) {
  const MoeLayer fine = with_structure({.expert_hidden = 1408}, MoeStructure::fine_grained, 2048, 0.25);
  EXPECT_EQ(fine.expert_hidden, 1408);
  const MoeLayer bigmac = with_structure({.payload_out = 256, .post_projection = ProjectionScope::per_expert},
                                         MoeStructure::bigmac, 2048, 0.25);
  EXPECT_EQ(bigmac.payload_in, 512);
  EXPECT_EQ(bigmac.payload_out, 256);
  EXPECT_EQ(bigmac.post_projection, ProjectionScope::per_expert);
  // 2 * 2048 * 512 weights / (512 + 256)
  EXPECT_EQ(bigmac.expert_hidden, 2731);
}

TEST(Structure, RatioOutOfRange_IsRefused) {
  EXPECT_THROW(static_cast<void>(with_structure({}, MoeStructure::bigmac, 2048, 0)), ContractViolation);
  EXPECT_THROW(static_cast<void>(with_structure({}, MoeStructure::fine_grained, 2048, 1.5)), ContractViolation);
}

TEST(BigMacTwin, OfDeepSeekMoe_HasTheSameExpertWeights) {
  MoeLayer layer = *deepseek_moe_16b().moe;
  const MoeLayer twin = bigmac_twin(layer, 2048, 0.25);
  EXPECT_EQ(twin.payload_in, 512);
  EXPECT_EQ(twin.expert_hidden, 5632);  // 1408 / 0.25
  EXPECT_EQ(expert_weights(twin), expert_weights(layer));
  EXPECT_EQ(twin.shared_experts, 2);
  EXPECT_EQ(twin.shared_expert_hidden, 1408);
}

RC_GTEST_PROP(BigMacTwin, EqualParameters_ToHalfAnElement, ()) {
  const int hidden = 16 * *rc::gen::inRange(4, 1024);
  const double ratio = 1.0 / *rc::gen::inRange(1, 16);
  const FfnKind kind = *rc::gen::element(FfnKind::plain, FfnKind::gated);
  const MoeLayer layer{
      .payload_in = hidden, .payload_out = hidden, .expert_hidden = *rc::gen::inRange(8, 32768), .expert_ffn = kind};
  const MoeLayer twin = bigmac_twin(layer, hidden, ratio);
  const double per_element = expert_weights(twin) / twin.expert_hidden;
  RC_ASSERT(std::abs(expert_weights(twin) - expert_weights(layer)) <= per_element / 2);
  RC_ASSERT(std::abs(twin.payload_in - ratio * hidden) <= 0.5);
}

TEST(PayloadBytes, FourTransfers_FollowDirection) {
  Model model = mixtral_8x7b();
  model.moe->payload_in = 512;
  model.moe->payload_out = 256;
  PayloadBytes bytes = payload_bytes(model);  // bf16 everywhere
  EXPECT_EQ(bytes.dispatch.value, 1024);
  EXPECT_EQ(bytes.combine.value, 512);
  EXPECT_EQ(bytes.combine_gradient.value, 512);
  EXPECT_EQ(bytes.dispatch_gradient.value, 1024);
  model.moe->dispatch_dtype = DType::fp8;  // to the experts, in both passes
  bytes = payload_bytes(model);
  EXPECT_EQ(bytes.dispatch.value, 512);
  EXPECT_EQ(bytes.combine.value, 512);
  EXPECT_EQ(bytes.combine_gradient.value, 256);
  EXPECT_EQ(bytes.dispatch_gradient.value, 1024);
}

}  // namespace
}  // namespace moesim::testing
