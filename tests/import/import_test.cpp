#include "moesim/import/import.hpp"

#include <gtest/gtest.h>

#include "moesim/base/diagnostic.hpp"
#include "moesim/fit/fit_kernels.hpp"
#include "moesim/fit/fit_links.hpp"
#include "moesim/model/counts.hpp"
#include "moesim/scenario/load.hpp"

#include "base/temporary_folder.hpp"

namespace moesim {
namespace {

using testing::TemporaryFolder;

const std::filesystem::path kSource = MOESIM_SOURCE_DIR;

std::string refusal(const std::string& config) {
  try {
    static_cast<void>(import_hf_config(config, "config.json"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

/// The model that an imported config.json makes.
Model imported_model(const std::string& config) {
  const TemporaryFolder folder;
  return load_model(folder.write("model.yaml", import_hf_config(config, "config.json").text), {}, {.roots = {kSource}});
}

Model shipped_model(const std::string& name) {
  return load_model(kSource / "configs" / "models" / (name + ".yaml"), {}, {.roots = {kSource}});
}

void expect_same(const Model& one, const Model& other) {
  EXPECT_EQ(total_parameters(one), total_parameters(other));
  EXPECT_EQ(one.layers, other.layers);
  EXPECT_EQ(one.moe_layers(), other.moe_layers());
  ASSERT_EQ(one.moe.has_value(), other.moe.has_value());
  if (one.moe) {
    EXPECT_EQ(one.moe->top_k, other.moe->top_k);
    EXPECT_EQ(one.moe->payload_in, other.moe->payload_in);
  }
}

// Written by hand from the published values; the shipped files are of the same models.
TEST(HfConfig, PublishedModels_AreTheShippedOnes) {
  expect_same(
      imported_model(R"({"model_type": "mixtral", "num_hidden_layers": 32, "hidden_size": 4096, "vocab_size": 32000,
    "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "num_local_experts": 8,
    "num_experts_per_tok": 2, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "sliding_window": null})"),
      shipped_model("mixtral_8x7b"));
  expect_same(
      imported_model(R"({"model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "vocab_size": 151936,
    "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144,
    "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "attention_bias": false})"),
      shipped_model("qwen3_30b_a3b"));
  expect_same(imported_model(
                  R"({"model_type": "deepseek_v2", "num_hidden_layers": 27, "hidden_size": 2048, "vocab_size": 102400,
    "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "n_routed_experts": 64, "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1, "moe_layer_freq": 1,
    "n_group": 1, "topk_group": 1})"),
              shipped_model("deepseek_v2_lite"));
}

// Llama 3 8B: 8,030,261,248 parameters as published.
TEST(HfConfig, DenseLlama_HasItsPublishedParameters) {
  const Model model = imported_model(R"({"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096,
    "vocab_size": 128256, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336})");
  EXPECT_FALSE(model.moe);
  EXPECT_EQ(total_parameters(model), 8'030'261'248);
}

TEST(HfConfig, SaysAllThatIsWrong_AndWhatIsNotUsed) {
  const std::string missing = refusal(R"({"model_type": "mixtral", "num_hidden_layers": 32.5, "hidden_size": 4096})");
  for (const char* key : {"num_hidden_layers", "vocab_size", "num_attention_heads"}) {
    EXPECT_NE(missing.find(key), std::string::npos) << missing;
  }
  EXPECT_NE(refusal(R"({"model_type": "jamba"})").find("is not known (one of: llama"), std::string::npos);
  EXPECT_NE(refusal("{\"model_type\": \n oops}").find("config.json:2:"), std::string::npos);
  EXPECT_NE(refusal("[]").find("is no object"), std::string::npos);
  const Imported imported = import_hf_config(
      R"({"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "vocab_size": 100, "num_attention_heads": 2,
          "intermediate_size": 128, "wormhole": 3})",
      "config.json", "tiny");
  EXPECT_NE(imported.text.find("name: tiny\n"), std::string::npos);
  ASSERT_EQ(imported.notes.size(), 1U);
  EXPECT_EQ(imported.notes[0], "not used: wormhole");
}

constexpr const char* kNcclTests =
    "# nThread 1 nGpus 1 minBytes 1024\n# Collective test starting: alltoall_perf\n"
    "#  Rank  0 Group  0 Pid  11 on  host-a device  0 [0x18] NVIDIA H100\n"
    "#  Rank  1 Group  0 Pid  12 on  host-a device  1 [0x2a] NVIDIA H100\n"
    "        1024           256     float    none      -1    12.50    0.08    0.08      0    11.00    0.09    0.09     "
    " 0\n";

TEST(NcclTests, BecomeSamplesThatCalibrateReads) {
  const Imported imported = import_nccl_tests(kNcclTests, "out.txt");
  const TemporaryFolder folder;
  const std::vector<LinkSample> samples = read_link_samples(folder.write("links.csv", imported.text).string());
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].kind, CollectiveKind::all_to_all);
  EXPECT_EQ(samples[0].ranks, 2);
  EXPECT_EQ(samples[0].bytes, 1024);
  EXPECT_NEAR(samples[0].seconds, 12.5e-6, 1e-12);
}

