#include "cli/kernel_shapes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "moesim/base/diagnostic.hpp"
#include "moesim/base/quantity_text.hpp"

namespace moesim::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::array kDTypeNames = [] {
  std::array<std::string_view, kDTypes.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kDTypes[i].name;
  return names;
}();
constexpr std::array kExecutions = {"grouped"sv, "batched"sv, "sequential"sv};
constexpr std::array kExecutionValues = {ExpertExecution::grouped, ExpertExecution::batched,
                                         ExpertExecution::sequential};
constexpr std::array kYesNo = {"yes"sv, "no"sv, "true"sv, "false"sv, "1"sv, "0"sv};

constexpr KernelArgument kDTypeArgument = {
    .name = "dtype", .value = "TYPE", .help = "element type of the inputs", .fallback = "bf16", .choices = kDTypeNames};
constexpr KernelArgument kN = {.name = "n", .value = "N", .help = "columns of the result"};
constexpr KernelArgument kK = {.name = "k", .value = "K", .help = "length of the dot products"};

constexpr std::array kGemm = {KernelArgument{.name = "m", .value = "M", .help = "rows of the result"}, kN, kK,
                              kDTypeArgument};

constexpr std::array kGroupedGemm = {
    KernelArgument{.name = "rows",
                   .value = "R,R,...",
                   .help = "rows of each expert on this GPU (in a column also separated by spaces or ;)"},
    KernelArgument{.name = "experts", .value = "E", .help = "instead of --rows: experts on this GPU"},
    KernelArgument{
        .name = "tokens", .value = "T", .help = "with --experts: rows of all of them together, spread evenly"},
    kN,
    kK,
    kDTypeArgument,
    KernelArgument{.name = "execution",
                   .value = "HOW",
                   .help =
                       "one kernel over unequal row counts, one strided-batched kernel over padded ones, or one kernel "
                       "an expert",
                   .fallback = "grouped",
                   .choices = kExecutions}};

constexpr std::array kAttention = {
    KernelArgument{.name = "sequences", .value = "B", .help = "independent sequences", .fallback = "1"},
    KernelArgument{.name = "query-tokens", .value = "Q", .help = "queries of each sequence; 1 when decoding"},
    KernelArgument{.name = "context-tokens",
                   .value = "S",
                   .help = "keys of each sequence, cached ones included (default: as many as queries)"},
    KernelArgument{.name = "heads", .value = "H", .help = "query heads on this GPU"},
    KernelArgument{.name = "kv-heads", .value = "G", .help = "key and value heads (default: as many as query heads)"},
    KernelArgument{.name = "head-dim", .value = "D", .help = "width of a head", .fallback = "128"},
    KernelArgument{.name = "v-head-dim", .value = "D", .help = "width of a value head (default: as head-dim)"},
    KernelArgument{.name = "causal",
                   .value = "YESNO",
                   .help = "whether a query sees earlier keys only",
                   .fallback = "yes",
                   .choices = kYesNo},
    KernelArgument{.name = "backward",
                   .value = "YESNO",
                   .help = "the backward pass instead of the forward pass",
                   .fallback = "no",
                   .choices = kYesNo},
    KernelArgument{.name = "writes-cache",
                   .value = "YESNO",
                   .help = "whether the kernel also appends the new keys and values to a cache, as serving engines do",
                   .fallback = "no",
                   .choices = kYesNo},
    kDTypeArgument};

constexpr std::array kMemory = {
    KernelArgument{.name = "bytes", .value = "SIZE", .help = "bytes read plus bytes written, with unit: 64MiB"},
    KernelArgument{.name = "rows", .value = "R", .help = "instead of --bytes: rows (tokens) that the kernel goes over"},
    KernelArgument{.name = "width", .value = "W", .help = "with --rows: elements of a row"},
    KernelArgument{.name = "passes",
                   .value = "P",
                   .help = "with --rows: how often each element is read or written, together",
                   .fallback = "2"},
    kDTypeArgument};

constexpr std::array kRouter = {
    kMemory[0],
    KernelArgument{.name = "rows", .value = "T", .help = "instead of --bytes: tokens"},
    KernelArgument{.name = "width", .value = "E", .help = "with --rows: experts, a score each"},
    KernelArgument{
        .name = "top-k",
        .value = "K",
        .help = "with --rows: experts of a token, for devices whose router is measured by tokens and experts",
        .fallback = "2"},
    kMemory[3],
    kDTypeArgument};

