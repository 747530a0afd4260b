// Every kernel against a reference on the host, on random data, before anything is timed.

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/core.h>
#include <numeric>

#include "moesim/base/diagnostic.hpp"

#include "microbench/kernels.hpp"
#include "microbench/matrix_product.hpp"
#include "microbench/suites.hpp"

namespace moesim::microbench {
namespace {

using Floats = std::vector<double>;

double from_bf16(Bf16 x) { return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16U)); }

Floats read_bf16(const DeviceBuffer& buffer, std::size_t count) {
  std::vector<Bf16> raw(count);
  check(cudaMemcpy(raw.data(), buffer.as<void>(), 2 * count, cudaMemcpyDeviceToHost));
  Floats values(count);
  std::ranges::transform(raw, values.begin(), from_bf16);
  return values;
}

template <class T>
std::vector<T> read(const DeviceBuffer& buffer, std::size_t count) {
  std::vector<T> values(count);
  check(cudaMemcpy(values.data(), buffer.as<void>(), sizeof(T) * count, cudaMemcpyDeviceToHost));
  return values;
}

/// |got - want| / |want|, Euclidean; a NaN never passes.
void compare(std::string_view kernel, const Floats& got, const Floats& want, double tolerance = 1e-2) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    difference += (got[i] - want[i]) * (got[i] - want[i]);
    size += want[i] * want[i];
  }
  const double error = std::sqrt(difference / size);
  if (!(error < tolerance)) {
    throw MachineError(
        fmt::format("{}: wrong result: relative error {:.3g} above {} (nothing was timed)", kernel, error, tolerance));
  }
}

/// Random bf16 data, on the device and as the host sees it. Results are poisoned before a kernel writes them.
struct Operand {
  Operand(std::size_t count, std::uint64_t seed) : device(2 * count) {
    fill_random(device.as<void>(), static_cast<std::int64_t>(count), 2, false, seed, nullptr);
    check(cudaStreamSynchronize(nullptr));
    host = read_bf16(device, count);
  }
  [[nodiscard]] Bf16* data() const { return device.as<Bf16>(); }
  DeviceBuffer device;
  Floats host;
};

DeviceBuffer poisoned(std::size_t bytes) {
  DeviceBuffer buffer(bytes);
  check(cudaMemset(buffer.as<void>(), 0xff, bytes));
  return buffer;
}

/// out[m,n] = sum over k of a(m,k) b(k,n).
template <class A, class B>
Floats product(std::int64_t m, std::int64_t n, std::int64_t k, const A& a, const B& b) {
  Floats out(static_cast<std::size_t>(m * n));
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t l = 0; l < k; ++l) sum += a(i, l) * b(l, j);
      out[static_cast<std::size_t>(i * n + j)] = sum;
    }
  }
  return out;
}

void check_gemm(Products& products) {
  constexpr std::int64_t kM = 96;
  constexpr std::int64_t kN = 64;
  constexpr std::int64_t kK = 128;
  const Operand a(kM * kK, 1);
  const Operand b(kN * kK, 2);
  for (const Layout layout : {Layout::TN, Layout::NN, Layout::NT}) {
    const DeviceBuffer c = poisoned(2 * kM * kN);
    const GemmPoint point{.precision = Precision::bf16, .layout = layout, .m = kM, .n = kN, .k = kK};
    const Launch1 launch = products.gemm(point, a.data(), b.data(), c.as<void>());
    if (!launch) throw MachineError("gemm: cuBLASLt has no algorithm for a plain product");
    launch(nullptr);
    check(cudaStreamSynchronize(nullptr));
    const auto at = [](const Operand& x, std::int64_t i) { return x.host[static_cast<std::size_t>(i)]; };
    const bool a_turned = layout == Layout::NT;
    const bool b_turned = layout == Layout::TN;
    compare(fmt::format("gemm {}", layout_name(layout)), read_bf16(c, kM * kN),
            product(
                kM, kN, kK, [&](std::int64_t i, std::int64_t l) { return at(a, a_turned ? l * kM + i : i * kK + l); },
                [&](std::int64_t l, std::int64_t j) { return at(b, b_turned ? j * kK + l : l * kN + j); }));
  }
}

