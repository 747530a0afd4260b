// Execution traces of MLCommons Chakra (schema/protobuf/et_def.proto) in the JSON form of their protobuf: nodes with
// name, type, durationMicros and attr, a list of {name, int64Val | stringVal | ...}.

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "moesim/base/diagnostic.hpp"
#include "moesim/import/import.hpp"

#include "import/json_document.hpp"
#include "import/link_table.hpp"

namespace moesim {
namespace {

using nlohmann::json;

/// CollectiveCommType of the schema.
struct ChakraCollective {
  std::string_view name;
  double number;
  CollectiveKind kind;
};
constexpr std::array kCollectiveTypes = {ChakraCollective{"ALL_REDUCE", 0, CollectiveKind::all_reduce},
                                         ChakraCollective{"ALL_GATHER", 2, CollectiveKind::all_gather},
                                         ChakraCollective{"ALL_TO_ALL", 6, CollectiveKind::all_to_all},
                                         ChakraCollective{"REDUCE_SCATTER", 7, CollectiveKind::reduce_scatter}};
constexpr double kCommunication = 7;  // NodeType COMM_COLL_NODE
constexpr double kCompute = 4;        // NodeType COMP_NODE
constexpr double kMostRanks = 1e6;

/// Fields are in lowerCamelCase, or as the schema spells them.
const json& field(const json& node, std::string_view camel, std::string_view plain) {
  const json& value = member(node, camel);
  return value.is_null() ? member(node, plain) : value;
}

/// The value of an attribute, whichever its type; null when there is none.
const json& attribute(const json& node, std::string_view name) {
  static const json kNone;
  const json& list = member(node, "attr");
  if (!list.is_array()) return kNone;
  for (const json& one : list) {
    if (text_in(member(one, "name")) != name) continue;
    for (const auto& [key, value] : one.items()) {
      if (key != "name" && key != "docString" && key != "doc_string") return value;
    }
  }
  return kNone;
}

bool has_type(const json& node, std::string_view name, double number) {
  const json& type = member(node, "type");
  return text_in(type) == name || number_in(type) == number;
}

std::optional<CollectiveKind> collective_of(const json& node) {
  const json& type = attribute(node, "comm_type");
  for (const ChakraCollective& one : kCollectiveTypes) {
    if (text_in(type) == one.name || number_in(type) == one.number) return one.kind;
  }
  return std::nullopt;
}

std::optional<int> ranks_of(const json& node) {
  for (const std::string_view name : {"pg_size", "group_size", "comm_group_size", "world_size"}) {
    const auto number = number_in(attribute(node, name));
    if (number && *number >= 2 && *number <= kMostRanks && *number == std::floor(*number))
      return static_cast<int>(*number);
  }
  return std::nullopt;
}

std::vector<json> nodes_in(std::string_view text, const std::string& file) {
  std::vector<json> nodes;
  const auto take = [&](const json& value) {
    if (value.is_object() && !member(value, "type").is_null()) nodes.push_back(value);
  };
  for (const json& value : parse_json_sequence(text, file)) {
    const json& listed = value.is_array() ? value : field(value, "nodes", "node");
    if (listed.is_array()) {
      for (const json& one : listed) take(one);
    } else {
      take(value);
    }
  }
  return nodes;
}

}  // namespace

Imported import_chakra(std::string_view text, const std::string& file, std::optional<int> ranks) {
  std::vector<LinkSample> samples;
  std::map<std::string, int> left_out;  // reason -> nodes
  std::size_t compute = 0;
  double compute_us = 0;
  const std::vector<json> nodes = nodes_in(text, file);
  for (const json& node : nodes) {
    const double microseconds = number_in(field(node, "durationMicros", "duration_micros")).value_or(0);
    if (has_type(node, "COMP_NODE", kCompute)) {
      ++compute;
      compute_us += std::max(microseconds, 0.0);
    }
    if (!has_type(node, "COMM_COLL_NODE", kCommunication)) continue;
    const auto kind = collective_of(node);
    const double bytes = number_in(attribute(node, "comm_size")).value_or(0);
    const std::optional<int> own = ranks_of(node);
    const std::optional<int> group = own ? own : ranks;
    const char* reason = !kind               ? "of a kind that has no law (broadcast, gather ...)"
                         : bytes < 1         ? "without comm_size"
                         : microseconds <= 0 ? "without a duration"
                         : !group            ? "that do not tell the ranks (--ranks N)"
                                             : nullptr;
    if (reason != nullptr) {
      ++left_out[reason];
    } else {
      samples.push_back({*kind, *group, bytes, microseconds * 1e-6, {}});
    }
  }
  std::string reasons;
  for (const auto& [reason, count] : left_out)
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, reason);
  if (samples.empty()) {
    throw InputError(
        {Diagnostic{.file = file,
                    .message = fmt::format("has no collective with kind, size, duration and ranks ({} nodes{}{})",
                                           nodes.size(), reasons.empty() ? "" : "; collectives ", reasons)}});
  }
  Imported result{.text = link_table(samples, "from a Chakra execution trace; bytes_per_rank is its comm_size"),
                  .notes = {}};
  result.notes.push_back(fmt::format("{} collectives of {} nodes", samples.size(), nodes.size()));
  if (!reasons.empty()) result.notes.push_back("collectives left out: " + reasons);
  if (compute > 0) {
    result.notes.push_back(
        fmt::format("{} COMP_NODEs ({:.0f} us) are left out: their shapes are not in the trace (import "
                    "torch-profiler has them)",
                    compute, compute_us));
  }
  result.notes.emplace_back(
      "durations of a trace hold what each rank waited for the others: times of nccl-tests are shorter");
  return result;
}

}  // namespace moesim
