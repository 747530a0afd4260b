// What a user can get wrong, case by case: each problem is placed, says why, and all are reported together.

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "base/temporary_folder.hpp"
#include "scenario/test_configs.hpp"

namespace moesim {
namespace {

using testing::data_folder;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::problems_of;
using testing::small_scenario;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using testing::test_roots;

struct BadInput {
  std::string name;
  std::string text;
  std::vector<std::string> problems;  ///< beginnings of the lines, in order; after a *: a part (paths differ)
};

void PrintTo(const BadInput& input, std::ostream* out) { *out << input.name; }

class BadInputTest : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadInputTest, EveryProblemIsReportedAtItsPlace) {
  const auto found = problems_of([&] { return load_scenario_text(GetParam().text, "s.yaml", test_roots()); });
  std::vector<::testing::Matcher<std::string>> expected;
  for (const std::string& line : GetParam().problems) {
    expected.push_back(line.starts_with('*') ? ::testing::Matcher<std::string>(HasSubstr(line.substr(1)))
                                             : ::testing::Matcher<std::string>(StartsWith(line)));
  }
  EXPECT_THAT(found, ElementsAreArray(expected));
}

std::string model_with(const std::string& moe) { return "model: {base: small_moe, moe: {" + moe + "}}"; }
std::string cluster_with(const std::string& changes) { return "cluster: {base: two_boxes, " + changes + "}"; }

const BadInput kKeys[] = {
    {"UnknownKey",
     small_scenario({{8, "seed: 1"}, {6, "parallelism: {ep: 8, tpp: 1}"}, {4, model_with("topk: 3")}}),
     {"s.yaml:4:32: model.moe.topk: is no key here (known: ",
      "s.yaml:6:22: parallelism.tpp: is no key here (known: tp, pp, ",
      "s.yaml:8:1: seed: is no key here (known: name, mode, "}},
    {"MissingKeys",
     small_scenario({{1, ""}, {3, ""}, {7, "workload: {sequence_length: 128}"}}),
     {"s.yaml:2:1: name: is missing (of the scenario", "s.yaml:2:1: cluster: is missing (the machines",
      "s.yaml:7:11: workload.global_batch: is missing (sequences of an iteration"}},
    {"DuplicateKey",
     small_scenario({{8, "mode: inference"}}),
     {"s.yaml:8:1: mode: is given twice (first in line 2, and only one can hold) remove one"}},
    {"WrongUnit",
     small_scenario({{3, cluster_with("nic: {bandwidth: 100Gb, latency: 2}")}}),
     {"s.yaml:3:45: cluster.nic.bandwidth = 100Gb: is no bandwidth (units: ",
      "s.yaml:3:61: cluster.nic.latency = 2: has no unit (a bare number may mean anything) write e.g. 5us"}},
    {"WrongWords",
     small_scenario({{2, "mode: trainig"}, {4, model_with("structure: big_mac")}}),
     {"s.yaml:2:7: mode = trainig: must be one of: training, inference, did you mean training?",
      "s.yaml:4:43: model.moe.structure = big_mac: must be one of: vanilla, fine_grained, bigmac, did you mean "
      "bigmac?"}},
};
INSTANTIATE_TEST_SUITE_P(Keys, BadInputTest, ::testing::ValuesIn(kKeys),
                         [](const auto& row) { return row.param.name; });

const BadInput kLayouts[] = {
    {"TopKAboveExperts",
     small_scenario({{4, model_with("top_k: 9")}}),
     {"s.yaml:4:39: model.moe.top_k = 9: must not exceed experts (8) (a token goes to different experts)"}},
    {"ExpertsNotDivisibleByEp",
     small_scenario({{4, model_with("experts: 12")}}),
     {"s.yaml:6:19: parallelism.ep = 8: does not divide the model's 12 experts"}},
    {"LayoutThatDoesNotMultiplyToTheGpus",
     small_scenario({{6, "parallelism: {tp: 3, ep: 1}"}}),
     {"s.yaml:6:19: parallelism.tp = 3: makes tp x pp x cp = 3, which does not divide the 8 GPUs"}},
    {"DpThatDoesNotMultiplyToTheGpus",
     small_scenario({{6, "parallelism: {tp: 2, dp: 2, ep: 1}"}}),
     {"s.yaml:6:26: parallelism.dp = 2: makes tp x pp x cp x dp = 4 of 8 GPUs (every GPU has one place in the layout) "
      "use the "
      "first 4 with ranks: 4"}},
    {"MoreRanksThanGpus",
     small_scenario({{6, "parallelism: {ranks: 16}"}}),
     {"s.yaml:6:22: parallelism.ranks = 16: must not exceed the cluster's 8 GPUs"}},
    {"EpThatDoesNotDivide",
     small_scenario({{6, "parallelism: {pp: 2, ep: 8}"}}),
     {"s.yaml:6:26: parallelism.ep = 8: makes ep x etp = 8, which does not divide dp x cp x tp = 4"}},
    {"DegreesThatOverflow",
     small_scenario({{6, "parallelism: {tp: 4096, pp: 4096, cp: 4096, dp: 4096, ep: 4096, etp: 4096}"}}),
     {"s.yaml:6:49: parallelism.dp = 4096: makes tp x pp x cp x dp = 281474976710656 of 8 GPUs"}},
    {"HeadsNotDivisibleByTp",
     small_scenario(
         {{4, "model: {base: small_moe, attention: {heads: 2, head_dim: 32}}"}, {6, "parallelism: {tp: 4, ep: 1}"}}),
     {"s.yaml:6:19: parallelism.tp = 4: does not divide the model's 2 attention heads"}},
    {"MoreStagesThanLayers",
     small_scenario({{6, "parallelism: {pp: 8}"}}),
     {"s.yaml:6:19: parallelism.pp = 8: must not exceed the model's 4 layers"}},
    {"BatchNotDivisible",
     small_scenario({{7, "workload: {sequence_length: 128, global_batch: 12, micro_batch: 1}"}}),
     {"s.yaml:7:48: workload.global_batch = 12: is no multiple of dp x micro_batch = 8 x 1"}},
    {"SequenceLongerThanThePositions",
     small_scenario({{4, "model: {base: small_moe, max_positions: 64}"}}),
     {"s.yaml:7:29: workload.sequence_length = 128: makes sequences of 128 tokens, but the model has 64 learned "
      "positions"}},
    {"ExpertParallelWithoutExperts",
     small_scenario({{4, "model: {base: small_moe, moe: ~, dense_ffn: {hidden: 256}}"}}),
     {"s.yaml:6:19: parallelism.ep = 8: must be 1 (the model has no MoE layers)"}},
    {"DenseLayersWithoutWidth",
     small_scenario({{4, "model: {base: small_moe, moe_every: 2}"}}),
     {"*small_moe.yaml:2:9: model.layers = 4: leaves 2 dense layers without a dense_ffn"}},
    {"NodeLimitBelowTopK",
     small_scenario({{4, model_with("top_k: 6, max_nodes_per_token: 1")}}),
     {"s.yaml:4:63: model.moe.max_nodes_per_token = 1: leaves a token 4 experts, fewer than top_k (6)"}},
    {"PayloadWithoutProjection",
     small_scenario({{4, model_with("payload_in: 16")}}),
     {"s.yaml:4:44: model.moe.payload_in = 16: differs from hidden (64) without a pre_projection"}},
    {"BigmacWithoutRatio",
     small_scenario({{4, model_with("structure: bigmac, low_rank_ratio: ~")}}),
     {"s.yaml:4:43: model.moe.structure = bigmac: needs low_rank_ratio"}},
    {"TypeThatTheGpuLacks",
     small_scenario({{4, "model: {base: small_moe, dtype: fp8}"}}),
     {"s.yaml:4:33: model.dtype = fp8: is no type that small_gpu multiplies in its matrix units"}},
};
INSTANTIATE_TEST_SUITE_P(Layouts, BadInputTest, ::testing::ValuesIn(kLayouts),
                         [](const auto& row) { return row.param.name; });

const std::string kTriangle = "cluster: {base: triangle, ";
const BadInput kClusters[] = {
    {"AbsurdBandwidth",
     small_scenario({{3, cluster_with("nic: {bandwidth: 0Gbps}, box: {pcie: {bandwidth: 1e30GB/s}}")}}),
     {"s.yaml:3:45: cluster.nic.bandwidth = 0Gbps: must be between 1.00 MB/s and 1.00 PB/s",
      "s.yaml:3:77: cluster.box.pcie.bandwidth = 1e30GB/s: must be between"}},
    {"NegativeLatency",
     small_scenario({{3, cluster_with("nic: {latency: -1us}")}}),
     {"s.yaml:3:43: cluster.nic.latency = -1us: must be between 0 s and 1.00 s"}},
    {"TooManyNodes",
     small_scenario({{3, cluster_with("nodes: 4096")}}),
     {"s.yaml:3:35: cluster.nodes = 4096: makes no GPU, or more than 4096 of them"}},
    {"NodesThatOverflow",
     small_scenario({{3, cluster_with("nodes: 4294967297")}}),
     {"s.yaml:3:35: cluster.nodes = 4294967297: must be between 1 and 4096"}},
    {"KeyThatTheTopologyDoesNotHave",
     small_scenario({{3, cluster_with("box: {sockets: 2}")}}),
     {"s.yaml:3:43: cluster.box.sockets = 2: has no effect in topology hub (it has no such part) leave it out"}},
    {"MissingCable",
     small_scenario({{3, cluster_with("topology: pcie_shared_nic")}}),
     {"*two_boxes.yaml:5:6: cluster.box.uplink.bandwidth: is needed, positive",
      "*two_boxes.yaml:5:6: cluster.box.inter_socket.bandwidth: is needed",
      "*two_boxes.yaml:5:6: cluster.box.host_memory.bandwidth: is needed"}},
    {"DisconnectedGraph",
     small_scenario(
         {{3, kTriangle + "links: [{from: a, to: hub, kind: ideal, bandwidth: 1GB/s}]}"}, {6, "parallelism: {}"}}),
     {"*triangle.yaml:5:5: cluster.nodes_list[0]: no way from a to b",
      "*triangle.yaml:5:5: cluster.nodes_list[0]: no way from b to a"}},
    {"LinkToNowhere",
     small_scenario(
         {{3, kTriangle + "links: [{from: a, to: hbu, kind: ideal, bandwidth: 1GB/s}]}"}, {6, "parallelism: {}"}}),
     {"s.yaml:3:49: cluster.links[0].to = hbu: \"hbu\" is not in nodes_list"}},
    {"NameClash",
     small_scenario(
         {{3, kTriangle + "nodes_list: [{name: a, kind: gpu, host: 0}, {name: a, kind: gpu, host: 0}], links: []}"},
          {6, "parallelism: {}"}}),
     {"s.yaml:3:40: cluster.nodes_list[0]: two nodes are called \"a\" (names must be unique)",
      "s.yaml:3:40: cluster.nodes_list[0]: no way from a to a"}},
    {"NoDevice",
     small_scenario({{3, cluster_with("device: ~")}}),
     {"s.yaml:3:10: cluster = {...}: has no device (how long kernels take follows from the GPU) add cluster.device"}},
    {"AbsurdDevice",
     small_scenario({{3, cluster_with("device: {memory: 0B, multiprocessors: -3}")}}),
     {"s.yaml:3:45: cluster.device.memory = 0B: must be between",
      "s.yaml:3:66: cluster.device.multiprocessors = -3: must be between 1 and 10000"}},
    {"UnknownComputeCapability",
     small_scenario({{3, cluster_with("device: {compute_capability: 81}")}}),
     {"s.yaml:3:57: cluster.device.compute_capability = 81: "}},
};
INSTANTIATE_TEST_SUITE_P(Clusters, BadInputTest, ::testing::ValuesIn(kClusters),
                         [](const auto& row) { return row.param.name; });

const BadInput kReferences[] = {
    {"NoSuchName",
     small_scenario({{4, "model: small_moo"}}),
     {"s.yaml:4:8: model = small_moo: is no model (there are: small_moe), did you mean small_moe?"}},
    {"PathsNeedAFolder",
     small_scenario({{4, "model: ../../etc/passwd"}}),
     {"s.yaml:4:8: model = ../../etc/passwd: is a path (a text without a file has no folder) give the name of a "
      "model"}},
    {"ReferenceIsAList",
     small_scenario({{4, "model: [small_moe]"}}),
     {"s.yaml:4:8: model = [...]: must be the name or path of a model file"}},
    {"VariantsOfTheWrongKind",
     small_scenario({{8, "variants: {a: 5, b: [1]}"}}),
     {"s.yaml:8:15: variants.a = 5: must be a map of what this variant changes",
      "s.yaml:8:21: variants.b = [...]: must be a map of what this variant changes"}},
    {"ProblemsOfOneVariantAreItsOwn",
     small_scenario({{8, "variants: {good: {}, bad: {model: {moe: {top_k: 99}}}}"}}),
     {"s.yaml:8:49: model.moe.top_k = 99: must not exceed experts (8)"}},
};
INSTANTIATE_TEST_SUITE_P(References, BadInputTest, ::testing::ValuesIn(kReferences),
                         [](const auto& row) { return row.param.name; });

const BadInput kRoutings[] = {
    {"UnusedKeys",
     small_scenario({{8, "routing: {exponent: 1, load_trace: [1, 2], distribution: uniform}"}}),
     {"s.yaml:8:21: routing.exponent = 1: has no effect with distribution uniform",
      "s.yaml:8:36: routing.load_trace = [...]: has no effect with distribution uniform"}},
    {"NegativeExponent",
     small_scenario({{8, "routing: {distribution: zipf, exponent: -1}"}}),
     {"s.yaml:8:41: routing.exponent = -1: must be between 0 and 16"}},
    {"TraceOfTheWrongLength",
     small_scenario({{8, "routing: {load_trace: [1, 2, 3]}"}}),
     {"s.yaml:8:23: routing.load_trace = [...]: has 3 loads, but the model has 8 experts"}},
    {"LoadsThatCannotBe",
     small_scenario({{8, "routing: {load_trace: [9, 1, 1, 1, 1, 1, 1, 1]}"}}),
     {"s.yaml:8:23: routing.load_trace = [...]: gives expert 0 0.562 of all choices, more than 1/top_k = 1/2"}},
    {"NegativeLoads",
     small_scenario({{8, "routing: {load_trace: [-1, 1, 1, 1, 1, 1, 1, 1]}"}}),
     {"s.yaml:8:23: routing.load_trace = [...]: must have loads that are not negative"}},
    {"ChoicesOutOfRange",
     small_scenario({{8, "routing: {choice_trace: [[0, 1], [2, 8]]}"}}),
     {"s.yaml:8:25: routing.choice_trace = [...]: must have 2 different experts from 0 to 7 in every row, and row 2 "
      "has not"}},
    {"NoTrace",
     small_scenario({{8, "routing: {distribution: load_trace}"}}),
     {"s.yaml:8:25: routing.distribution = load_trace: needs load_trace"}},
    {"UnevenPlacement",
     small_scenario({{8, "routing: {placement: [0, 0, 1, 2, 3, 4, 5, 6]}"}}),
     {"s.yaml:8:22: routing.placement = [...]: must give each of 8 ranks equally many of the 8 experts"}},
};
INSTANTIATE_TEST_SUITE_P(Routings, BadInputTest, ::testing::ValuesIn(kRoutings),
                         [](const auto& row) { return row.param.name; });

// --- files and overrides

std::vector<std::string> load_problems(const std::filesystem::path& file, const std::vector<Override>& overrides = {}) {
  return problems_of([&] { return load_scenario(file, overrides, test_roots()); });
}

TEST(BadFiles, DirectoryMissingJunkAndDevice) {
  EXPECT_THAT(load_problems(data_folder()), ElementsAre(HasSubstr("is a directory (a YAML file is expected)")));
  EXPECT_THAT(load_problems(data_folder() / "nothing.yaml"), ElementsAre(HasSubstr("nothing.yaml: does not exist")));
  EXPECT_THAT(load_problems("/dev/zero"), ElementsAre("/dev/zero: is no regular file (a YAML file is expected)"));
  const TemporaryFolder folder;
  constexpr std::string_view kElf(
      "\x7f"
      "ELF\x02\x01\x01\0\0",
      9);
  EXPECT_THAT(load_problems(folder.write("junk.yaml", kElf)), ElementsAre(HasSubstr(":1:1: byte 0x7f is no text")));
}

TEST(BadFiles, AFileThatIsItsOwnBase) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.write("a.yaml", "base: b.yaml\n");
  static_cast<void>(folder.write("b.yaml", "base: ./a.yaml\n"));
  EXPECT_THAT(load_problems(file), ElementsAre(HasSubstr("takes itself as its base")));
}

