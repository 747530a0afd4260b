#pragma once

#include <array>
#include <cstddef>

#include "moesim/model/counts.hpp"

namespace moesim {

inline constexpr std::size_t kWorkKinds = static_cast<std::size_t>(WorkKind::launch) + 1;

/// Sums by kind of work, in the order of WorkKind.
struct Tally {
  std::array<double, kWorkKinds> by_kind{};

  double& operator[](WorkKind kind) { return by_kind[static_cast<std::size_t>(kind)]; }
  /// Adds `times` of another one.
  void add(const Tally& other, double times) {
    for (std::size_t i = 0; i < kWorkKinds; ++i) by_kind[i] += times * other.by_kind[i];
  }
};

/// Multiply-adds per token of the linear maps in an attention block: what its weights are without biases.
[[nodiscard]] double attention_weights(const Model& model);

/// Weights of a plain or gated FFN width -> hidden -> width.
[[nodiscard]] constexpr double ffn_weights(FfnKind kind, double width, double hidden) {
  return ffn_matrices(kind) * width * hidden;
}

}  // namespace moesim
