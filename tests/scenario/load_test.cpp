#include "moesim/scenario/load.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <variant>
#include <vector>

#include "moesim/scenario/file_text.hpp"

#include "base/temporary_folder.hpp"
#include "scenario/test_configs.hpp"

namespace moesim {
namespace {

using testing::data_folder;
using testing::small_scenario;
using testing::TemporaryFolder;
using testing::test_roots;

const std::filesystem::path kSmall = data_folder() / "configs/scenarios/small.yaml";

std::vector<Scenario> load_small(const std::vector<Override>& overrides = {}) {
  return load_scenario(kSmall, overrides, {});
}

TEST(Load, SmallScenario_EveryField) {
  const std::vector<Scenario> all = load_small();
  ASSERT_EQ(all.size(), 2U);
  const Scenario& fine = all[0];
  EXPECT_EQ(fine.name, "small");
  EXPECT_EQ(fine.variant, "fine_grained");
  EXPECT_EQ(fine.mode(), Mode::training);
  EXPECT_EQ(fine.model.name, "small_moe");
  EXPECT_EQ(fine.model.norm, NormKind::layer_norm);
  EXPECT_EQ(fine.model.activation_dtype, DType::fp16);
  EXPECT_EQ(std::get<GroupedQueryAttention>(fine.model.attention).head_dim, 16);
  EXPECT_EQ(fine.model.moe->payload_in, 64);
  EXPECT_EQ(fine.model.moe->expert_hidden, 16);
  EXPECT_EQ(fine.cluster.name, "two_boxes");
  EXPECT_EQ(fine.cluster.topology->ranks(), 8);
  EXPECT_EQ(fine.cluster.device_name, "small_gpu");
  EXPECT_EQ(fine.kernels->device().memory.value, 16.0 * (1U << 30U));
  EXPECT_EQ(fine.kernels->calibration().name, "small_gpu");
  EXPECT_EQ(fine.framework.kernel_launch.value, 5e-6);
  EXPECT_EQ(fine.parallelism.ep, 8);
  EXPECT_EQ(fine.parallelism.dp, 8);  // derived
  EXPECT_EQ(std::get<TrainingWorkload>(fine.workload).global_batch, 8);
  EXPECT_TRUE(std::holds_alternative<UniformRouting>(fine.routing.distribution));
  EXPECT_EQ(fine.assumptions, (std::vector<std::string>{"small", "one switch", "nothing overlaps"}));
  std::vector<std::string> files;
  for (const InputFile& input : fine.inputs) files.push_back(std::filesystem::path(input.path).filename());
  EXPECT_EQ(files, (std::vector<std::string>{"small.yaml", "two_boxes.yaml", "small_gpu.yaml", "small_gpu.yaml",
                                             "small_moe.yaml", "plain.yaml"}));

  const MoeLayer& bigmac = *all[1].model.moe;
  EXPECT_EQ(bigmac.payload_in, 16);
  EXPECT_EQ(bigmac.expert_hidden, 64);
  EXPECT_EQ(bigmac.pre_projection, ProjectionScope::shared);
}

TEST(Load, Overrides_OfNamesMapsAndVariants) {
  const auto all = load_small({{"model.moe.top_k=4"},
                               {"cluster.nic.bandwidth=400Gbps"},
                               {"parallelism.ep=4"},
                               {"variants.bigmac.model.moe.low_rank_ratio=0.125"}});
  for (const Scenario& scenario : all) {
    EXPECT_EQ(scenario.model.moe->top_k, 4);
    EXPECT_EQ(scenario.parallelism.ep, 4);
  }
  EXPECT_EQ(all[0].model.moe->expert_hidden, 16);
  EXPECT_EQ(all[1].model.moe->payload_in, 8);
  const auto& links = all[0].cluster.topology->links();
  EXPECT_TRUE(std::any_of(links.begin(), links.end(), [](const Link& link) { return link.capacity.value == 50e9; }));
}

TEST(Load, Overrides_YieldToVariantsThatSetTheSameKey) {
  const auto all = load_small({{"model.moe.structure=vanilla"}});
  EXPECT_EQ(all[0].model.moe->expert_hidden, 256);
  EXPECT_EQ(all[1].model.moe->payload_in, 16);
}

TEST(Load, BigmacTwin_HasTheWeightsOfTheExpertItReplaces) {
  const auto all = load_small({{"model.moe.ffn_hidden=24"}, {"model.moe.expert_kind=gated"}});
  EXPECT_EQ(all[0].model.moe->expert_hidden, 24);
  EXPECT_EQ(all[1].model.moe->payload_in, 16);
  EXPECT_EQ(all[1].model.moe->expert_hidden, 96);
  EXPECT_EQ(expert_weights(*all[0].model.moe), expert_weights(*all[1].model.moe));
  const auto stated = load_small({{"model.moe.expert_hidden=100"}});
  EXPECT_EQ(stated[1].model.moe->expert_hidden, 100);
}

TEST(Load, VariantsShareWhatTheyDoNotChange) {
  const auto all = load_small();
  EXPECT_EQ(all[0].cluster.topology, all[1].cluster.topology);
  EXPECT_EQ(all[0].cluster.collectives, all[1].cluster.collectives);
  EXPECT_EQ(all[0].kernels, all[1].kernels);
}

TEST(Load, RanksTakeTheFirstOnes) {
  const auto all = load_small({{"parallelism={ranks: 4, ep: 4}"}});
  EXPECT_EQ(all[0].parallelism.world_size(), 4);
  EXPECT_EQ(all[0].cluster.topology->ranks(), 8);
}

TEST(Load, Inference) {
  const auto all = load_scenario_text(
      small_scenario({{2, "mode: inference"}, {7, "workload: {batch: 16, prompt_tokens: 32, generated_tokens: 4}"}}),
      "s.yaml", test_roots());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].mode(), Mode::inference);
  EXPECT_EQ(all[0].variant, "");
  EXPECT_EQ(std::get<InferenceWorkload>(all[0].workload).generated_tokens, 4);
}

