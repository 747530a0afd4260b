// Hugging Face's config.json (the fields of transformers' configuration classes) -> configs/models.

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <set>

#include "moesim/base/diagnostic.hpp"
#include "moesim/import/import.hpp"

#include "import/json_document.hpp"

namespace moesim {
namespace {

using nlohmann::json;

/// What the model's class says and its config.json does not.
struct HfFamily {
  std::string_view type;          ///< model_type
  std::string_view experts = {};  ///< key of the number of experts; empty: dense
  std::string_view width = {};    ///< key of an expert's width
  bool latent = false;            ///< attention of DeepSeek
  bool qk_norm = false;
  bool qkv_bias = false;
  bool biases = false;  ///< of all linear layers, whatever attention_bias says
  bool vanilla = false;
};
constexpr std::array kFamilies = {
    HfFamily{.type = "llama"},
    HfFamily{.type = "mistral"},
    HfFamily{.type = "qwen2", .qkv_bias = true},
    HfFamily{.type = "qwen3", .qk_norm = true},
    HfFamily{.type = "mixtral", .experts = "num_local_experts", .width = "intermediate_size", .vanilla = true},
    HfFamily{.type = "qwen2_moe", .experts = "num_experts", .width = "moe_intermediate_size", .qkv_bias = true},
    HfFamily{.type = "qwen3_moe", .experts = "num_experts", .width = "moe_intermediate_size", .qk_norm = true},
    HfFamily{.type = "olmoe", .experts = "num_experts", .width = "intermediate_size", .qk_norm = true},
    HfFamily{.type = "gpt_oss", .experts = "num_local_experts", .width = "intermediate_size", .biases = true},
    HfFamily{.type = "deepseek", .experts = "n_routed_experts", .width = "moe_intermediate_size"},
    HfFamily{.type = "deepseek_v2", .experts = "n_routed_experts", .width = "moe_intermediate_size", .latent = true},
    HfFamily{.type = "deepseek_v3", .experts = "n_routed_experts", .width = "moe_intermediate_size", .latent = true}};

/// Keys that say nothing of what is computed, or the same for all of these models.
constexpr std::array<std::string_view, 34> kWithoutEffect = {"architectures",
                                                             "attention_dropout",
                                                             "auto_map",
                                                             "aux_loss_alpha",
                                                             "bos_token_id",
                                                             "eos_token_id",
                                                             "ep_size",
                                                             "hidden_act",
                                                             "initializer_range",
                                                             "max_window_layers",
                                                             "model_type",
                                                             "norm_topk_prob",
                                                             "output_router_logits",
                                                             "pad_token_id",
                                                             "pretraining_tp",
                                                             "rms_norm_eps",
                                                             "rope_scaling",
                                                             "rope_theta",
                                                             "router_aux_loss_coef",
                                                             "router_jitter_noise",
                                                             "routed_scaling_factor",
                                                             "scoring_func",
                                                             "seq_aux",
                                                             "topk_method",
                                                             "transformers_version",
                                                             "use_cache",
                                                             "max_position_embeddings",
                                                             "_name_or_path",
                                                             "clip_qkv",
                                                             "initial_context_length",
                                                             "experts_per_token",
                                                             "swiglu_limit",
                                                             "layer_types",
                                                             "use_sliding_window"};

class HfReader {
 public:
  HfReader(const json& config, const std::string& file) : config_(config), file_(file) {}

  /// A whole number within [least, 10^9]; nothing and null are a problem.
  int whole(std::string_view key, int least = 1) {
    const auto value = optional_whole(key, least);
    if (!value && !reported(key)) complain(key, "is missing (a whole number is needed)");
    return value.value_or(1);
  }
  std::optional<int> optional_whole(std::string_view key, int least = 1) {
    const json& value = used(key);
    if (value.is_null()) return std::nullopt;
    const auto number = value.is_number() ? number_in(value) : std::nullopt;
    if (!number || *number < least || *number > 1e9 || *number != std::floor(*number)) {
      complain(key, fmt::format("must be a whole number of at least {}", least));
      return std::nullopt;
    }
    return static_cast<int>(*number);
  }
  bool flag(std::string_view key, bool otherwise) {
    const json& value = used(key);
    if (value.is_null()) return otherwise;
    if (!value.is_boolean()) complain(key, "must be true or false");
    return value.is_boolean() ? value.get<bool>() : otherwise;
  }
  std::string text(std::string_view key) { return text_in(used(key)); }
  const json& used(std::string_view key) {
    used_.insert(std::string(key));
    return member(config_, key);
  }
  void complain(std::string_view key, const std::string& message) {
    problems_.push_back({.file = file_, .key = std::string(key), .message = message});
  }
  void throw_problems() const {
    if (!problems_.empty()) throw InputError(problems_);
  }
  /// Keys that nobody asked for.
  [[nodiscard]] std::vector<std::string> unknown() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : config_.items()) {
      if (!used_.contains(key) && std::ranges::find(kWithoutEffect, key) == kWithoutEffect.end()) keys.push_back(key);
    }
    return keys;
  }