/// Reads the arguments of one shape and notes what is wrong with each.
class Reader {
 public:
  Reader(const KernelKind& kind, std::span<const std::string* const> texts, std::vector<ShapeProblem>& problems)
      : kind_(kind), texts_(texts), problems_(problems) {}

  [[nodiscard]] bool given(std::string_view name) const { return texts_[index(name)] != nullptr; }

  /// What was given, else the fallback; nothing is a problem.
  std::optional<std::string_view> text(std::string_view name) {
    const std::size_t at = index(name);
    if (texts_[at] != nullptr && !texts_[at]->empty()) return *texts_[at];
    if (texts_[at] == nullptr && !kind_.arguments[at].fallback.empty()) return kind_.arguments[at].fallback;
    problem(name, fmt::format("is missing ({})", kind_.arguments[at].help));
    return std::nullopt;
  }

  /// A whole number from 1 up to 10^12. "4096.0" is one, as spreadsheets write it.
  double whole(std::string_view name) {
    const auto words = text(name);
    return words ? whole_of(name, *words, 1) : 0;
  }
  double whole_or(std::string_view name, double otherwise) { return given(name) ? whole(name) : otherwise; }

  double whole_of(std::string_view name, std::string_view words, double least) {
    constexpr double kLargest = 1e12;
    double value = 0;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), value);
    const bool read = error == std::errc{} && end == words.data() + words.size();
    if (read && value >= least && value <= kLargest && value == std::floor(value)) return value;
    problem(name, fmt::format("\"{}\" is not a whole number from {:.0f} to 10^12", words, least));
    return 0;
  }

  DType dtype() {
    const auto words = choice("dtype");
    return words ? std::ranges::find(kDTypes, *words, &NamedDType::name)->dtype : DType::bf16;
  }
  bool yes(std::string_view name) {
    const auto words = choice(name);
    return words && (*words == "yes" || *words == "true" || *words == "1");
  }
  std::optional<std::string_view> choice(std::string_view name) {
    const auto words = text(name);
    const auto choices = kind_.arguments[index(name)].choices;
    if (!words || std::ranges::find(choices, *words) != choices.end()) return words;
    problem(name, fmt::format("\"{}\" is no choice (one of: {})", *words, fmt::join(choices, ", ")));
    return std::nullopt;
  }

  void problem(std::string_view name, std::string message) { problems_.push_back({index(name), std::move(message)}); }

 private:
  [[nodiscard]] std::size_t index(std::string_view name) const {
    const auto found = std::ranges::find(kind_.arguments, name, &KernelArgument::name);
    MOESIM_EXPECTS(found != kind_.arguments.end());
    return static_cast<std::size_t>(found - kind_.arguments.begin());
  }

  const KernelKind& kind_;
  std::span<const std::string* const> texts_;
  std::vector<ShapeProblem>& problems_;
};

std::vector<double> read_row_list(Reader& reader) {
  constexpr std::string_view kSeparators = ",; ";
  std::vector<double> rows;
  auto words = reader.text("rows");
  while (words && !words->empty()) {
    const std::size_t end = std::min(words->find_first_of(kSeparators), words->size());
    if (end > 0) rows.push_back(reader.whole_of("rows", words->substr(0, end), 0));
    words->remove_prefix(std::min(end + 1, words->size()));
  }
  return rows;
}

std::vector<double> read_rows(Reader& reader) {
  const bool listed = reader.given("rows");
  const bool spread = reader.given("experts") || reader.given("tokens");
  if (listed == spread) {
    reader.problem("rows", "either rows, or experts and tokens, are needed (not both)");
    return {};
  }
  if (listed) {
    std::vector<double> rows = read_row_list(reader);
    if (!rows.empty() && std::ranges::all_of(rows, [](double count) { return count == 0; })) {
      reader.problem("rows", "are all 0 (there is nothing to compute)");
    }
    return rows;
  }
  constexpr double kMostExperts = 65536;
  const double experts = reader.whole("experts");
  const double tokens = reader.whole("tokens");
  if (experts > kMostExperts) {
    reader.problem("experts", fmt::format("more than {:.0f} experts on one GPU", kMostExperts));
    return {};
  }
  // Whole rows: the first ones take what does not divide.
  std::vector<double> rows(static_cast<std::size_t>(experts));
  const double each = std::floor(tokens / std::max(experts, 1.0));
  const double more = tokens - each * experts;
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = each + (static_cast<double>(i) < more ? 1 : 0);
  return rows;
}

