#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "microbench/kernels.hpp"

namespace moesim::microbench {
namespace {

void check(cudaError_t status, int line = __builtin_LINE()) { check_kernel(status, __FILE__, line); }

constexpr int kThreads = 256;
constexpr int kWarp = 32;

__device__ float to_float(Bf16 x) { return __uint_as_float(static_cast<unsigned>(x) << 16U); }
__device__ Bf16 to_bf16(float x) { return __bfloat16_as_ushort(__float2bfloat16(x)); }

/// Eight bf16 values in one 16-byte access.
union Eight {
  uint4 raw;
  Bf16 value[8];
};

int blocks_for(std::int64_t work, int threads = kThreads) {
  constexpr std::int64_t kMost = 1 << 20;
  const std::int64_t blocks = (work + threads - 1) / threads;
  return static_cast<int>(blocks < 1 ? 1 : (blocks > kMost ? kMost : blocks));
}

__device__ std::int64_t first_index() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ std::int64_t stride() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

/// out[i] = f(x[i]) over vectors of eight.
template <class Function>
__global__ void map_kernel(const Bf16* x, Bf16* out, std::int64_t vectors, Function function) {
  for (std::int64_t i = first_index(); i < vectors; i += stride()) {
    Eight in;
    in.raw = reinterpret_cast<const uint4*>(x)[i];
    for (Bf16& one : in.value) one = to_bf16(function(to_float(one)));
    reinterpret_cast<uint4*>(out)[i] = in.raw;
  }
}

struct Gelu {
  __device__ float operator()(float x) const { return 0.5F * x * (1 + erff(x * 0.70710678F)); }
};
struct Same {
  __device__ float operator()(float x) const { return x; }
};

__global__ void swiglu_kernel(const Bf16* x, Bf16* out, std::int64_t tokens, int vectors) {
  for (std::int64_t i = first_index(); i < tokens * vectors; i += stride()) {
    const std::int64_t token = i / vectors;
    const auto* row = reinterpret_cast<const uint4*>(x) + token * 2 * vectors + i % vectors;
    Eight gate;
    Eight value;
    gate.raw = row[0];
    value.raw = row[vectors];
    for (int j = 0; j < 8; ++j) {
      const float g = to_float(gate.value[j]);
      value.value[j] = to_bf16(g / (1 + __expf(-g)) * to_float(value.value[j]));
    }
    reinterpret_cast<uint4*>(out)[i] = value.raw;
  }
}

__global__ void add_kernel(const Bf16* x, Bf16* inout, std::int64_t vectors) {
  for (std::int64_t i = first_index(); i < vectors; i += stride()) {
    Eight a;
    Eight b;
    a.raw = reinterpret_cast<const uint4*>(x)[i];
    b.raw = reinterpret_cast<uint4*>(inout)[i];
    for (int j = 0; j < 8; ++j) b.value[j] = to_bf16(to_float(a.value[j]) + to_float(b.value[j]));
    reinterpret_cast<uint4*>(inout)[i] = b.raw;
  }
}

__global__ void cast_kernel(const Bf16* x, float* out, std::int64_t vectors) {
  for (std::int64_t i = first_index(); i < vectors; i += stride()) {
    Eight in;
    in.raw = reinterpret_cast<const uint4*>(x)[i];
    float4* to = reinterpret_cast<float4*>(out) + 2 * i;
    to[0] = {to_float(in.value[0]), to_float(in.value[1]), to_float(in.value[2]), to_float(in.value[3])};
    to[1] = {to_float(in.value[4]), to_float(in.value[5]), to_float(in.value[6]), to_float(in.value[7])};
  }
}

__device__ float block_sum(float value) {
  __shared__ float partial[kThreads / kWarp];
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffU, value, offset);
  __syncthreads();
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = value;
  __syncthreads();
  float sum = 0;
  for (const float one : partial) sum += one;
  return sum;
}

/// One block a token. centered: layer norm, else RMS norm.
__global__ void norm_kernel(const Bf16* x, const Bf16* weight, Bf16* out, int vectors, bool centered) {
  const auto* row = reinterpret_cast<const uint4*>(x) + static_cast<std::int64_t>(blockIdx.x) * vectors;
  float sum = 0;
  float squares = 0;
  for (int i = threadIdx.x; i < vectors; i += kThreads) {
    Eight in;
    in.raw = row[i];
    for (const Bf16 one : in.value) {
      const float value = to_float(one);
      sum += value;
      squares += value * value;
    }
  }
  const float count = 8.0F * static_cast<float>(vectors);
  const float mean = centered ? block_sum(sum) / count : 0.0F;
  const float scale = rsqrtf(block_sum(squares) / count - mean * mean + 1e-6F);
  auto* to = reinterpret_cast<uint4*>(out) + static_cast<std::int64_t>(blockIdx.x) * vectors;
  for (int i = threadIdx.x; i < vectors; i += kThreads) {
    Eight in;
    Eight w;
    in.raw = row[i];
    w.raw = reinterpret_cast<const uint4*>(weight)[i];
    for (int j = 0; j < 8; ++j) in.value[j] = to_bf16((to_float(in.value[j]) - mean) * scale * to_float(w.value[j]));
    to[i] = in.raw;
  }
}

constexpr int kPerLane = 8;  // experts of a lane: 256 in all

/// One warp a token: softmax in registers, then top_k times the largest that is left; counts the experts' rows.
__global__ void choose_kernel(const float* logits, std::int64_t tokens, Routing routing) {
  const std::int64_t token = first_index() / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (token >= tokens) return;
  float score[kPerLane];
  float largest = -INFINITY;
  for (int i = 0; i < kPerLane; ++i) {
    const int expert = i * kWarp + lane;
    score[i] = expert < routing.experts_total ? logits[token * routing.experts_total + expert] : -INFINITY;
    largest = fmaxf(largest, score[i]);
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffU, largest, offset));
  float sum = 0;
  for (float& one : score) {
    one = __expf(one - largest);
    sum += one;
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffU, sum, offset);
  for (int slot = 0; slot < routing.top_k; ++slot) {
    float best = -1;
    int best_expert = 0;
    for (int i = 0; i < kPerLane; ++i) {
      if (score[i] > best) {
        best = score[i];
        best_expert = i * kWarp + lane;
      }
    }
    for (int offset = kWarp / 2; offset > 0; offset /= 2) {
      const float other = __shfl_xor_sync(0xffffffffU, best, offset);
      const int other_expert = __shfl_xor_sync(0xffffffffU, best_expert, offset);
      if (other > best || (other == best && other_expert < best_expert)) {
        best = other;
        best_expert = other_expert;
      }
    }
    for (int i = 0; i < kPerLane; ++i) {
      if (i * kWarp + lane == best_expert) score[i] = -1;
    }
    if (lane == 0) {
      const std::int64_t at = token * routing.top_k + slot;
      routing.weights[at] = best / sum;
      routing.experts[at] = best_expert;
      // Place among the rows of the expert, in order of arrival.
      routing.position[at] = atomicAdd(routing.offsets + routing.experts_total + 1 + best_expert, 1);
    }
  }
}

