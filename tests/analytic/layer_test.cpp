#include "moesim/analytic/layer.hpp"

#include <gtest/gtest.h>

#include "moesim/analytic/predict.hpp"
#include "moesim/base/diagnostic.hpp"

#include "graph/example_scenario.hpp"

namespace moesim {
namespace {

using testing::example_scenario;
using testing::small_gpt;
using testing::small_moe;

double seconds(const Scenario& scenario, Part part) { return predict_part(scenario, part).time.value; }

// The block is part of the layer, the forward pass part of both passes.
TEST(PredictPart, PartsAreOrdered) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 2, {.ep = 8, .dp = 16});
  std::get<TrainingWorkload>(scenario.workload) = {.sequence_length = 128, .global_batch = 32, .micro_batch = 2};
  EXPECT_GT(seconds(scenario, Part::moe_block_forward), 0);
  EXPECT_LT(seconds(scenario, Part::moe_block_forward), seconds(scenario, Part::layer_forward));
  EXPECT_LT(seconds(scenario, Part::moe_block_forward_backward), seconds(scenario, Part::layer_forward_backward));
  EXPECT_LT(2 * seconds(scenario, Part::layer_forward), seconds(scenario, Part::layer_forward_backward))
      << "backward has two products for each forward one";
  EXPECT_EQ(seconds(scenario, Part::step), predict(scenario).step_time.time.value);
}

// A layer is one layer, whatever the depth of the model and however many micro-batches a step has.
TEST(PredictPart, Layer_DependsOnNeitherDepthNorBatch) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::fine_grained), 2, {.ep = 16, .dp = 16});
  const double layer = seconds(scenario, Part::layer_forward);
  scenario.model.layers *= 2;
  std::get<TrainingWorkload>(scenario.workload).global_batch *= 4;
  EXPECT_DOUBLE_EQ(seconds(scenario, Part::layer_forward), layer);
}

// Prefill and decode steps make up the whole inference.
TEST(PredictPart, PassesOfAnInference_AddUp) {
  Scenario scenario = example_scenario(small_moe(MoeStructure::bigmac), 1, {.ep = 8, .dp = 8});
  EXPECT_THROW(static_cast<void>(predict_part(scenario, Part::prefill)), InputError) << "training";
  scenario.workload = InferenceWorkload{.batch = 8, .prompt_tokens = 128, .generated_tokens = 4};
  EXPECT_NEAR(seconds(scenario, Part::prefill) + 3 * seconds(scenario, Part::decode_step),
              seconds(scenario, Part::step), 1e-12);
}

TEST(PredictPart, DenseModelOrNoBackward_IsTheUsersInput) {
  EXPECT_THROW(static_cast<void>(predict_part(example_scenario(small_gpt(), 1, {.dp = 8}), Part::layer_forward)),
               InputError);
  Scenario inference = example_scenario(small_moe(MoeStructure::fine_grained), 1, {.ep = 8, .dp = 8});
  inference.workload = InferenceWorkload{.batch = 8, .prompt_tokens = 128, .generated_tokens = 1};
  EXPECT_GT(predict_part(inference, Part::moe_block_forward).time.value, 0);
  EXPECT_THROW(static_cast<void>(predict_part(inference, Part::moe_block_forward_backward)), InputError);
  EXPECT_THROW(static_cast<void>(predict_part(inference, Part::decode_step)), InputError) << "one token: prefill alone";
}

}  // namespace
}  // namespace moesim
