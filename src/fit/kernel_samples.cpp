#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/core.h>
#include <numeric>
#include <optional>
#include <sstream>

#include "moesim/fit/fit_kernels.hpp"

#include "fit/sample_table.hpp"

namespace moesim {
namespace {

constexpr double kVector = 8;     // 16-bit elements in the widest load; operands of other strides run slow kernels
constexpr double kHeadDim = 128;  // of the attention tables that do not say it
constexpr double kElement = 2;    // [B] of the tables that do not say it

std::optional<DType> dtype_named(std::string_view name) {
  const auto found = std::ranges::find(kDTypes, name, &NamedDType::name);
  return found == kDTypes.end() ? std::nullopt : std::optional(found->dtype);
}

DType dtype_of(SampleTable& table, std::size_t row) {
  if (!table.filled(row, "dtype")) return DType::bf16;
  const auto dtype = dtype_named(table.text(row, "dtype"));
  if (!dtype) table.complain(row, "dtype", "is no element type (fp32, tf32, bf16, fp16, fp8, int8)");
  return dtype.value_or(DType::bf16);
}

std::string typed(std::string_view kernel, DType dtype) { return fmt::format("{}.{}", kernel, dtype_name(dtype)); }

using Samples = std::vector<KernelSample>;

AttentionShape attention_shape(double sequences, double queries, double keys, double heads, double kv_heads,
                               double head_dim, DType dtype) {
  AttentionShape shape;
  shape.sequences = sequences;
  shape.query_tokens = queries;
  shape.context_tokens = keys;
  shape.heads = static_cast<int>(heads);
  shape.kv_heads = static_cast<int>(kv_heads);
  shape.head_dim = static_cast<int>(head_dim);
  shape.dtype = dtype;
  return shape;
}

/// One line of a table of plain products.
void add_product(SampleTable& table, std::size_t row, Samples& samples) {
  KernelSample sample;
  sample.dtype = dtype_of(table, row);
  sample.law = typed("gemm", sample.dtype);
  sample.m = table.positive(row, "m");
  sample.n = table.positive(row, "n");
  sample.k = table.positive(row, "k");
  sample.seconds = table.positive(row, "time_us") * 1e-6;
  // NT: the left operand lies with its rows side by side.
  if (table.text(row, "layout") == "NT" && std::fmod(sample.m, kVector) != 0) return;
  samples.push_back(std::move(sample));
}

/// Rows of each expert: listed in the column `rows` ("12 0 40"), or m of them each.
std::vector<double> rows_of_experts(SampleTable& table, std::size_t row) {
  const double experts = table.positive(row, "experts");
  std::vector<double> rows;
  if (!table.filled(row, "rows")) {
    rows.assign(static_cast<std::size_t>(std::min(experts, 65536.0)), table.positive(row, "m"));
    return rows;
  }
  std::istringstream listed{std::string(table.text(row, "rows"))};
  for (double one = 0; listed >> one;) rows.push_back(one);
  const bool valid = listed.eof() && static_cast<double>(rows.size()) == experts &&
                     std::ranges::all_of(rows, [](double one) { return one >= 0; });
  if (!valid) table.complain(row, "rows", "must list the rows of each of the experts, blanks between");
  return rows;
}

/// Products of experts. Weight gradients: each expert's [n, rows] x [rows, k], that is k rows of a product reduced over
/// its tokens; uneven experts enter with their mean, as the operator graph has them.
void add_group(SampleTable& table, std::size_t row, KernelSample sample, Samples& samples) {
  sample.rows = rows_of_experts(table, row);
  sample.m = std::accumulate(sample.rows.begin(), sample.rows.end(), 0.0);
  sample.n = table.positive(row, "n");
  sample.k = table.positive(row, "k");
  if (table.text(row, "kernel") == "grouped_wgrad") {
    const auto experts = static_cast<double>(sample.rows.size());
    const double tokens = sample.m / experts;
    std::ranges::fill(sample.rows, sample.k);
    sample.m = sample.k * experts;
    sample.k = tokens;
  }
  samples.push_back(std::move(sample));
}

/// What a memory-bound kernel of our own table goes over: the table counts the bytes of gathers with every read, a law
/// counts each token once. Elementwise kernels have no rows.
MemoryShape read_traffic(SampleTable& table, std::size_t row, const std::string& kernel) {
  constexpr std::array kByRow = {"norm",    "norm_backward", "gated_activation", "gated_activation_backward",
                                 "softmax", "cross_entropy", "embedding",        "unpermute"};
  MemoryShape over{.moved = {table.positive(row, "bytes")}};
  if (!table.filled(row, "m")) return over;
  const double tokens = table.positive(row, "m");
  if (std::ranges::find(kByRow, kernel) != kByRow.end()) over.rows = tokens;
  const bool gather = kernel == "permute";
  if (!(gather || kernel == "unpermute_backward") || !table.filled(row, "k")) return over;
  const double top_k = table.positive(row, "k");
  over.source = over.moved / (2 * top_k + (gather ? 0 : 1));
  over.again = (top_k - 1) * over.source;
  over.rows = tokens * top_k;
  if (gather) over.moved = (top_k + 1) * over.source;
  return over;
}

/// One line of our own table.
void add_measured(SampleTable& table, std::size_t row, Samples& samples) {
  const std::string kernel(table.text(row, "kernel"));
  const bool cold = table.text(row, "cold") != "0";  // our benchmarks rotate buffers; a trace says that it did not
  if (kernel == "gemm") {
    const std::size_t before = samples.size();
    add_product(table, row, samples);
    if (samples.size() > before) samples.back().cold = cold;
    return;
  }
  KernelSample sample;
  sample.cold = cold;
  sample.dtype = dtype_of(table, row);
  sample.seconds = table.positive(row, "time_us") * 1e-6;
  if (kernel == "grouped_gemm" || kernel == "batched_gemm" || kernel == "grouped_wgrad") {
    sample.law = typed(kernel, sample.dtype);
    return add_group(table, row, std::move(sample), samples);
  }
  if (kernel == "attention") {
    AttentionShape shape = attention_shape(
        table.positive(row, "sequences"), table.positive(row, "query_tokens"), table.positive(row, "context_tokens"),
        table.positive(row, "heads"), table.positive(row, "kv_heads"), table.positive(row, "head_dim"), sample.dtype);
    sample.cold = false;  // the same operands again
    shape.causal = table.number(row, "causal") != 0;
    shape.backward = table.number(row, "backward") != 0;
    const bool decode = shape.query_tokens <= 1;
    sample.law = typed(shape.backward ? "attention.backward" : (decode ? "attention.decode" : "attention.prefill"),
                       sample.dtype);
    sample.attention = shape;
  } else if (std::ranges::find(kMemoryKernels, kernel, &NamedMemoryKernel::name) != kMemoryKernels.end()) {
    sample.law = "memory." + kernel;
    sample.over = read_traffic(table, row, kernel);
    if (kernel == "router" &&
        table.filled(row, "m")) {  // by bytes alone, as other tables have it; and by what decides its time
      samples.push_back(sample);
      sample.law = "router";
      sample.m = table.positive(row, "m");
      sample.n = table.positive(row, "n");
      sample.k = table.positive(row, "k");
    }
  } else {
    return;  // a kernel that no law describes
  }
  samples.push_back(std::move(sample));
}

/// Fused experts of one rank that holds them all, loaded alike. Both products, the activation and the weighted sum.
void add_fused(SampleTable& table, std::size_t row, Samples& samples) {
  if (table.text(row, "distribution") != "balanced" || table.number(row, "ep") != 1) return;
  KernelSample sample;
  sample.dtype = dtype_of(table, row);
  sample.law = typed("grouped_gemm", sample.dtype);
  sample.fused_experts = true;
  const double tokens = table.positive(row, "num_tokens");
  const double experts = table.positive(row, "num_experts");
  const double top_k = table.positive(row, "top_k");
  sample.k = table.positive(row, "hidden");
  sample.n = table.positive(row, "expert_ffn");
  sample.seconds = table.positive(row, "time_us") * 1e-6;
  if (experts > 65536 || top_k > experts) {
    table.complain(row, "num_experts", "must be at least top_k and at most 65536");
    return;
  }
  // Balanced: as even as whole rows are.
  sample.m = tokens * top_k;
  sample.rows.assign(static_cast<std::size_t>(experts), std::floor(sample.m / experts));
  const auto more = static_cast<std::size_t>(std::fmod(sample.m, experts));
  for (std::size_t i = 0; i < more; ++i) ++sample.rows[i];
  sample.over.moved = {kElement * (sample.m * (3 * sample.n + sample.k) + tokens * sample.k)};
  samples.push_back(std::move(sample));
}

void add_prompt(SampleTable& table, std::size_t row, Samples& samples) {
  const double tokens = table.positive(row, "isl");
  if (tokens <= 1) return;
  KernelSample sample;
  sample.law = typed("attention.prefill", sample.dtype);
  sample.attention =
      attention_shape(table.positive(row, "batch_size"), tokens, tokens, table.positive(row, "num_heads"),
                      table.positive(row, "num_key_value_heads"), kHeadDim, sample.dtype);
  sample.attention.writes_cache = true;
  sample.seconds = table.positive(row, "latency") * 1e-3;
  samples.push_back(std::move(sample));
}

void add_token(SampleTable& table, std::size_t row, Samples& samples) {
  KernelSample sample;
  sample.law = typed("attention.decode", sample.dtype);
  sample.attention = attention_shape(table.positive(row, "batch_size"), 1, table.positive(row, "step"),
                                     table.positive(row, "num_heads"), table.positive(row, "num_key_value_heads"),
                                     kHeadDim, sample.dtype);
  sample.seconds = table.positive(row, "latency") * 1e-3;
  samples.push_back(std::move(sample));
}

/// Operations of a transformer layer by tokens and tensor parallelism, 16-bit. Products: attention's input projection
/// gives queries, keys and values; a gated FFN's first product is twice as wide.
void add_layer_operations(SampleTable& table, std::size_t row, Samples& samples) {
  const double tokens = table.positive(row, "num_tokens");
  const double hidden = table.positive(row, "n_embd");
  const double split = table.positive(row, "num_tensor_parallel_workers");
  const double ffn = table.positive(row, "n_expanded_embd");
  const double heads = table.positive(row, "n_head");
  const bool gated = table.text(row, "use_gated_mlp") == "True";
  const double kv_width = hidden * table.number(row, "n_kv_head") / heads;
  struct Operation {
    std::string_view column;
    std::string_view law;
    double bytes;
  };
  const std::array operations = {
      Operation{"emb", "memory.embedding", 2 * tokens * hidden},
      Operation{"input_layernorm", "memory.norm", 2 * tokens * hidden},
      Operation{"post_attention_layernorm", "memory.norm", 2 * tokens * hidden},
      Operation{"attn_rope", "memory.rotary", 2 * tokens * (hidden + kv_width) / split},
      Operation{"mlp_act", gated ? "memory.gated_activation" : "memory.activation",
                (gated ? 3 : 2) * tokens * ffn / split},
      // Models without a gate run attention and FFN side by side, and add both to the residual.
      Operation{"add", "memory.residual_add", (gated ? 3 : 6) * tokens * hidden}};
  for (const Operation& operation : operations) {
    const std::string column = fmt::format("time_stats.{}.median", operation.column);
    if (!table.filled(row, column)) continue;
    KernelSample sample;
    sample.law = operation.law;
    sample.over.moved = {kElement * operation.bytes};
    sample.seconds = table.positive(row, column) * 1e-3;
    samples.push_back(std::move(sample));
  }
}

/// The router of an expert layer: softmax and top-k over fp32 scores, counted as five passes.
void add_expert_operations(SampleTable& table, std::size_t row, Samples& samples) {
  constexpr std::string_view column = "time_stats.moe_gating.median";
  if (!table.filled(row, column)) return;
  KernelSample sample;
  sample.law = "memory.router";
  sample.over.moved = {5 * 4 * table.positive(row, "num_tokens") * table.positive(row, "num_experts")};
  sample.seconds = table.positive(row, column) * 1e-3;
  samples.push_back(std::move(sample));
}

using AddLine = void (*)(SampleTable&, std::size_t, Samples&);

AddLine reader_of(const SampleTable& table) {
  if (table.has_all({"num_tokens", "hidden", "expert_ffn", "top_k", "num_experts", "ep", "distribution", "time_us"}))
    return add_fused;
  if (table.has_all({"kernel", "dtype", "m", "n", "k", "bytes", "time_us"})) return add_measured;
  if (table.has_all({"m", "n", "k", "time_us"})) return add_product;
  if (table.has_all({"batch_size", "isl", "num_heads", "num_key_value_heads", "latency"})) return add_prompt;
  if (table.has_all({"batch_size", "step", "num_heads", "num_key_value_heads", "latency"})) return add_token;
  if (table.has_all({"num_tokens", "n_embd", "n_expanded_embd", "num_tensor_parallel_workers"}))
    return add_layer_operations;
  if (table.has_all({"num_tokens", "num_experts", "time_stats.moe_gating.median"})) return add_expert_operations;
  throw InputError({Diagnostic{.file = table.path(),
                               .line = 1,
                               .column = 0,
                               .key = "",
                               .message = "the columns are those of no known table of kernel times (needs at least m, "
                                          "n, k, time_us); see docs/theory_kernels.md"}});
}

}  // namespace

namespace {

std::vector<KernelSample> samples_in(SampleTable table, const SampleSelection& selection) {
  const AddLine add = reader_of(table);
  Samples samples;
  for (std::size_t row = 0; row < table.rows(); ++row) add(table, row, samples);
  table.throw_problems();
  if (!selection.law.empty()) std::erase_if(samples, [&](const auto& one) { return one.law != selection.law; });
  return samples;
}

}  // namespace

std::vector<KernelSample> read_kernel_samples(const std::string& path, const SampleSelection& selection) {
  return samples_in(SampleTable(path), selection);
}

std::vector<KernelSample> parse_kernel_samples(std::string_view text, const std::string& path) {
  return samples_in(SampleTable(path, text), {});
}

}  // namespace moesim
