// A copy that takes whole multiprocessors, as the channels of a collective do.

#include "microbench/kernels.hpp"

namespace moesim::microbench {
namespace {

void check(cudaError_t status, int line = __builtin_LINE()) { check_kernel(status, __FILE__, line); }

__device__ unsigned long long nanoseconds() {
  unsigned long long now = 0;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  return now;
}

__global__ void copy_loop_kernel(const uint4* from, uint4* to, std::int64_t vectors, const volatile int* stop,
                                 unsigned long long limit, unsigned long long* report) {
  constexpr int kUnroll = 4;
  extern __shared__ char occupied[];
  if (threadIdx.x == 0) occupied[0] = 0;
  const unsigned long long begin = nanoseconds();
  const std::int64_t share = vectors / gridDim.x / (blockDim.x * kUnroll) * (blockDim.x * kUnroll);
  const uint4* source = from + share * blockIdx.x;
  uint4* target = to + share * blockIdx.x;
  unsigned long long moved = 0;
  __shared__ int done;
  if (threadIdx.x == 0) done = 0;
  __syncthreads();
  for (std::int64_t at = 0;; at += blockDim.x * kUnroll) {
    if (at >= share) at = 0;
    uint4 value[kUnroll];
    for (int i = 0; i < kUnroll; ++i) value[i] = source[at + i * blockDim.x + threadIdx.x];
    for (int i = 0; i < kUnroll; ++i) target[at + i * blockDim.x + threadIdx.x] = value[i];
    moved += 2ULL * sizeof(uint4) * kUnroll * blockDim.x;
    // The host's flag is far away: look at it once in a while.
    if ((moved & ((1ULL << 20U) - 1)) == 0) {
      if (threadIdx.x == 0) done = (*stop != 0 || nanoseconds() - begin > limit) ? 1 : 0;
      __syncthreads();
      if (done != 0) break;
      __syncthreads();
    }
  }
  if (threadIdx.x == 0) {
    report[2 * blockIdx.x] = moved;
    report[2 * blockIdx.x + 1] = nanoseconds() - begin;
  }
}

}  // namespace

void copy_until_stopped(const void* from, void* to, std::int64_t bytes, int blocks, const volatile int* stop,
                        double limit, unsigned long long* report, cudaStream_t stream) {
  constexpr int kCopyThreads = 512;
  // More than half of a multiprocessor's shared memory: no second block fits beside.
  int shared = 0;
  check(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerMultiprocessor, 0));
  shared = shared / 2 + 1024;
  check(cudaFuncSetAttribute(copy_loop_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  copy_loop_kernel<<<static_cast<unsigned>(blocks), kCopyThreads, static_cast<unsigned>(shared), stream>>>(
      static_cast<const uint4*>(from), static_cast<uint4*>(to), bytes / static_cast<std::int64_t>(sizeof(uint4)), stop,
      static_cast<unsigned long long>(limit * 1e9), report);
  check(cudaGetLastError());
}

}  // namespace moesim::microbench