// A linear layer (whose product is the inner operator), twice; attention that calls another operator; a kernel whose
// operator says nothing of its shape; a launch that is known by its correlation alone.
constexpr const char* kProfile = R"({"deviceProperties": [{"name": "NVIDIA H100"}], "traceEvents": [
  {"ph": "X", "cat": "cpu_op", "name": "aten::linear", "pid": 1, "tid": 1, "ts": 0, "dur": 100, "args": {"External id": 1}},
  {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 1, "tid": 1, "ts": 10, "dur": 50, "args": {"External id": 2,
     "Input Dims": [[256, 1024], [1024, 4096]], "Input Strides": [[1024, 1], [1, 1024]],
     "Input type": ["c10::BFloat16", "c10::BFloat16"]}},
  {"ph": "X", "cat": "kernel", "name": "nvjet", "ts": 200, "dur": 30.5, "args": {"External id": 2, "correlation": 7}},
  {"ph": "X", "cat": "kernel", "name": "splitk", "ts": 240, "dur": 1.5, "args": {"External id": 2, "correlation": 8}},
  {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 1, "tid": 1, "ts": 110, "dur": 50, "args": {"External id": 3,
     "Input Dims": [[256, 1024], [1024, 4096]], "Input Strides": [[1024, 1], [1, 1024]],
     "Input type": ["c10::BFloat16", "c10::BFloat16"]}},
  {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "ts": 120, "dur": 5, "args": {"External id": 3, "correlation": 9}},
  {"ph": "X", "cat": "kernel", "name": "nvjet", "ts": 300, "dur": 34, "args": {"correlation": 9}},
  {"ph": "X", "cat": "cpu_op", "name": "aten::_scaled_dot_product_flash_attention", "pid": 1, "tid": 1, "ts": 170, "dur": 60,
     "args": {"External id": 4, "Input Dims": [[2, 16, 512, 64], [2, 4, 512, 64], [2, 4, 512, 64], [], []],
     "Input type": ["c10::BFloat16", "c10::BFloat16", "c10::BFloat16", "Scalar", "Scalar"],
     "Concrete Inputs": ["", "", "", "0.", "True", "False"]}},
  {"ph": "X", "cat": "cpu_op", "name": "aten::_flash_attention_forward", "pid": 1, "tid": 1, "ts": 180, "dur": 20,
     "args": {"External id": 5}},
  {"ph": "X", "cat": "kernel", "name": "flash_fwd", "ts": 400, "dur": 20, "args": {"External id": 5}},
  {"ph": "X", "cat": "cpu_op", "name": "aten::topk", "pid": 1, "tid": 1, "ts": 240, "dur": 20, "args": {"External id": 6}},
  {"ph": "X", "cat": "kernel", "name": "gatherTopK", "ts": 500, "dur": 9, "args": {"External id": 6}},
  {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "python"}}]})";

