#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "moesim/base/quantity_text.hpp"

#include "scenario/choices.hpp"
#include "scenario/reader_words.hpp"
#include "scenario/sections.hpp"
#include "scenario/trace_text.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostTraceBytes = std::size_t{64} << 20U;
constexpr std::size_t kMostTraceNumbers = 10'000'000;

enum class Distribution { uniform, zipf, load_trace, choice_trace };
constexpr std::array kDistributions = {Choice<Distribution>{"uniform", Distribution::uniform},
                                       Choice<Distribution>{"zipf", Distribution::zipf},
                                       Choice<Distribution>{"load_trace", Distribution::load_trace},
                                       Choice<Distribution>{"choice_trace", Distribution::choice_trace}};

/// Numbers of a row written in the configuration itself; nullopt when one of them is none.
std::optional<std::vector<double>> inline_row(const ConfigNode& node) {
  std::vector<double> row;
  for (const ConfigPtr& item : node.items()) {
    const auto value = item->kind() == ConfigNode::Kind::scalar ? finite_number(item->text()) : std::nullopt;
    if (!value) return std::nullopt;
    row.push_back(*value);
  }
  return row;
}

/// Rows of a trace: a list (of numbers, or of lists of numbers) or the name of a CSV file. Empty when it cannot be
/// read.
std::vector<std::vector<double>> read_rows(Reader& in, std::string_view key, const ConfigNode& node, Sources& sources) {
  if (node.kind() == ConfigNode::Kind::scalar) {
    auto& problems = in.log().problems;
    const auto trace = sources.open_trace(node, fmt::format("{}.{}", in.path(), key), kMostTraceBytes, problems);
    return trace ? parse_rows(*trace->text, trace->path, kMostTraceNumbers, problems)
                 : std::vector<std::vector<double>>();
  }
  const bool nested = !node.items().empty() && node.items().front()->kind() == ConfigNode::Kind::sequence;
  std::vector<std::vector<double>> rows;
  for (const ConfigPtr& item : node.items()) {
    auto row = nested && item->kind() == ConfigNode::Kind::sequence ? inline_row(*item) : std::nullopt;
    if (nested && row) rows.push_back(std::move(*row));
  }
  if (!nested) {
    if (auto row = inline_row(node)) rows.push_back(std::move(*row));
  }
  if (rows.size() != (nested ? node.items().size() : 1)) {
    in.problem(key, "must be a list of numbers or the path of a CSV file");
    return {};
  }
  return rows;
}

void complete_rows(Reader& in, std::string_view key, const std::vector<std::vector<double>>& rows, bool nested) {
  if (in.completed() == nullptr) return;
  std::vector<ConfigPtr> items;
  for (const std::vector<double>& row : rows) {
    std::vector<ConfigPtr> numbers;
    for (const double value : row) numbers.push_back(ConfigNode::scalar({}, fmt::to_string(value)));
    if (nested) {
      items.push_back(ConfigNode::sequence({}, std::move(numbers)));
    } else {
      items.insert(items.end(), numbers.begin(), numbers.end());
    }
  }
  in.completed()->put(key, ConfigNode::sequence({}, std::move(items)));
}

LoadTrace read_load_trace(Reader& in, const ConfigNode& node, Sources& sources, const MoeLayer* moe) {
  constexpr std::string_view kKey = "load_trace";
  const std::size_t before = in.log().problems.size();
  const auto rows = read_rows(in, kKey, node, sources);
  LoadTrace trace;
  for (const auto& row : rows) trace.loads.insert(trace.loads.end(), row.begin(), row.end());
  complete_rows(in, kKey, {trace.loads}, false);
  if (in.log().problems.size() > before || moe == nullptr) return trace;
  if (trace.loads.size() != static_cast<std::size_t>(moe->experts)) {
    in.problem(kKey, fmt::format("has {} loads, but the model has {} experts", trace.loads.size(), moe->experts));
    return trace;
  }
  const double sum = std::accumulate(trace.loads.begin(), trace.loads.end(), 0.0);
  const auto [least, most] = std::minmax_element(trace.loads.begin(), trace.loads.end());
  if (!(*least >= 0 && sum > 0 && std::isfinite(sum))) {
    in.problem(kKey, "must have loads that are not negative, and one at least that is not zero");
  } else if (*most / sum * moe->top_k > 1 + 1e-6) {  // 1e-6: printed with few digits
    in.problem(
        kKey,
        fmt::format("gives expert {} {:.3g} of all choices, more than 1/top_k = 1/{} (a token chooses an expert once)",
                    most - trace.loads.begin(), *most / sum, moe->top_k));
  }
  return trace;
}

