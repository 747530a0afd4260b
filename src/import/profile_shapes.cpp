// Operators of PyTorch (ATen/native/native_functions.yaml: names and order of the arguments) as kernels that laws
// describe.

#include "import/profile_shapes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <string_view>

namespace moesim {
namespace {

struct ElementType {
  std::string_view torch;
  std::string_view name;
  double bytes;
};
constexpr std::array kElementTypes = {ElementType{"c10::BFloat16", "bf16", 2}, ElementType{"c10::Half", "fp16", 2},
                                      ElementType{"float", "fp32", 4}, ElementType{"c10::Float8_e4m3fn", "fp8", 1},
                                      ElementType{"c10::Float8_e5m2", "fp8", 1}};

const ElementType* type_of(const HostOp& op, std::size_t input) {
  if (input >= op.types.size()) return nullptr;
  const auto found = std::ranges::find(kElementTypes, op.types[input], &ElementType::torch);
  return found == kElementTypes.end() ? nullptr : found;
}

/// Dimensions of an input, each a whole number from 1 up to 10^12; nothing when there are not `rank` (0: at least one).
std::optional<std::vector<double>> dims_of(const HostOp& op, std::size_t input, std::size_t rank = 0) {
  if (input >= op.shapes.size()) return std::nullopt;
  const std::vector<double>& dims = op.shapes[input];
  const bool sizes = std::ranges::all_of(dims, [](double one) { return one >= 1 && one <= 1e12; });
  if (dims.empty() || (rank > 0 && dims.size() != rank) || !sizes) return std::nullopt;
  return dims;
}

std::optional<double> elements_of(const HostOp& op, std::size_t input) {
  const auto dims = dims_of(op, input);
  if (!dims) return std::nullopt;
  double product = 1;
  for (const double one : *dims) product *= one;
  if (product > 1e15) return std::nullopt;
  return product;
}

std::string text(double value) { return fmt::format("{:.0f}", value); }

/// How the operands lie, where strides tell: TN (rows of both along k), NN, NT.
std::string layout_of(const HostOp& op, std::size_t a, std::size_t b) {
  const auto along_rows = [&](std::size_t input) {
    return input < op.strides.size() && op.strides[input].size() == 2 && op.strides[input][1] != 1;
  };
  if (std::max(a, b) >= op.strides.size()) return {};
  if (along_rows(a)) return "NT";
  return along_rows(b) ? "TN" : "NN";
}

std::optional<ShapeColumns> product(const HostOp& op, std::size_t a, std::size_t b) {
  const auto left = dims_of(op, a, 2);
  const auto right = dims_of(op, b, 2);
  const ElementType* type = type_of(op, a);
  if (!left || !right || type == nullptr || (*left)[1] != (*right)[0]) return std::nullopt;
  return ShapeColumns{{"kernel", "gemm"},      {"dtype", std::string(type->name)},
                      {"m", text((*left)[0])}, {"n", text((*right)[1])},
                      {"k", text((*left)[1])}, {"layout", layout_of(op, a, b)}};
}

std::optional<ShapeColumns> batch(const HostOp& op) {
  const auto left = dims_of(op, 0, 3);
  const auto right = dims_of(op, 1, 3);
  const ElementType* type = type_of(op, 0);
  constexpr double kMostProducts = 65536;
  if (!left || !right || type == nullptr || (*left)[0] != (*right)[0] || (*left)[2] != (*right)[1] ||
      (*left)[0] > kMostProducts) {
    return std::nullopt;
  }
  return ShapeColumns{{"kernel", "batched_gemm"}, {"dtype", std::string(type->name)},
                      {"m", text((*left)[1])},    {"n", text((*right)[2])},
                      {"k", text((*left)[2])},    {"experts", text((*left)[0])}};
}

/// An attention operator: where its queries and its flag is_causal stand.
struct AttentionOp {
  std::string_view name;
  std::size_t query;
  std::size_t causal;
  bool backward;
};
constexpr std::array kAttentionOps = {
    AttentionOp{"aten::_scaled_dot_product_flash_attention", 0, 4, false},
    AttentionOp{"aten::_scaled_dot_product_efficient_attention", 0, 6, false},
    AttentionOp{"aten::_scaled_dot_product_cudnn_attention", 0, 6, false},
    AttentionOp{"aten::_scaled_dot_product_flash_attention_backward", 1, 11, true},
    AttentionOp{"aten::_scaled_dot_product_efficient_attention_backward", 1, 11, true},
    AttentionOp{"aten::_scaled_dot_product_cudnn_attention_backward", 1, 14, true}};

std::optional<ShapeColumns> attention(const HostOp& op, const AttentionOp& kind) {
  const auto q = dims_of(op, kind.query, 4);
  const auto k = dims_of(op, kind.query + 1, 4);
  const ElementType* type = type_of(op, kind.query);
  if (!q || !k || type == nullptr || kind.causal >= op.values.size()) return std::nullopt;
  const std::string& causal = op.values[kind.causal];
  constexpr double kMostHeads = 1e6;
  if ((causal != "True" && causal != "False") || (*q)[1] > kMostHeads || (*k)[1] > kMostHeads || (*q)[3] > kMostHeads) {
    return std::nullopt;
  }
  return ShapeColumns{{"kernel", "attention"},
                      {"dtype", std::string(type->name)},
                      {"sequences", text((*q)[0])},
                      {"query_tokens", text((*q)[2])},
                      {"context_tokens", text((*k)[2])},
                      {"heads", text((*q)[1])},
                      {"kv_heads", text((*k)[1])},
                      {"head_dim", text((*q)[3])},
                      {"causal", causal == "True" ? "1" : "0"},
                      {"backward", kind.backward ? "1" : "0"}};
}

/// A kernel that passes so many times over its first input of 16 bits.
struct Passes {
  std::string_view name;
  std::string_view kernel;
  double passes;
};
constexpr std::array kPasses = {Passes{"aten::gelu", "activation", 2},
                                Passes{"aten::silu", "activation", 2},
                                Passes{"aten::relu", "activation", 2},
                                Passes{"aten::gelu_backward", "activation_backward", 3},
                                Passes{"aten::silu_backward", "activation_backward", 3},
                                Passes{"aten::_fused_rms_norm", "norm", 2},
                                Passes{"aten::native_layer_norm", "norm", 2},
                                Passes{"aten::_fused_rms_norm_backward", "norm_backward", 3},
                                Passes{"aten::native_layer_norm_backward", "norm_backward", 3},
                                Passes{"aten::_softmax", "softmax", 2}};

std::optional<ShapeColumns> moved(std::string_view kernel, const ElementType& type, double bytes) {
  return ShapeColumns{{"kernel", std::string(kernel)}, {"dtype", std::string(type.name)}, {"bytes", text(bytes)}};
}

std::optional<ShapeColumns> memory_kernel(const HostOp& op) {
  const ElementType* type = type_of(op, 0);
  const auto elements = elements_of(op, 0);
  if (type == nullptr || !elements) return std::nullopt;
  const auto known = std::ranges::find(kPasses, op.name, &Passes::name);
  if (known != kPasses.end()) return moved(known->kernel, *type, known->passes * *elements * type->bytes);
  const ElementType* other = type_of(op, 1);
  if (op.name == "aten::add" || op.name == "aten::add_") {
    if (other != type || elements_of(op, 1) != elements) return std::nullopt;
    return moved("residual_add", *type, 3 * *elements * type->bytes);
  }
  if (op.name == "aten::copy_") {
    if (other == nullptr || elements_of(op, 1) != elements) return std::nullopt;
    return moved(other == type ? "copy" : "cast", *type, *elements * (type->bytes + other->bytes));
  }
  const auto table = dims_of(op, 0, 2);
  if (!table) return std::nullopt;
  if (op.name == "aten::embedding") {
    const auto words = elements_of(op, 1);
    if (words) return moved("embedding", *type, 2 * *words * (*table)[1] * type->bytes);
  }
  if (op.name == "aten::index_select") {
    const auto rows = elements_of(op, 2);
    if (rows) return moved("permute", *type, 2 * *rows * (*table)[1] * type->bytes);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ShapeColumns> shape_of(const HostOp& op) {
  if (op.name == "aten::mm" || op.name == "aten::_scaled_mm") return product(op, 0, 1);
  if (op.name == "aten::addmm") return product(op, 1, 2);
  if (op.name == "aten::bmm") return batch(op);
  const auto kind = std::ranges::find(kAttentionOps, op.name, &AttentionOp::name);
  if (kind != kAttentionOps.end()) return attention(op, *kind);
  return memory_kernel(op);
}

}  // namespace moesim