void check_experts(Products& products) {
  ExpertsPoint point{.rows = {16, 0, 40, 8}, .n = 64, .k = 32, .balanced = false};
  const Operand rows(64 * 32, 3);
  const Operand weights(4 * 64 * 32, 4);
  Floats want;
  std::int64_t first = 0;
  for (std::int64_t expert = 0; expert < 4; ++expert) {
    const std::int64_t count = point.rows[static_cast<std::size_t>(expert)];
    const Floats part = product(
        count, point.n, point.k,
        [&](std::int64_t i, std::int64_t l) { return rows.host[static_cast<std::size_t>((first + i) * 32 + l)]; },
        [&](std::int64_t l, std::int64_t j) {
          return weights.host[static_cast<std::size_t>((expert * 64 + j) * 32 + l)];
        });
    want.insert(want.end(), part.begin(), part.end());
    first += count;
  }
  const DeviceBuffer out = poisoned(2 * 64 * 64);
  products.grouped(point, rows.data(), weights.data(), out.as<void>())(nullptr);
  check(cudaStreamSynchronize(nullptr));
  compare("grouped_gemm", read_bf16(out, 64 * 64), want);
}

void check_elementwise() {
  constexpr std::size_t kTokens = 37;
  constexpr std::size_t kWidth = 512;
  constexpr std::size_t kCount = kTokens * kWidth;
  const TokenShape shape{.tokens = kTokens, .width = kWidth};
  const Operand x(kCount, 5);
  const Operand weight(kWidth, 6);
  const auto run = [&](std::string_view name, std::size_t count, const auto& kernel, const auto& want_at) {
    const DeviceBuffer out = poisoned(2 * count);
    kernel(out.as<Bf16>());
    check(cudaStreamSynchronize(nullptr));
    Floats want(count);
    for (std::size_t i = 0; i < count; ++i) want[i] = want_at(i);
    compare(name, read_bf16(out, count), want);
  };
  const auto moment = [&](std::size_t token, int power) {
    double sum = 0;
    for (std::size_t j = 0; j < kWidth; ++j) sum += std::pow(x.host[token * kWidth + j], power);
    return sum / kWidth;
  };
  run(
      "norm", kCount, [&](Bf16* out) { rms_norm(x.data(), weight.data(), out, shape, nullptr); },
      [&](std::size_t i) { return x.host[i] / std::sqrt(moment(i / kWidth, 2) + 1e-6) * weight.host[i % kWidth]; });
  run(
      "layer_norm", kCount, [&](Bf16* out) { layer_norm(x.data(), weight.data(), out, shape, nullptr); },
      [&](std::size_t i) {
        const double mean = moment(i / kWidth, 1);
        return (x.host[i] - mean) / std::sqrt(moment(i / kWidth, 2) - mean * mean + 1e-6) * weight.host[i % kWidth];
      });
  run(
      "activation", kCount, [&](Bf16* out) { gelu(x.data(), out, shape, nullptr); },
      [&](std::size_t i) { return 0.5 * x.host[i] * (1 + std::erf(x.host[i] / std::sqrt(2.0))); });
  run(
      "copy", kCount, [&](Bf16* out) { copy(x.data(), out, shape, nullptr); },
      [&](std::size_t i) { return x.host[i]; });
  const TokenShape halves{.tokens = kTokens, .width = kWidth / 2};
  run(
      "gated_activation", kCount / 2, [&](Bf16* out) { swiglu(x.data(), out, halves, nullptr); },
      [&](std::size_t i) {
        const std::size_t at = i / (kWidth / 2) * kWidth + i % (kWidth / 2);
        return x.host[at] / (1 + std::exp(-x.host[at])) * x.host[at + kWidth / 2];
      });
  const Operand sum(kCount, 7);
  residual_add(x.data(), sum.data(), shape, nullptr);
  check(cudaStreamSynchronize(nullptr));
  Floats want(kCount);
  std::ranges::transform(x.host, sum.host, want.begin(), std::plus<>{});
  compare("residual_add", read_bf16(sum.device, kCount), want);
  const DeviceBuffer wide = poisoned(4 * kCount);
  cast_to_float(x.data(), wide.as<float>(), shape, nullptr);
  const std::vector<float> cast = read<float>(wide, kCount);
  compare("cast", Floats(cast.begin(), cast.end()), x.host, 1e-7);
}