ExpertGemms read_grouped(Reader& reader) {
  ExpertGemms shape{.rows = read_rows(reader), .n = reader.whole("n"), .k = reader.whole("k"), .dtype = reader.dtype()};
  if (const auto words = reader.choice("execution")) {
    shape.execution =
        kExecutionValues[static_cast<std::size_t>(std::ranges::find(kExecutions, *words) - kExecutions.begin())];
  }
  return shape;
}

AttentionShape read_attention(Reader& reader) {
  constexpr double kMostHeads = 1 << 20;
  AttentionShape shape;
  shape.sequences = reader.whole("sequences");
  shape.query_tokens = reader.whole("query-tokens");
  shape.context_tokens = reader.whole_or("context-tokens", shape.query_tokens);
  const double heads = reader.whole("heads");
  const double kv_heads = reader.whole_or("kv-heads", heads);
  const double head_dim = reader.whole("head-dim");
  const double v_head_dim = reader.whole_or("v-head-dim", 0);
  if (std::max({heads, kv_heads, head_dim, v_head_dim}) > kMostHeads) {
    reader.problem("heads", "heads and their widths above 2^20 are absurd");
    return shape;
  }
  shape.heads = static_cast<int>(heads);
  shape.kv_heads = static_cast<int>(kv_heads);
  shape.head_dim = static_cast<int>(head_dim);
  shape.v_head_dim = static_cast<int>(v_head_dim);
  if (kv_heads > 0 && heads > 0 && shape.heads % shape.kv_heads != 0) {
    reader.problem("kv-heads",
                   fmt::format("{} does not divide the {} heads (each serves equally many)", kv_heads, heads));
  }
  shape.causal = reader.yes("causal");
  if (shape.causal && shape.context_tokens < shape.query_tokens) {
    reader.problem("context-tokens", "fewer keys than queries (a causal query sees at least itself)");
  }
  shape.backward = reader.yes("backward");
  shape.writes_cache = reader.yes("writes-cache");
  shape.dtype = reader.dtype();
  return shape;
}

MemoryShape read_traffic(Reader& reader) {
  const bool shaped = reader.given("rows") || reader.given("width");
  if (reader.given("bytes") == shaped) {
    reader.problem("bytes", "either bytes, or rows and width, are needed (not both)");
    return {};
  }
  if (shaped) {
    const double rows = reader.whole("rows");
    const double row = reader.whole("width") * reader.whole("passes") * bytes_per_element(reader.dtype());
    return {.moved = {rows * row}, .rows = rows};
  }
  const auto words = reader.text("bytes");
  const std::optional<Bytes> size = words ? parse_quantity<Bytes>(*words) : std::nullopt;
  if (words && (!size || size->value <= 0)) {
    reader.problem("bytes",
                   fmt::format("\"{}\" is not a positive size with its unit ({})", *words, quantity_units<Bytes>()));
  }
  return {.moved = size.value_or(Bytes{})};
}

std::string_view memory_summary(MemoryKernel kernel) {
  switch (kernel) {
    case MemoryKernel::norm:
      return "layer norm or RMS norm";
    case MemoryKernel::norm_backward:
      return "gradients of a norm";
    case MemoryKernel::activation:
      return "activation of a plain feed-forward layer";
    case MemoryKernel::activation_backward:
      return "gradient of a plain activation";
    case MemoryKernel::gated_activation:
      return "activation times gate of a gated feed-forward layer";
    case MemoryKernel::gated_activation_backward:
      return "gradients of activation and gate";
    case MemoryKernel::residual_add:
      return "adding the residual stream";
    case MemoryKernel::rotary:
      return "rotary position embedding of queries and keys";
    case MemoryKernel::softmax:
      return "softmax over stored scores";
    case MemoryKernel::router:
      return "softmax and top-k of the router's scores";
    case MemoryKernel::router_backward:
      return "gradients of the scores from those of the chosen weights";
    case MemoryKernel::permute:
      return "gathering rows by expert";
    case MemoryKernel::unpermute:
      return "gathering the experts' rows back and weighting them";
    case MemoryKernel::unpermute_backward:
      return "gradients of the rows and of their weights";
    case MemoryKernel::unpermute_atomic:
      return "the same by atomic scatter-add";
    case MemoryKernel::qkv_gradient:
      return "gradients of queries, keys and values packed for their common projection";
    case MemoryKernel::embedding:
      return "looking up token embeddings";
    case MemoryKernel::cross_entropy:
      return "loss over the vocabulary";
    case MemoryKernel::optimizer:
      return "Adam step over a shard of the parameters";
    case MemoryKernel::copy:
      return "copy in device memory";
    case MemoryKernel::cast:
      return "conversion of element types";
  }
  return {};
}

}  // namespace