TEST(BadOverrides, AreReportedByTheirNumber) {
  const auto file = data_folder() / "configs/scenarios/small.yaml";
  const std::vector<std::string> found = load_problems(file, {{"model.moe.top_k=many"},
                                                              {"no_equals"},
                                                              {"cluster.nic.bandwith=1GB/s"},
                                                              {"variants.bigmak.model.layers=2"},
                                                              {".a=1"},
                                                              {"name=[1"}});
  EXPECT_THAT(found, ElementsAre(StartsWith("--set:1: model.moe.top_k = many: must be a whole number"),
                                 "--set:2: no_equals: must be key.path=value (e.g. model.moe.top_k=4)",
                                 StartsWith("--set:3: cluster.nic.bandwith: is no key here (known: "),
                                 StartsWith("--set:4: variants.bigmak.model.layers: names no variant of the scenario "
                                            "(there are: fine_grained, bigmac), did you mean bigmac?"),
                                 "--set:5: .a=1: must be key.path=value (e.g. model.moe.top_k=4)",
                                 StartsWith("--set:6: is not valid YAML")));
}

TEST(BadInputCosts, HostileFilesAreRefusedQuickly) {
  std::vector<std::string> texts = {std::string(1'000'000, '['), std::string(1'000'000, '-'),
                                    "a: [" + std::string(2'000'000, ',')};
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "{a: ";
  texts.push_back(nested);
  for (const std::string& text : texts) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(problems_of([&] { return load_scenario_text(text, "s.yaml", test_roots()); }).empty());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << text.substr(0, 10);
  }
}

}  // namespace
}  // namespace moesim