TEST(Load, TracesFromFilesAndFromTheScenario) {
  const std::string loads = (data_folder() / "traces/loads.csv").string();
  const std::string choices = (data_folder() / "traces/choices.csv").string();
  const auto by_load = load_small({{"routing.load_trace=" + loads}});
  EXPECT_EQ(std::get<LoadTrace>(by_load[0].routing.distribution).loads, (std::vector<double>{4, 3, 2, 1, 1, 1, 1, 1}));
  const auto by_choice = load_small({{"routing.choice_trace=" + choices}});
  EXPECT_EQ(std::get<ChoiceTrace>(by_choice[0].routing.distribution).choices,
            (std::vector<std::vector<int>>{{0, 1}, {2, 3}, {4, 5}}));
  const auto inlined = load_small({{"routing.choice_trace=[[0, 1], [6, 7]]"}});
  EXPECT_EQ(std::get<ChoiceTrace>(inlined[0].routing.distribution).choices.size(), 2U);
}

TEST(Load, Placement_RoundRobin) {
  const auto all = load_small({{"routing.placement=round_robin"}, {"parallelism.ep=4"}});
  EXPECT_EQ(all[0].expert_placement, (std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3}));
}

TEST(Load, ExplicitGraph) {
  const auto all = load_small({{"cluster=triangle"}, {"parallelism.ep=2"}});
  EXPECT_EQ(all[0].cluster.topology->ranks(), 2);
  EXPECT_EQ(all[0].parallelism.dp, 2);
}

TEST(Load, ByBareName) {
  const auto all = load_scenario("small", {}, test_roots());
  EXPECT_EQ(all.size(), 2U);
  EXPECT_EQ(load_model("small_moe", {}, test_roots()).layers, 4);
}

