#include <algorithm>

#include "scenario/choices.hpp"
#include "scenario/sections.hpp"

namespace moesim {
namespace {

constexpr Limits<int> kTokens = {1, 1 << 24};
constexpr Limits<int> kSequences = {1, 1 << 24};

std::vector<RecomputeModule> read_recompute_modules(Reader& in) {
  std::vector<RecomputeModule> modules;
  const std::string_view key = "recompute_modules";
  for (const std::string& word :
       in.texts({key, "also made again: layernorm, moe_act, mla_up_proj, mlp, shared_experts (Megatron's names)"},
                kRecomputeModules.size())) {
    const auto known = std::ranges::find(kRecomputeModules, word, &NamedRecomputeModule::name);
    in.require(known != kRecomputeModules.end(), {key},
               "has no {} (one of layernorm, moe_act, mla_up_proj, mlp, shared_experts)", word);
    if (known != kRecomputeModules.end() && std::ranges::find(modules, known->module) == modules.end()) {
      modules.push_back(known->module);
    }
  }
  return modules;
}

}  // namespace

TrainingWorkload read_training(Reader in) {
  TrainingWorkload workload;
  workload.sequence_length = in.integer({"sequence_length", "tokens of a sequence"}, kTokens);
  workload.global_batch = in.integer({"global_batch", "sequences of an iteration, over all ranks"}, kSequences);
  workload.micro_batch = in.integer({"micro_batch", "sequences that a data-parallel rank works on at a time"},
                                    kSequences, workload.micro_batch);
  workload.recompute =
      in.choice({"recompute", "what the backward pass makes again: nothing, attention scores, whole layers"},
                kRecomputeChoices, workload.recompute);
  workload.recompute_modules = read_recompute_modules(in);
  in.reject_unknown_keys();
  return workload;
}

InferenceWorkload read_inference(Reader in) {
  InferenceWorkload workload;
  workload.batch = in.integer({"batch", "sequences at a time, over all data-parallel ranks"}, kSequences);
  workload.prompt_tokens = in.integer({"prompt_tokens", "tokens of each prompt"}, kTokens);
  workload.generated_tokens = in.integer(
      {"generated_tokens", "tokens made per sequence, the prefill's one among them; 0: prompts are only scored"},
      {0, kTokens.hi}, workload.generated_tokens);
  in.reject_unknown_keys();
  return workload;
}

}  // namespace moesim
