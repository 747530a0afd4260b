#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

/// A file of others in a form of ours.
struct Imported {
  std::string text;                ///< CSV of samples, or YAML of a model
  std::vector<std::string> notes;  ///< what was left out, and what was taken for granted
};

/// Every reader takes the text of a file and its name (for messages). @throws InputError with what is wrong; never
/// anything else, whatever the text is.

/// What nccl-tests prints -> samples of links (collective, ranks, bytes_per_rank, time_us).
[[nodiscard]] Imported import_nccl_tests(std::string_view text, const std::string& file);

/// Hugging Face's config.json -> a model as in configs/models. @param name of the model; empty: what the file says
[[nodiscard]] Imported import_hf_config(std::string_view text, const std::string& file, const std::string& name = {});

/// A Chrome trace of torch.profiler (record_shapes=True, exported as JSON) -> samples of kernels, as
/// scripts/bench_torch.py writes them: one line for each shape, with the median of its times. Kernels belong to the
/// operator that launched them (External id, correlation), or to the nearest one around it whose shape says what it
/// does; a sample's time is that of all kernels of one call.
[[nodiscard]] Imported import_torch_profiler(std::string_view text, const std::string& file);
/// Whether the text looks like one: a JSON object with traceEvents.
[[nodiscard]] bool is_torch_profile(std::string_view text);

/// Chakra execution traces in JSON (an array, {"nodes": [...]}, or one object after the other) -> samples of links from
/// COMM_COLL_NODEs with a size and a duration. @param ranks of a collective where its node does not tell
[[nodiscard]] Imported import_chakra(std::string_view text, const std::string& file, std::optional<int> ranks = {});

}  // namespace moesim