void check_routing() {
  constexpr std::size_t kTokens = 53;
  constexpr std::size_t kExperts = 40;
  constexpr std::size_t kTopK = 3;
  constexpr std::size_t kWidth = 64;
  constexpr std::size_t kSlots = kTokens * kTopK;
  const DeviceBuffer logits(4 * kTokens * kExperts);
  fill_random(logits.as<void>(), kTokens * kExperts, 4, false, 8, nullptr);
  const DeviceBuffer weights = poisoned(4 * kSlots);
  const DeviceBuffer experts = poisoned(4 * kSlots);
  const DeviceBuffer position = poisoned(4 * kSlots);
  const DeviceBuffer source = poisoned(4 * kSlots);
  const DeviceBuffer offsets = poisoned(4 * (2 * kExperts + 1));
  const Routing routing{.weights = weights.as<float>(),
                        .experts = experts.as<std::int32_t>(),
                        .position = position.as<std::int32_t>(),
                        .source = source.as<std::int32_t>(),
                        .offsets = offsets.as<std::int32_t>(),
                        .experts_total = static_cast<int>(kExperts),
                        .top_k = static_cast<int>(kTopK)};
  route(logits.as<float>(), kTokens, routing, nullptr);
  check(cudaStreamSynchronize(nullptr));
  const auto scores = read<float>(logits, kTokens * kExperts);
  const auto chosen = read<std::int32_t>(experts, kSlots);
  const auto weight = read<float>(weights, kSlots);
  const auto rows = read<std::int32_t>(position, kSlots);
  const auto tokens = read<std::int32_t>(source, kSlots);
  Floats want;
  bool places_right = true;
  std::vector<int> taken(kSlots, 0);
  for (std::size_t token = 0; token < kTokens; ++token) {
    std::vector<std::size_t> order(kExperts);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const float* row = &scores[token * kExperts];
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
    double sum = 0;
    for (std::size_t expert = 0; expert < kExperts; ++expert) sum += std::exp(static_cast<double>(row[expert]));
    for (std::size_t slot = 0; slot < kTopK; ++slot) {
      const std::size_t at = token * kTopK + slot;
      want.push_back(std::exp(static_cast<double>(row[order[slot]])) / sum);
      const auto to = static_cast<std::size_t>(rows[at]);
      places_right = places_right && static_cast<std::size_t>(chosen[at]) == order[slot] && to < kSlots &&
                     ++taken[to] == 1 && static_cast<std::size_t>(tokens[to]) == token;
    }
  }
  if (!places_right)
    throw MachineError("router: wrong experts, or rows that are not each taken once (nothing was timed)");
  compare("router", Floats(weight.begin(), weight.end()), want, 1e-4);

  const Operand x(kTokens * kWidth, 9);
  const DeviceBuffer packed = poisoned(2 * kSlots * kWidth);
  permute(x.data(), source.as<std::int32_t>(), packed.as<Bf16>(), kSlots, kWidth, nullptr);
  // Every row is its token, so the weighted sum is the token times the sum of its weights.
  want.assign(kTokens * kWidth, 0);
  for (std::size_t i = 0; i < want.size(); ++i) {
    for (std::size_t slot = 0; slot < kTopK; ++slot) {
      want[i] += x.host[i] * static_cast<double>(weight[i / kWidth * kTopK + slot]);
    }
  }
  const TokenShape shape{.tokens = kTokens, .width = kWidth};
  const DeviceBuffer out = poisoned(2 * kTokens * kWidth);
  unpermute(packed.as<Bf16>(), routing, out.as<Bf16>(), shape, nullptr);
  check(cudaStreamSynchronize(nullptr));
  compare("permute and unpermute", read_bf16(out, kTokens * kWidth), want);
  unpermute_atomic(packed.as<Bf16>(), routing, out.as<Bf16>(), shape, nullptr);
  check(cudaStreamSynchronize(nullptr));
  compare("unpermute_atomic", read_bf16(out, kTokens * kWidth), want, 2e-2);
}

void check_adam() {
  constexpr std::size_t kCount = 1000;
  std::vector<DeviceBuffer> state;
  std::vector<std::vector<float>> before;
  for (std::uint64_t i = 0; i < 4; ++i) {
    state.emplace_back(4 * kCount);
    fill_random(state.back().as<void>(), kCount, 4, false, 20 + (i == 3 ? 1 : i), nullptr);
    check(cudaStreamSynchronize(nullptr));
    before.push_back(read<float>(state.back(), kCount));
  }
  // The second moment is a square: the gradient's absolute value will do.
  for (float& one : before[3]) one = std::abs(one);
  check(cudaMemcpy(state[3].as<void>(), before[3].data(), 4 * kCount, cudaMemcpyHostToDevice));
  adam(state[0].as<float>(), state[1].as<float>(), state[2].as<float>(), state[3].as<float>(), kCount, nullptr);
  check(cudaStreamSynchronize(nullptr));
  const std::vector<float> after = read<float>(state[0], kCount);
  Floats want;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double g = static_cast<double>(before[1][i]);
    const double m = 0.9 * static_cast<double>(before[2][i]) + 0.1 * g;
    const double v = 0.95 * static_cast<double>(before[3][i]) + 0.05 * g * g;
    want.push_back(static_cast<double>(before[0][i]) - 1e-4 * m / (std::sqrt(v) + 1e-8));
  }
  compare("optimizer", Floats(after.begin(), after.end()), want, 1e-5);
}

}  // namespace

void check_results() {
  Products products;
  check_gemm(products);
  check_experts(products);
  check_elementwise();
  check_routing();
  check_adam();
}

}  // namespace moesim::microbench