/// Counts to offsets: one warp-sized walk over at most 256 experts.
__global__ void offsets_kernel(Routing routing) {
  int sum = 0;
  for (int expert = 0; expert < routing.experts_total; ++expert) {
    if (threadIdx.x == 0) routing.offsets[expert] = sum;
    sum += routing.offsets[routing.experts_total + 1 + expert];
  }
  if (threadIdx.x == 0) routing.offsets[routing.experts_total] = sum;
}

__global__ void place_kernel(std::int64_t slots, Routing routing) {
  for (std::int64_t slot = first_index(); slot < slots; slot += stride()) {
    const int row = routing.offsets[routing.experts[slot]] + routing.position[slot];
    routing.position[slot] = row;
    routing.source[row] = static_cast<std::int32_t>(slot / routing.top_k);
  }
}

__global__ void permute_kernel(const Bf16* x, const std::int32_t* source, Bf16* out, std::int64_t rows, int vectors) {
  for (std::int64_t i = first_index(); i < rows * vectors; i += stride()) {
    const std::int64_t token = source[i / vectors];
    reinterpret_cast<uint4*>(out)[i] = reinterpret_cast<const uint4*>(x)[token * vectors + i % vectors];
  }
}

__global__ void unpermute_kernel(const Bf16* rows, Routing routing, Bf16* out, std::int64_t tokens, int vectors) {
  for (std::int64_t i = first_index(); i < tokens * vectors; i += stride()) {
    const std::int64_t token = i / vectors;
    float sum[8] = {};
    for (int slot = 0; slot < routing.top_k; ++slot) {
      const std::int64_t at = token * routing.top_k + slot;
      Eight in;
      in.raw =
          reinterpret_cast<const uint4*>(rows)[static_cast<std::int64_t>(routing.position[at]) * vectors + i % vectors];
      for (int j = 0; j < 8; ++j) sum[j] += routing.weights[at] * to_float(in.value[j]);
    }
    Eight result;
    for (int j = 0; j < 8; ++j) result.value[j] = to_bf16(sum[j]);
    reinterpret_cast<uint4*>(out)[i] = result.raw;
  }
}

