// Matrix products, experts' products and the kernels around them, each over operands that the cache does not hold.

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "microbench/kernels.hpp"
#include "microbench/matrix_product.hpp"
#include "microbench/suites.hpp"

namespace moesim::microbench {
namespace {

constexpr bool kHalf = true;

/// Random operands: `sets` buffers of `count` elements.
std::vector<DeviceBuffer> random_buffers(int sets, std::int64_t count, int size, bool half, std::uint64_t seed) {
  std::vector<DeviceBuffer> buffers;
  for (int i = 0; i < sets; ++i) {
    buffers.emplace_back(static_cast<std::size_t>(count * size));
    fill_random(buffers.back().as<void>(), count, size, half, seed + static_cast<std::uint64_t>(i), nullptr);
  }
  check(cudaStreamSynchronize(nullptr));
  return buffers;
}

void run_gemm(Bench& bench, Products& products, double share) {
  PlanRandom random(bench.options().seed);
  const bool fp8 = bench.gpu().capability >= 89;
  while (!bench.over(share)) {
    const GemmPoint point = gemm_point(random, fp8);
    const Row shape = {{"kernel", "gemm"},
                       {"dtype", std::string(precision_name(point.precision))},
                       {"m", fmt::format("{}", point.m)},
                       {"n", fmt::format("{}", point.n)},
                       {"k", fmt::format("{}", point.k)},
                       {"layout", std::string(layout_name(point.layout))}};
    if (bench.known(shape)) continue;
    const int size = static_cast<int>(precision_bytes(point.precision));
    const auto footprint = static_cast<double>(size * (point.m * point.k + point.n * point.k) + 2 * point.m * point.n);
    const int sets = rotated_sets(footprint, bench.gpu().l2_bytes);
    const bool half = point.precision == Precision::fp16;
    const auto a = random_buffers(sets, point.m * point.k, size, half, 1);
    const auto b = random_buffers(sets, point.n * point.k, size, half, 1000);
    std::vector<DeviceBuffer> c;
    std::vector<Launch1> launches;
    for (std::size_t i = 0; i < a.size(); ++i) {
      c.emplace_back(static_cast<std::size_t>(2 * point.m * point.n));
      launches.push_back(products.gemm(point, a[i].as<void>(), b[i].as<void>(), c[i].as<void>()));
    }
    if (launches.front()) bench.sample(shape, launches);
  }
}

Row experts_shape(const ExpertsPoint& point, std::string_view kernel) {
  std::int64_t total = 0;
  for (const std::int64_t rows : point.rows) total += rows;
  const auto experts = static_cast<std::int64_t>(point.rows.size());
  Row shape = {{"kernel", std::string(kernel)},           {"dtype", "bf16"},
               {"m", fmt::format("{}", total / experts)}, {"n", fmt::format("{}", point.n)},
               {"k", fmt::format("{}", point.k)},         {"experts", fmt::format("{}", experts)}};
  if (!point.balanced) shape.emplace_back("rows", fmt::format("{}", fmt::join(point.rows, " ")));
  return shape;
}

void run_experts(Bench& bench, Products& products, double share) {
  PlanRandom random(bench.options().seed + 1);
  while (!bench.over(share)) {
    const ExpertsPoint point = experts_point(random);
    const Row grouped = experts_shape(point, "grouped_gemm_cublas");
    const Row batched = experts_shape(point, "batched_gemm");
    if (bench.known(grouped)) continue;
    std::int64_t total = 0;
    for (const std::int64_t rows : point.rows) total += rows;
    const auto experts = static_cast<std::int64_t>(point.rows.size());
    const auto footprint = static_cast<double>(2 * (total * (point.n + point.k) + experts * point.n * point.k));
    const int sets = rotated_sets(footprint, bench.gpu().l2_bytes);
    const auto rows = random_buffers(sets, total * point.k, 2, !kHalf, 1);
    const auto weights = random_buffers(sets, experts * point.n * point.k, 2, !kHalf, 1000);
    std::vector<DeviceBuffer> out;
    std::vector<Launch1> in_groups;
    std::vector<Launch1> in_batches;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out.emplace_back(static_cast<std::size_t>(2 * total * point.n));
      in_groups.push_back(products.grouped(point, rows[i].as<void>(), weights[i].as<void>(), out[i].as<void>()));
      in_batches.push_back(products.batched(point, rows[i].as<void>(), weights[i].as<void>(), out[i].as<void>()));
    }
    // The library copies the groups' shapes to the device at each call: not to be captured.
    bench.sample(grouped, in_groups, false);
    if (point.balanced) bench.sample(batched, in_batches);
  }
}

/// Buffers of one pass over the memory kernels.
struct TokenBuffers {
  std::vector<DeviceBuffer> x;
  std::vector<DeviceBuffer> out;
  DeviceBuffer weight;
};

template <class Function>
std::vector<Launch1> each(const TokenBuffers& buffers, const Function& function) {
  std::vector<Launch1> launches;
  for (std::size_t i = 0; i < buffers.x.size(); ++i) {
    launches.emplace_back([function, x = buffers.x[i].as<Bf16>(),
                           out = buffers.out[i].as<Bf16>()](cudaStream_t stream) { function(x, out, stream); });
  }
  return launches;
}

void run_routing(Bench& bench, PlanRandom& random, const TokenBuffers& buffers, TokenShape shape, const Row& base) {
  struct Router {
    int experts;
    int top_k;
  };
  constexpr Router kRouters[] = {{64, 8}, {128, 8}, {256, 8}, {8, 2}};
  const Router router = kRouters[random.index(4)];
  const std::int64_t slots = shape.tokens * router.top_k;
  if (slots * shape.width * 2 > 4'000'000'000) return;
  const auto logits = random_buffers(2, shape.tokens * router.experts, 4, !kHalf, 77);
  const DeviceBuffer weights(static_cast<std::size_t>(4 * slots));
  const DeviceBuffer experts(static_cast<std::size_t>(4 * slots));
  const DeviceBuffer position(static_cast<std::size_t>(4 * slots));
  const DeviceBuffer source(static_cast<std::size_t>(4 * slots));
  const DeviceBuffer offsets(sizeof(std::int32_t) * (2 * static_cast<std::size_t>(router.experts) + 1));
  const Routing routing{.weights = weights.as<float>(),
                        .experts = experts.as<std::int32_t>(),
                        .position = position.as<std::int32_t>(),
                        .source = source.as<std::int32_t>(),
                        .offsets = offsets.as<std::int32_t>(),
                        .experts_total = router.experts,
                        .top_k = router.top_k};
  std::vector<Launch1> routes;
  for (const DeviceBuffer& one : logits) {
    routes.emplace_back([&routing, tokens = shape.tokens, from = one.as<float>()](cudaStream_t stream) {
      route(from, tokens, routing, stream);
    });
  }
  // Fused in four kernels; frameworks' routers are slower: scripts/bench_torch.py measures those.
  bench.sample({{"kernel", "router_fused"},
                {"dtype", "fp32"},
                {"m", fmt::format("{}", shape.tokens)},
                {"n", fmt::format("{}", router.experts)},
                {"k", fmt::format("{}", router.top_k)},
                {"bytes", fmt::format("{}", shape.tokens * router.experts * 4 * 5)}},
               routes);
  route(logits[0].as<float>(), shape.tokens, routing, nullptr);
  check(cudaStreamSynchronize(nullptr));

  std::vector<DeviceBuffer> rows = random_buffers(2, slots * shape.width, 2, !kHalf, 5);
  const std::int64_t token_bytes = 2 * shape.tokens * shape.width;
  const auto with = [&](std::string_view kernel, std::int64_t bytes) {
    Row row = base;
    row.emplace_back("kernel", std::string(kernel));
    row.emplace_back("k", fmt::format("{}", router.top_k));
    row.emplace_back("bytes", fmt::format("{}", bytes));
    return row;
  };
  std::vector<Launch1> gathers;
  std::vector<Launch1> sums;
  std::vector<Launch1> atomics;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto* x = buffers.x[i % buffers.x.size()].as<Bf16>();
    auto* out = buffers.out[i % buffers.out.size()].as<Bf16>();
    auto* packed = rows[i].as<Bf16>();
    gathers.emplace_back([=, &routing](cudaStream_t s) { permute(x, routing.source, packed, slots, shape.width, s); });
    sums.emplace_back([=, &routing](cudaStream_t s) { unpermute(packed, routing, out, shape, s); });
    atomics.emplace_back([=, &routing](cudaStream_t s) { unpermute_atomic(packed, routing, out, shape, s); });
  }
  bench.sample(with("permute", 2 * router.top_k * token_bytes), gathers);
  bench.sample(with("unpermute", (router.top_k + 1) * token_bytes), sums);
  bench.sample(with("unpermute_atomic", (router.top_k + 1) * token_bytes), atomics);
}

void run_memory(Bench& bench, double share) {
  PlanRandom random(bench.options().seed + 2);
  constexpr int kWidths[] = {512, 1024, 2048, 4096, 7168};
  while (!bench.over(share)) {
    const TokenShape shape{.tokens = random.size(16, 65536), .width = kWidths[random.index(5)]};
    const std::int64_t elements = shape.tokens * shape.width;
    if (elements * 2 > 1'000'000'000) continue;
    const int sets = rotated_sets(4.0 * static_cast<double>(elements), bench.gpu().l2_bytes);
    TokenBuffers buffers{.x = random_buffers(sets, elements, 2, !kHalf, 1),
                         .out = random_buffers(sets, 2 * elements, 2, !kHalf, 2),  // a cast's result is twice as large
                         .weight = DeviceBuffer(static_cast<std::size_t>(2 * shape.width))};
    fill_random(buffers.weight.as<void>(), shape.width, 2, !kHalf, 3, nullptr);
    check(cudaStreamSynchronize(nullptr));
    const Row base = {{"dtype", "bf16"}, {"m", fmt::format("{}", shape.tokens)}, {"n", fmt::format("{}", shape.width)}};
    const auto sample = [&](std::string_view kernel, std::int64_t passes_bytes, const auto& function) {
      Row row = base;
      row.emplace_back("kernel", std::string(kernel));
      row.emplace_back("bytes", fmt::format("{}", passes_bytes));
      bench.sample(row, each(buffers, function));
    };
    const auto* weight = buffers.weight.as<Bf16>();
    const std::int64_t pass = 2 * elements;
    sample("norm", 2 * pass, [=](const Bf16* x, Bf16* out, cudaStream_t s) { rms_norm(x, weight, out, shape, s); });
    sample("layer_norm", 2 * pass,
           [=](const Bf16* x, Bf16* out, cudaStream_t s) { layer_norm(x, weight, out, shape, s); });
    sample("activation", 2 * pass, [=](const Bf16* x, Bf16* out, cudaStream_t s) { gelu(x, out, shape, s); });
    sample("residual_add", 3 * pass, [=](const Bf16* x, Bf16* out, cudaStream_t s) { residual_add(x, out, shape, s); });
    sample("copy", 2 * pass, [=](const Bf16* x, Bf16* out, cudaStream_t s) { copy(x, out, shape, s); });
    sample("cast", 3 * pass, [=](const Bf16* x, Bf16* out, cudaStream_t s) {
      cast_to_float(x, reinterpret_cast<float*>(out), shape, s);
    });
    // Over half the width: gate and value lie side by side in x.
    const TokenShape halves{.tokens = shape.tokens, .width = shape.width / 2};
    sample("gated_activation", pass + pass / 2,
           [=](const Bf16* x, Bf16* out, cudaStream_t s) { swiglu(x, out, halves, s); });
    run_routing(bench, random, buffers, shape, base);
  }
}

void run_optimizer(Bench& bench, double share) {
  PlanRandom random(bench.options().seed + 3);
  while (!bench.over(share)) {
    const std::int64_t count = random.size(1 << 16, 1 << 28, 4);
    const auto state = random_buffers(4, count, 4, !kHalf, 9);
    bench.sample({{"kernel", "optimizer"},
                  {"dtype", "fp32"},
                  {"m", fmt::format("{}", count)},
                  {"bytes", fmt::format("{}", 28 * count)}},
                 std::vector<Launch1>(2, [&](cudaStream_t stream) {
                   adam(state[0].as<float>(), state[1].as<float>(), state[2].as<float>(), state[3].as<float>(), count,
                        stream);
                 }));
  }
}

}  // namespace

void run_kernels(Bench& bench) {
  Products products;
  run_gemm(bench, products, 0.5);
  run_experts(bench, products, 0.7);
  run_memory(bench, 0.95);
  run_optimizer(bench, 1.0);
}

}  // namespace moesim::microbench