const std::vector<KernelKind>& kernel_kinds() {
  static const std::vector<KernelKind> kKinds = [] {
    std::vector<KernelKind> kinds = {
        {"gemm", "matrix product: [m, k] times [k, n]", kGemm, "--m 4096 --n 4096 --k 1024 --dtype bf16"},
        {"grouped_gemm", "matrix products of several experts: [rows, k] times [k, n] each", kGroupedGemm,
         "--experts 8 --tokens 4096 --n 2048 --k 512"},
        {"attention", "fused attention (softmax of Q K^T, times V)", kAttention,
         "--sequences 8 --query-tokens 2048 --heads 16 --head-dim 128"}};
    for (const NamedMemoryKernel& named : kMemoryKernels) {
      if (named.kernel == MemoryKernel::router) {
        kinds.push_back({named.name, memory_summary(named.kernel), kRouter, "--rows 4096 --width 64 --top-k 8"});
        continue;
      }
      kinds.push_back({named.name, memory_summary(named.kernel), kMemory, "--rows 4096 --width 2048 --dtype bf16"});
    }
    return kinds;
  }();
  return kKinds;
}

std::optional<KernelCase> read_shape(const KernelKind& kind, std::span<const std::string* const> texts,
                                     std::vector<ShapeProblem>& problems) {
  MOESIM_EXPECTS(texts.size() == kind.arguments.size());
  const std::size_t before = problems.size();
  Reader reader(kind, texts, problems);
  KernelCase shape;
  if (kind.name == "gemm") {
    shape = GemmShape{.m = reader.whole("m"), .n = reader.whole("n"), .k = reader.whole("k"), .dtype = reader.dtype()};
  } else if (kind.name == "grouped_gemm") {
    shape = read_grouped(reader);
  } else if (kind.name == "attention") {
    shape = read_attention(reader);
  } else if (kind.name == "router" && reader.given("rows") && !reader.given("bytes")) {
    shape =
        RouterShape{.tokens = reader.whole("rows"), .experts = reader.whole("width"), .top_k = reader.whole("top-k")};
  } else {
    const auto named = std::ranges::find(kMemoryKernels, kind.name, &NamedMemoryKernel::name);
    MOESIM_EXPECTS(named != kMemoryKernels.end());
    shape = MemoryTraffic{.kernel = named->kernel, .over = read_traffic(reader)};
  }
  if (problems.size() > before) return std::nullopt;
  return shape;
}

namespace {
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

GroupedGemmShape grouped_shape(const ExpertGemms& experts) {
  return {.rows = experts.rows, .n = experts.n, .k = experts.k, .dtype = experts.dtype, .execution = experts.execution};
}

}  // namespace

std::optional<DType> matrix_dtype(const KernelCase& shape) {
  return std::visit(Overloaded{[](const MemoryTraffic&) { return std::optional<DType>(); },
                               [](const RouterShape&) { return std::optional<DType>(); },
                               [](const auto& product) { return std::optional<DType>(product.dtype); }},
                    shape);
}

std::optional<Flops> matrix_work(const KernelCase& shape) {
  if (const auto* gemm = std::get_if<GemmShape>(&shape)) return kernel_amount(*gemm).flops;
  if (const auto* experts = std::get_if<ExpertGemms>(&shape)) return kernel_amount(grouped_shape(*experts)).flops;
  return std::nullopt;
}

KernelEstimate estimate(const KernelModel& model, const KernelCase& shape) {
  return std::visit(
      Overloaded{[&](const GemmShape& gemm) { return model.gemm(gemm); },
                 [&](const ExpertGemms& experts) { return model.grouped_gemm(grouped_shape(experts)); },
                 [&](const AttentionShape& attention) { return model.attention(attention); },
                 [&](const RouterShape& router) { return model.router(router); },
                 [&](const MemoryTraffic& traffic) { return model.memory_kernel(traffic.kernel, traffic.over); }},
      shape);
}

}  // namespace moesim::cli