ChoiceTrace read_choice_trace(Reader& in, const ConfigNode& node, Sources& sources, const MoeLayer* moe) {
  constexpr std::string_view kKey = "choice_trace";
  const std::size_t before = in.log().problems.size();
  const auto rows = read_rows(in, kKey, node, sources);
  complete_rows(in, kKey, rows, true);
  ChoiceTrace trace;
  if (in.log().problems.size() > before || moe == nullptr) return trace;
  if (rows.empty()) in.problem(kKey, "has no tokens");
  for (std::size_t token = 0; token < rows.size(); ++token) {
    std::vector<int> choices;
    for (const double value : rows[token]) {
      const bool is_expert = value >= 0 && value < moe->experts && value == std::floor(value);
      choices.push_back(is_expert ? static_cast<int>(value) : -1);
    }
    std::vector<int> sorted = choices;
    std::sort(sorted.begin(), sorted.end());
    if (choices.size() != static_cast<std::size_t>(moe->top_k) || sorted.front() < 0 ||
        std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      in.problem(kKey, fmt::format("must have {} different experts from 0 to {} in every row, and row {} has not",
                                   moe->top_k, moe->experts - 1, token + 1));
      return trace;  // one row shows what is wrong
    }
    trace.choices.push_back(std::move(choices));
  }
  return trace;
}

/// Rank of each expert; empty: contiguous blocks.
std::vector<int> read_placement(Reader& in, const MoeLayer* moe, int ep) {
  const Key key = {"placement", "contiguous, round_robin, or a list: the rank (0 to ep - 1) of each expert"};
  const ConfigPtr node = in.raw(key, "text or list");
  if (node == nullptr) return {};
  if (node->kind() == ConfigNode::Kind::scalar) {
    const bool round_robin = node->text() == "round_robin";
    if (!round_robin && node->text() != "contiguous") {
      in.problem(key.name, "must be contiguous, round_robin or a list of ranks");
      return {};
    }
    if (in.completed() != nullptr) in.completed()->put(key.name, node->text());
    if (!round_robin || moe == nullptr) return {};
    std::vector<int> ranks(static_cast<std::size_t>(moe->experts));
    for (std::size_t e = 0; e < ranks.size(); ++e) ranks[e] = static_cast<int>(e) % ep;
    return ranks;
  }
  const std::size_t before = in.log().problems.size();
  std::vector<int> ranks = in.integers(key, {0, kMostRanks}, kMostExperts);
  if (moe == nullptr || in.log().problems.size() > before) return {};
  std::vector<int> held(static_cast<std::size_t>(ep), 0);
  for (const int rank : ranks) {
    if (rank < ep) ++held[static_cast<std::size_t>(rank)];
  }
  const bool even = std::all_of(held.begin(), held.end(), [&](int count) { return count * ep == moe->experts; });
  if (ranks.size() != static_cast<std::size_t>(moe->experts) || !even) {
    in.problem(key.name, fmt::format("must give each of {} ranks equally many of the {} experts", ep, moe->experts));
    return {};
  }
  return ranks;
}

}  // namespace

RoutingSection read_routing(Reader in, Sources* sources, const MoeLayer* moe, int ep) {
  RoutingSection section;
  const Distribution fallback = in.describing()          ? Distribution::uniform
                                : in.has("load_trace")   ? Distribution::load_trace
                                : in.has("choice_trace") ? Distribution::choice_trace
                                                         : Distribution::uniform;
  const Distribution distribution = in.choice({"distribution", "how tokens choose experts"}, kDistributions, fallback);
  const auto only_for = [&](std::string_view key, Distribution user) {
    if (in.describing() || distribution == user) return true;
    if (in.has(key))
      in.problem(key, fmt::format("has no effect with distribution {}",
                                  kDistributions[static_cast<std::size_t>(distribution)].name));
    in.ignore(key);
    return false;
  };
  if (only_for("exponent", Distribution::zipf)) {
    ZipfRouting zipf;
    zipf.exponent = in.number({"exponent", "zipf: 0 is uniform, 1.2 strong skew"}, {0, 16});
    section.config.distribution = zipf;
  }
  if (only_for("shuffle", Distribution::zipf)) {
    const bool shuffle =
        in.flag({"shuffle", "zipf: which experts are popular is drawn by seed and layer"}, ZipfRouting{}.shuffle);
    if (auto* zipf = std::get_if<ZipfRouting>(&section.config.distribution)) zipf->shuffle = shuffle;
  }
  const auto trace = [&](const Key& key, Distribution user) -> ConfigPtr {
    if (!only_for(key.name, user)) return nullptr;
    ConfigPtr node = in.raw(key, "list or path of a CSV file");
    if (node == nullptr && !in.describing())
      in.problem("distribution", fmt::format("needs {} ({})", key.name, key.what));
    return node;
  };
  if (const ConfigPtr node = trace({"load_trace", "relative load of each expert"}, Distribution::load_trace)) {
    section.config.distribution = read_load_trace(in, *node, *sources, moe);
  }
  if (const ConfigPtr node =
          trace({"choice_trace", "rows of top_k experts, one per token"}, Distribution::choice_trace)) {
    section.config.distribution = read_choice_trace(in, *node, *sources, moe);
  }
  section.config.sampling_noise = in.flag({"sampling_noise", "tokens choose independently, instead of expected values"},
                                          section.config.sampling_noise);
  section.config.seed = in.natural({"seed", "of the shuffle and the noise"}, section.config.seed);
  section.placement = read_placement(in, moe, ep);
  in.reject_unknown_keys();
  return section;
}

}  // namespace moesim