TEST(TorchProfiler, KernelsBelongToTheNearestOperatorWithAShape) {
  ASSERT_TRUE(is_torch_profile(kProfile));
  EXPECT_FALSE(is_torch_profile("kernel,dtype\n"));
  const Imported imported = import_torch_profiler(kProfile, "trace.json");
  // Of two calls, 32 and 34 us, the larger is the nearest to the middle.
  EXPECT_NE(imported.text.find("gemm,bf16,256,4096,1024,,,TN,,,,,,,,,,34.000,2,0"), std::string::npos) << imported.text;
  const std::vector<KernelSample> samples = parse_kernel_samples(imported.text, "trace.json");
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].law, "attention.prefill.bf16");
  EXPECT_EQ(samples[0].attention.kv_heads, 4);
  EXPECT_TRUE(samples[0].attention.causal);
  EXPECT_NEAR(samples[0].seconds, 20e-6, 1e-12);
  EXPECT_EQ(samples[1].law, "gemm.bf16");
  EXPECT_FALSE(samples[1].cold);
  ASSERT_GE(imported.notes.size(), 2U);
  EXPECT_EQ(imported.notes[0], "4 of 5 kernels (86 of 95 us) belong to 3 calls of 2 shapes");
  EXPECT_EQ(imported.notes[1], "not identified, 9 us: aten::topk 9 us");
}

TEST(TorchProfiler, NothingKnown_IsSaid) {
  EXPECT_THROW(static_cast<void>(import_torch_profiler(R"({"traceEvents": []})", "trace.json")), InputError);
  EXPECT_THROW(static_cast<void>(import_torch_profiler(R"({"traceEvents": {}})", "trace.json")), InputError);
  EXPECT_THROW(static_cast<void>(import_torch_profiler("[1, 2", "trace.json")), InputError);
}

constexpr const char* kChakra = R"({"version": "0.0.4"}
{"id": "1", "name": "all_to_all", "type": "COMM_COLL_NODE", "durationMicros": "250",
 "attr": [{"name": "comm_type", "int64Val": "6"}, {"name": "comm_size", "int64Val": "1048576"}, {"name": "pg_size", "int64Val": "8"}]}
{"id": "2", "name": "broadcast", "type": 7, "durationMicros": "10",
 "attr": [{"name": "comm_type", "int64Val": "5"}, {"name": "comm_size", "int64Val": "64"}]}
{"id": "3", "name": "all_reduce", "type": "COMM_COLL_NODE", "duration_micros": 40,
 "attr": [{"name": "comm_type", "stringVal": "ALL_REDUCE"}, {"name": "comm_size", "uint64Val": "4096"}]}
{"id": "4", "name": "gemm", "type": "COMP_NODE", "durationMicros": "77"})";

TEST(Chakra, CollectivesWithSizeAndDuration) {
  const Imported own = import_chakra(kChakra, "et.json");
  EXPECT_NE(own.text.find("all_to_all,8,1048576,250\n"), std::string::npos) << own.text;
  EXPECT_EQ(own.text.find("all_reduce"), std::string::npos);  // its ranks are not told
  const Imported told = import_chakra(kChakra, "et.json", 4);
  EXPECT_NE(told.text.find("all_reduce,4,4096,40\n"), std::string::npos) << told.text;
  EXPECT_EQ(told.notes[0], "2 collectives of 4 nodes");
  EXPECT_NE(told.notes[1].find("1 of a kind that has no law"), std::string::npos) << told.notes[1];
  const std::string listed = R"({"nodes": [{"type": "COMM_COLL_NODE", "durationMicros": 5, "attr": [
    {"name": "comm_type", "int64Val": 0}, {"name": "comm_size", "int64Val": 8}, {"name": "pg_size", "int64Val": 2}]}]})";
  EXPECT_NE(import_chakra(listed, "et.json").text.find("all_reduce,2,8,5\n"), std::string::npos);
  EXPECT_THROW(static_cast<void>(import_chakra("{}", "et.json")), InputError);
  EXPECT_THROW(static_cast<void>(import_chakra("{\"a\": [1}", "et.json")), InputError);
}

}  // namespace
}  // namespace moesim