__global__ void unpermute_atomic_kernel(const Bf16* rows, Routing routing, Bf16* out, std::int64_t slots, int pairs) {
  for (std::int64_t i = first_index(); i < slots * pairs; i += stride()) {
    const std::int64_t slot = i / pairs;
    const auto* from = reinterpret_cast<const __nv_bfloat162*>(rows);
    auto* to = reinterpret_cast<__nv_bfloat162*>(out);
    const __nv_bfloat162 value = from[static_cast<std::int64_t>(routing.position[slot]) * pairs + i % pairs];
    const __nv_bfloat162 weight = __float2bfloat162_rn(routing.weights[slot]);
    atomicAdd(to + slot / routing.top_k * pairs + i % pairs, __hmul2(value, weight));
  }
}

__global__ void adam_kernel(float4* weight, const float4* gradient, float4* first, float4* second,
                            std::int64_t vectors) {
  constexpr float kBeta1 = 0.9F;
  constexpr float kBeta2 = 0.95F;
  constexpr float kRate = 1e-4F;
  const auto step = [](float& w, float g, float& m, float& v) {
    m = kBeta1 * m + (1 - kBeta1) * g;
    v = kBeta2 * v + (1 - kBeta2) * g * g;
    w -= kRate * m / (sqrtf(v) + 1e-8F);
  };
  for (std::int64_t i = first_index(); i < vectors; i += stride()) {
    float4 w = weight[i];
    const float4 g = gradient[i];
    float4 m = first[i];
    float4 v = second[i];
    step(w.x, g.x, m.x, v.x);
    step(w.y, g.y, m.y, v.y);
    step(w.z, g.z, m.z, v.z);
    step(w.w, g.w, m.w, v.w);
    weight[i] = w;
    first[i] = m;
    second[i] = v;
  }
}

__device__ float random_value(std::uint64_t seed, std::int64_t i) {
  std::uint64_t z = seed + static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15ULL;  // SplitMix64
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return static_cast<float>((z ^ (z >> 31U)) >> 40U) * (2.0F / (1U << 24U)) - 1.0F;
}

__global__ void random_kernel(void* data, std::int64_t count, int size, bool half, std::uint64_t seed) {
  for (std::int64_t i = first_index(); i < count; i += stride()) {
    const float value = random_value(seed, i);
    if (size == 4) static_cast<float*>(data)[i] = value;
    if (size == 2 && half) static_cast<__half*>(data)[i] = __float2half(value);
    if (size == 2 && !half) static_cast<Bf16*>(data)[i] = to_bf16(value);
    if (size == 1) static_cast<__nv_fp8_e4m3*>(data)[i] = __nv_fp8_e4m3(value);
  }
}

__global__ void nothing_kernel() {}

__global__ void wait_kernel(unsigned long long nanoseconds) {
  const auto now = [] {
    unsigned long long time = 0;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(time));
    return time;
  };
  const unsigned long long begin = now();
  while (now() - begin < nanoseconds) {
  }
}

std::int64_t vectors_of(TokenShape shape) { return shape.tokens * shape.width / 8; }

}  // namespace

void fill_random(void* data, std::int64_t count, int size, bool half, std::uint64_t seed, cudaStream_t stream) {
  random_kernel<<<blocks_for(count), kThreads, 0, stream>>>(data, count, size, half, seed);
  check(cudaGetLastError());
}

