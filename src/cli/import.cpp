#include "moesim/import/import.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

#include "cli/command.hpp"
#include "cli/common.hpp"
#include "cli/csv_reader.hpp"
#include "cli/output.hpp"

namespace moesim::cli {
namespace {

struct ImportOptions {
  CommonOptions common;
  std::string format;
  std::string file;
  std::string name;
  std::optional<int> ranks;
};

ImportOptions read_options(const Arguments& arguments, const Environment& environment) {
  std::vector<Diagnostic> problems;
  ImportOptions options;
  options.common = read_common(arguments, environment, problems);
  options.format = *arguments.one("FORMAT");
  options.file = *arguments.one("FILE");
  if (const std::string* name = arguments.one("--name")) {
    options.name = *name;
    if (options.format != "hf-config") problems.push_back({.key = "--name", .message = "is of a model (hf-config)"});
  }
  if (const std::string* ranks = arguments.one("--ranks")) {
    int value = 0;
    const auto [end, error] = std::from_chars(ranks->data(), ranks->data() + ranks->size(), value);
    if (error != std::errc{} || end != ranks->data() + ranks->size() || value < 2 || value > 1'000'000) {
      problems.push_back({.key = "--ranks", .message = "must be a whole number from 2 to 1000000"});
    }
    if (options.format != "chakra") problems.push_back({.key = "--ranks", .message = "is of a Chakra trace"});
    options.ranks = value;
  }
  throw_if_any(problems);
  return options;
}

Imported import_file(const ImportOptions& options) {
  const std::string text = read_text(options.file);
  if (options.format == "nccl-tests") return import_nccl_tests(text, options.file);
  if (options.format == "hf-config") return import_hf_config(text, options.file, options.name);
  if (options.format == "torch-profiler") return import_torch_profiler(text, options.file);
  return import_chakra(text, options.file, options.ranks);
}

Output run_import(const ImportOptions& options) {
  Imported imported = import_file(options);
  return {.text = std::move(imported.text), .file = options.common.output, .notes = std::move(imported.notes)};
}

}  // namespace

Command import_command() {
  Command command{
      .name = "import",
      .summary = "files of others in our forms: measured collectives, kernels of a trace, models",
      .description =
          "nccl-tests: what its programs print -> samples of links (CSV). hf-config: Hugging Face's config.json "
          "(Mixtral, Qwen2-MoE, Qwen3-MoE, DeepSeek-V2 and -V3, OLMoE, GPT-OSS, dense Llama, Mistral, Qwen) -> a model "
          "(YAML). torch-profiler: a Chrome trace of torch.profiler with record_shapes=True -> samples of kernels "
          "(CSV); `calibrate` takes such a trace as it is, too. chakra: MLCommons' execution traces in JSON -> samples "
          "of links (CSV). What is not used is counted and said.",
      .options =
          {{.name = "FORMAT",
            .help = "whose file it is",
            .choices = {"nccl-tests", "hf-config", "torch-profiler", "chakra"},
            .required = true},
           {.name = "FILE", .help = "the file, or - for standard input", .required = true},
           {.name = "--name", .value = "NAME", .help = "hf-config: name of the model (default: what the file says)"},
           {.name = "--ranks", .value = "N", .help = "chakra: ranks of the collectives whose nodes do not tell"}},
      .examples = {{"import hf-config config.json -o configs/models/my_model.yaml", "a model from Hugging Face"},
                   {"import nccl-tests alltoall_perf.txt -o collectives.csv", "measured collectives"},
                   {"import torch-profiler trace.json -o kernels.csv", "kernels of a training step"},
                   {"import chakra rank0.json --ranks 8 -o collectives.csv", "collectives of an execution trace"}}};
  const std::vector<Option> common = common_options({.model = false});
  std::ranges::copy_if(common, std::back_inserter(command.options), [](const Option& option) {
    return option.name != "--format" && option.name != "--config-root";
  });
  command.run = [](const Arguments& arguments, const Environment& environment) {
    return run_import(read_options(arguments, environment));
  };
  return command;
}

}  // namespace moesim::cli