 private:
  [[nodiscard]] bool reported(std::string_view key) const {
    return std::ranges::find(problems_, key, &Diagnostic::key) != problems_.end();
  }

  const json& config_;
  const std::string& file_;
  std::set<std::string, std::less<>> used_;
  std::vector<Diagnostic> problems_;
};

std::string name_of(const std::string& given, HfReader& in, std::string_view type) {
  std::string name = given.empty() ? in.text("_name_or_path") : given;
  name = name.substr(name.find_last_of('/') + 1);
  std::string plain;
  for (const char c : name.empty() ? std::string(type) : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    plain += letter ? static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) : '_';
  }
  return plain;
}

std::string dtype_of(HfReader& in, std::vector<std::string>& notes) {
  const std::string old = in.text("torch_dtype");
  const std::string name = in.text("dtype").empty() ? old : in.text("dtype");
  if (name == "bfloat16" || name.empty()) return "bf16";
  if (name == "float16") return "fp16";
  if (name == "float32") return "fp32";
  notes.push_back(fmt::format("element type \"{}\" is taken as bf16", name));
  return "bf16";
}

std::string attention_yaml(HfReader& in, const HfFamily& family) {
  const int heads = in.whole("num_attention_heads");
  if (family.latent) {
    in.used("num_key_value_heads");
    in.used("head_dim");
    in.used("qk_head_dim");
    return fmt::format(
        "attention: {{kind: latent, heads: {}, q_lora_rank: {}, kv_lora_rank: {}, nope_head_dim: {}, rope_head_dim: "
        "{}, "
        "v_head_dim: {}}}\n",
        heads, in.optional_whole("q_lora_rank").value_or(0), in.whole("kv_lora_rank"), in.whole("qk_nope_head_dim"),
        in.whole("qk_rope_head_dim"), in.whole("v_head_dim"));
  }
  std::string yaml = fmt::format("attention: {{heads: {}", heads);
  if (const auto kv_heads = in.optional_whole("num_key_value_heads")) yaml += fmt::format(", kv_heads: {}", *kv_heads);
  if (const auto head_dim = in.optional_whole("head_dim")) yaml += fmt::format(", head_dim: {}", *head_dim);
  if (family.qk_norm) yaml += ", qk_norm: true";
  const bool bias = in.flag("attention_bias", false) || family.qkv_bias;
  if (bias && !family.biases) yaml += ", qkv_bias: true";
  return yaml + "}\n";
}

/// Layers before the first MoE layer, and how often one follows.
struct DenseLayers {
  int leading = 0;
  int every = 1;
};
DenseLayers dense_layers(HfReader& in) {
  DenseLayers dense;
  dense.leading = in.optional_whole("first_k_dense_replace", 0).value_or(0);
  const json& step = in.used("decoder_sparse_step");
  dense.every = in.optional_whole(step.is_null() ? "moe_layer_freq" : "decoder_sparse_step").value_or(1);
  const json& listed = in.used("mlp_only_layers");
  if (listed.is_array() && !listed.empty()) {
    for (std::size_t i = 0; i < listed.size(); ++i) {
      if (number_in(listed[i]) != static_cast<double>(i)) {
        in.complain("mlp_only_layers", "are not the first layers (dense layers in between cannot be said in a model)");
        break;
      }
    }
    dense.leading = static_cast<int>(std::min<std::size_t>(listed.size(), 1'000'000));
  }
  return dense;
}

std::string moe_yaml(HfReader& in, const HfFamily& family, int experts) {
  const std::string_view top_k = in.used("num_experts_per_tok").is_null() && family.type == "gpt_oss"
                                     ? "experts_per_token"
                                     : "num_experts_per_tok";
  const int width = in.whole(family.width);
  std::string yaml =
      fmt::format("moe:\n  structure: {}\n  experts: {}\n  top_k: {}\n  ffn_hidden: {}\n  expert_kind: gated\n",
                  family.vanilla ? "vanilla" : "fine_grained", experts, in.whole(top_k), width);
  if (const auto shared = in.optional_whole("n_shared_experts", 0); shared.value_or(0) > 0) {
    yaml += fmt::format("  shared_experts: {}\n  shared_ffn_hidden: {}\n", *shared, width);
  }
  if (const auto shared = in.optional_whole("shared_expert_intermediate_size", 0); shared.value_or(0) > 0) {
    yaml += fmt::format("  shared_experts: 1\n  shared_ffn_hidden: {}\n  shared_expert_gate: true\n", *shared);
  }
  return yaml;
}