TEST(Load, PartsAlone) {
  const Cluster cluster = load_cluster(data_folder() / "configs/clusters/two_boxes.yaml", {{"nodes=4"}}, {}, true);
  EXPECT_EQ(cluster.topology->ranks(), 16);
  EXPECT_EQ(cluster.device_name, "small_gpu");
  const KernelModel kernels = load_device(data_folder() / "configs/devices/small_gpu.yaml", {{"memory=8GiB"}}, {});
  EXPECT_EQ(kernels.device().memory.value, 8.0 * (1U << 30U));
  EXPECT_EQ(load_calibration(data_folder() / "calibration/small_gpu.yaml").device, "small_gpu");
}

// --- sweeps

TEST(ScenarioLoader, SectionsOfEqualContentAreBuiltOnce) {
  ScenarioLoader loader{ConfigRoots{}};
  const auto first = loader.load(kSmall, {{"cluster.nic.bandwidth=50GB/s"}});
  const auto second = loader.load(kSmall, {{"cluster.nic.bandwidth=50GB/s"}, {"model.moe.top_k=4"}});
  const auto other = loader.load(kSmall, {{"cluster.nic.bandwidth=60GB/s"}});
  EXPECT_EQ(first[0].cluster.collectives, second[0].cluster.collectives);
  EXPECT_NE(first[0].cluster.collectives, other[0].cluster.collectives);
  EXPECT_EQ(first[0].kernels, other[0].kernels);
  EXPECT_EQ(second[0].model.moe->top_k, 4);
  EXPECT_EQ(first[0].inputs.size(), second[0].inputs.size());
}

TEST(ScenarioLoader, ADeviceIsNoPartOfTheNetwork) {
  ScenarioLoader loader{ConfigRoots{}};
  const auto first = loader.load(kSmall, {});
  const auto other = loader.load(kSmall, {{"cluster.device.memory=80GiB"}});
  EXPECT_EQ(first[0].cluster.topology, other[0].cluster.topology);
  EXPECT_NE(first[0].kernels, other[0].kernels);
}

TEST(ScenarioLoader, AProblemIsReportedEachTime) {
  ScenarioLoader loader{ConfigRoots{}};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(testing::problems_of([&] { return loader.load(kSmall, {{"model.moe.top_k=99"}}); }).size(), 1U);
  }
  EXPECT_EQ(loader.load(kSmall, {}).size(), 2U);
}

// --- completed scenarios

TEST(Dump, ReadsBackAndDumpsTheSame) {
  const std::string choices = (data_folder() / "traces/choices.csv").string();
  const std::vector<std::vector<Override>> cases = {
      {},
      {{"routing.choice_trace=" + choices}},
      {{"routing={distribution: zipf, exponent: 1.5}"}},
      {{"cluster=triangle"}, {"parallelism.ep=2"}},
      {{"model.moe.capacity_factor=1.25"}, {"model.moe.dispatch_dtype=fp8"}}};
  for (const auto& overrides : cases) {
    const std::string dumped = dump_scenario(kSmall, overrides, {});
    const auto again = load_scenario_text(dumped, "dumped.yaml", {});
    const auto original = load_small(overrides);
    ASSERT_EQ(again.size(), original.size());
    for (std::size_t i = 0; i < again.size(); ++i) {
      EXPECT_EQ(again[i].variant, original[i].variant);
      EXPECT_EQ(again[i].model.moe->payload_in, original[i].model.moe->payload_in);
      EXPECT_EQ(again[i].parallelism.dp, original[i].parallelism.dp);
      EXPECT_EQ(again[i].routing.distribution.index(), original[i].routing.distribution.index());
      EXPECT_EQ(again[i].cluster.topology->links().size(), original[i].cluster.topology->links().size());
      EXPECT_EQ(again[i].assumptions.size(), original[i].assumptions.size());
    }
    const TemporaryFolder folder;
    EXPECT_EQ(dump_scenario(folder.write("dumped.yaml", dumped), {}, {}), dumped);
  }
}

TEST(Fnv1a, PublishedVectors) {  // draft-eastlake-fnv, appendix C
  EXPECT_EQ(fnv1a(""), "cbf29ce484222325");
  EXPECT_EQ(fnv1a("a"), "af63dc4c8601ec8c");
  EXPECT_EQ(fnv1a("foobar"), "85944171f73967e8");
}

}  // namespace
}  // namespace moesim
