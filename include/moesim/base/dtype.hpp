#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace moesim {

/// Element types of weights, activations and payloads.
enum class DType { fp32, tf32, bf16, fp16, fp8, int8 };

struct NamedDType {
  std::string_view name;
  DType dtype;
  double bytes;  ///< in memory, per element (tf32 is stored in four bytes)
};

inline constexpr std::array kDTypes = {NamedDType{"fp32", DType::fp32, 4}, NamedDType{"tf32", DType::tf32, 4},
                                       NamedDType{"bf16", DType::bf16, 2}, NamedDType{"fp16", DType::fp16, 2},
                                       NamedDType{"fp8", DType::fp8, 1},   NamedDType{"int8", DType::int8, 1}};

[[nodiscard]] constexpr double bytes_per_element(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)].bytes; }
[[nodiscard]] constexpr std::string_view dtype_name(DType dtype) {
  return kDTypes[static_cast<std::size_t>(dtype)].name;
}

}  // namespace moesim
