#pragma once

#include <cstdint>
#include <cuda_runtime.h>

namespace moesim::microbench {

/// @throws MachineError; as check() of gpu.hpp, for what nvcc compiles (as C++17)
void check_kernel(cudaError_t status, const char* file, int line);

// Kernels around the matrix products of an MoE layer, bf16 (as raw 16-bit words on this side), each passing over memory
// once. All are launched on `stream` and return at once.

/// Uniform in [-1, 1], by position and seed; `bytes_per_element` 1 (e4m3), 2 (bf16, or fp16 when `half`) or 4 (fp32).
void fill_random(void* data, std::int64_t count, int bytes_per_element, bool half, std::uint64_t seed,
                 cudaStream_t stream);

struct TokenShape {
  std::int64_t tokens = 1;
  int width = 1;  ///< even
};
using Bf16 = std::uint16_t;

void rms_norm(const Bf16* x, const Bf16* weight, Bf16* out, TokenShape shape, cudaStream_t stream);
void layer_norm(const Bf16* x, const Bf16* weight, Bf16* out, TokenShape shape, cudaStream_t stream);
void gelu(const Bf16* x, Bf16* out, TokenShape shape, cudaStream_t stream);
/// x: [tokens, 2 width]; out = silu(left) * right.
void swiglu(const Bf16* x, Bf16* out, TokenShape shape, cudaStream_t stream);
void residual_add(const Bf16* x, Bf16* inout, TokenShape shape, cudaStream_t stream);
void cast_to_float(const Bf16* x, float* out, TokenShape shape, cudaStream_t stream);
void copy(const Bf16* x, Bf16* out, TokenShape shape, cudaStream_t stream);

/// Softmax over the experts, the top_k of them, and where each (token, expert) row goes when rows are sorted by expert.
struct Routing {
  float* weights;          ///< [tokens, top_k]
  std::int32_t* experts;   ///< [tokens, top_k]
  std::int32_t* position;  ///< [tokens, top_k]: row of the slot
  std::int32_t* source;    ///< [tokens * top_k]: token of the row
  std::int32_t* offsets;   ///< [experts + 1]: first row of each expert; scratch of the counting before
  int experts_total;       ///< at most 256
  int top_k;               ///< at most 32
};
void route(const float* logits, std::int64_t tokens, const Routing& routing, cudaStream_t stream);

/// out[row] = x[source[row]].
void permute(const Bf16* x, const std::int32_t* source, Bf16* out, std::int64_t rows, int width, cudaStream_t stream);
/// out[token] = sum over slots of weight * rows[position].
void unpermute(const Bf16* rows, const Routing& routing, Bf16* out, TokenShape shape, cudaStream_t stream);
/// The same by atomic additions, row by row; `out` is cleared first.
void unpermute_atomic(const Bf16* rows, const Routing& routing, Bf16* out, TokenShape shape, cudaStream_t stream);

/// Adam on fp32 weights, gradients and moments.
void adam(float* weight, const float* gradient, float* first, float* second, std::int64_t count, cudaStream_t stream);

void empty_kernel(cudaStream_t stream);

/// Keeps the stream busy for so long, so that the host can prepare what follows.
void wait_on_device(double seconds, cudaStream_t stream);

/// Copies in a loop on `blocks` blocks that leave no room for others on their multiprocessors, as a collective's
/// channels do, until *stop is not 0 (host memory that the device sees) or `limit` seconds have passed. Each block
/// writes what it has moved [B, read + written] and how long it ran [ns] to report[2 * block].
void copy_until_stopped(const void* from, void* to, std::int64_t bytes, int blocks, const volatile int* stop,
                        double limit, unsigned long long* report, cudaStream_t stream);

}  // namespace moesim::microbench