void rms_norm(const Bf16* x, const Bf16* weight, Bf16* out, TokenShape shape, cudaStream_t stream) {
  norm_kernel<<<static_cast<unsigned>(shape.tokens), kThreads, 0, stream>>>(x, weight, out, shape.width / 8, false);
  check(cudaGetLastError());
}
void layer_norm(const Bf16* x, const Bf16* weight, Bf16* out, TokenShape shape, cudaStream_t stream) {
  norm_kernel<<<static_cast<unsigned>(shape.tokens), kThreads, 0, stream>>>(x, weight, out, shape.width / 8, true);
  check(cudaGetLastError());
}
void gelu(const Bf16* x, Bf16* out, TokenShape shape, cudaStream_t stream) {
  map_kernel<<<blocks_for(vectors_of(shape)), kThreads, 0, stream>>>(x, out, vectors_of(shape), Gelu{});
  check(cudaGetLastError());
}
void copy(const Bf16* x, Bf16* out, TokenShape shape, cudaStream_t stream) {
  map_kernel<<<blocks_for(vectors_of(shape)), kThreads, 0, stream>>>(x, out, vectors_of(shape), Same{});
  check(cudaGetLastError());
}
void swiglu(const Bf16* x, Bf16* out, TokenShape shape, cudaStream_t stream) {
  swiglu_kernel<<<blocks_for(vectors_of(shape)), kThreads, 0, stream>>>(x, out, shape.tokens, shape.width / 8);
  check(cudaGetLastError());
}
void residual_add(const Bf16* x, Bf16* inout, TokenShape shape, cudaStream_t stream) {
  add_kernel<<<blocks_for(vectors_of(shape)), kThreads, 0, stream>>>(x, inout, vectors_of(shape));
  check(cudaGetLastError());
}
void cast_to_float(const Bf16* x, float* out, TokenShape shape, cudaStream_t stream) {
  cast_kernel<<<blocks_for(vectors_of(shape)), kThreads, 0, stream>>>(x, out, vectors_of(shape));
  check(cudaGetLastError());
}

void route(const float* logits, std::int64_t tokens, const Routing& routing, cudaStream_t stream) {
  const std::size_t ints = 2 * static_cast<std::size_t>(routing.experts_total) + 1;
  check(cudaMemsetAsync(routing.offsets, 0, ints * sizeof(std::int32_t), stream));
  choose_kernel<<<blocks_for(tokens * kWarp), kThreads, 0, stream>>>(logits, tokens, routing);
  offsets_kernel<<<1, kWarp, 0, stream>>>(routing);
  place_kernel<<<blocks_for(tokens * routing.top_k), kThreads, 0, stream>>>(tokens * routing.top_k, routing);
  check(cudaGetLastError());
}
void permute(const Bf16* x, const std::int32_t* source, Bf16* out, std::int64_t rows, int width, cudaStream_t stream) {
  permute_kernel<<<blocks_for(rows * (width / 8)), kThreads, 0, stream>>>(x, source, out, rows, width / 8);
  check(cudaGetLastError());
}
void unpermute(const Bf16* rows, const Routing& routing, Bf16* out, TokenShape shape, cudaStream_t stream) {
  unpermute_kernel<<<blocks_for(vectors_of(shape)), kThreads, 0, stream>>>(rows, routing, out, shape.tokens,
                                                                           shape.width / 8);
  check(cudaGetLastError());
}
void unpermute_atomic(const Bf16* rows, const Routing& routing, Bf16* out, TokenShape shape, cudaStream_t stream) {
  check(cudaMemsetAsync(out, 0, static_cast<std::size_t>(shape.tokens * shape.width) * sizeof(Bf16), stream));
  const std::int64_t slots = shape.tokens * routing.top_k;
  unpermute_atomic_kernel<<<blocks_for(slots * (shape.width / 2)), kThreads, 0, stream>>>(rows, routing, out, slots,
                                                                                          shape.width / 2);
  check(cudaGetLastError());
}
void adam(float* weight, const float* gradient, float* first, float* second, std::int64_t count, cudaStream_t stream) {
  adam_kernel<<<blocks_for(count / 4), kThreads, 0, stream>>>(
      reinterpret_cast<float4*>(weight), reinterpret_cast<const float4*>(gradient), reinterpret_cast<float4*>(first),
      reinterpret_cast<float4*>(second), count / 4);
  check(cudaGetLastError());
}
void wait_on_device(double seconds, cudaStream_t stream) {
  wait_kernel<<<1, 1, 0, stream>>>(static_cast<unsigned long long>(1e9 * seconds));
  check(cudaGetLastError());
}

void empty_kernel(cudaStream_t stream) {
  nothing_kernel<<<1, 1, 0, stream>>>();
  check(cudaGetLastError());
}

}  // namespace moesim::microbench