void note_what_is_lost(HfReader& in, std::vector<std::string>& notes) {
  const json& window = in.used("sliding_window");
  if (!window.is_null() && in.flag("use_sliding_window", true)) {
    notes.emplace_back("attention windows are left out: every layer attends to its whole context");
  }
  if (!in.used("quantization_config").is_null()) {
    notes.emplace_back("quantized weights are left out: set dtype, moe.dispatch_dtype and combine_dtype by hand");
  }
  if (in.optional_whole("num_nextn_predict_layers", 0).value_or(0) > 0) {
    notes.emplace_back("layers that predict further tokens are left out");
  }
  const int groups = in.optional_whole("n_group").value_or(1);
  const int chosen = in.optional_whole("topk_group").value_or(1);
  if (groups > chosen) {
    notes.push_back(
        fmt::format("experts are chosen from {} of {} groups: where a group is a machine, set "
                    "moe.max_nodes_per_token: {}",
                    chosen, groups, chosen));
  }
  const std::vector<std::string> unknown = in.unknown();
  if (!unknown.empty()) notes.push_back(fmt::format("not used: {}", fmt::join(unknown, ", ")));
}

const HfFamily& family_of(HfReader& in) {
  const std::string type = in.text("model_type");
  const auto found = std::ranges::find(kFamilies, type, &HfFamily::type);
  if (found != kFamilies.end()) return *found;
  std::string known;
  for (const HfFamily& one : kFamilies) known += (known.empty() ? "" : ", ") + std::string(one.type);
  in.complain("model_type", type.empty() ? fmt::format("is missing (one of: {})", known)
                                         : fmt::format("\"{}\" is not known (one of: {}); write the model by hand, "
                                                       "docs/configuration.md",
                                                       type, known));
  in.throw_problems();
  return kFamilies.front();
}

}  // namespace

Imported import_hf_config(std::string_view text, const std::string& file, const std::string& name) {
  const json whole = parse_json(text, file);
  if (!whole.is_object())
    throw InputError({Diagnostic{.file = file, .message = "is no object (a config.json is one)"}});
  Imported result;
  const bool nested = !member(whole, "model_type").is_null() && member(whole, "num_hidden_layers").is_null() &&
                      member(whole, "text_config").is_object();
  if (nested) result.notes.emplace_back("only text_config is taken (the language model)");
  const json& config = nested ? member(whole, "text_config") : whole;
  HfReader in(config, file);
  const HfFamily& family = family_of(in);

  const bool has_experts = !family.experts.empty() && !in.used(family.experts).is_null();
  const DenseLayers dense = has_experts ? dense_layers(in) : DenseLayers{};
  const std::string model_name = name_of(name, in, family.type);
  std::string yaml = fmt::format(
      "# From Hugging Face's config.json ({}).\nname: {}\nlayers: {}\nhidden: {}\nvocabulary: {}\ntied_embedding: {}\n"
      "biases: {}\nnorm: rms_norm\ndtype: {}\n",
      family.type, model_name, in.whole("num_hidden_layers"), in.whole("hidden_size"), in.whole("vocab_size"),
      in.flag("tie_word_embeddings", false), family.biases || in.flag("mlp_bias", false), dtype_of(in, result.notes));
  yaml += attention_yaml(in, family);
  if (!has_experts || dense.leading > 0 || dense.every > 1) {
    yaml += fmt::format("dense_ffn: {{hidden: {}, kind: gated}}\n", in.whole("intermediate_size"));
  } else {
    in.used("intermediate_size");
  }
  if (has_experts) {
    yaml += moe_yaml(in, family, in.whole(family.experts));
    if (in.text("topk_method") == "noaux_tc") yaml += "router_bias: true\n";
    yaml += fmt::format("leading_dense_layers: {}\nmoe_every: {}\n", dense.leading, dense.every);
  }
  in.throw_problems();
  note_what_is_lost(in, result.notes);
  in.throw_problems();
  result.text = std::move(yaml);
  return result;
}

}  // namespace moesim
