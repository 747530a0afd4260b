#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "moesim/base/dtype.hpp"
#include "moesim/base/estimate.hpp"
#include "moesim/cluster/device.hpp"
#include "moesim/cost/calibration.hpp"

namespace moesim {

/// What decides a kernel's time.
enum class Bound { compute, memory, launch };
[[nodiscard]] std::string_view bound_name(Bound bound);

struct KernelEstimate {
  Estimate estimate;
  Bound bound = Bound::launch;
  bool extrapolated = false;       ///< a shape argument lies outside the samples; the spread is widened
  const FittedLaw* law = nullptr;  ///< null: no law for this device, a data-sheet bound with an assumed spread was used
};

/// C[m,n] = A[m,k] B[k,n].
struct GemmShape {
  double m = 0;
  double n = 0;
  double k = 0;
  DType dtype = DType::bf16;
  Bytes result = {};  ///< moved per element of C; 0: written once in dtype. C += A B in fp32 moves 8
};

/// How a framework runs the experts' matrix products.
enum class ExpertExecution {
  sequential,  ///< one GEMM after the other
  batched,     ///< one strided-batched GEMM over equal, padded row counts
  grouped      ///< one kernel over unequal row counts
};

/// experts GEMMs [rows_i, k] x [k, n].
struct GroupedGemmShape {
  std::span<const double> rows;  ///< per expert of this rank
  double n = 0;
  double k = 0;
  DType dtype = DType::bf16;
  ExpertExecution execution = ExpertExecution::grouped;
  Bytes result = {};             ///< as of GemmShape
  bool weight_gradient = false;  ///< grouped: the law grouped_wgrad, where there is one
};

struct AttentionShape {
  double sequences = 0;
  double query_tokens = 0;    ///< per sequence (decode: 1)
  double context_tokens = 0;  ///< keys per query sequence, cached ones included
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int v_head_dim = 0;  ///< 0: as head_dim
  bool causal = true;
  bool backward = false;
  bool writes_cache = false;  ///< the kernel also appends the new keys and values to an engine's cache
  DType dtype = DType::bf16;
};

/// The router's decision from its scores: softmax, top-k, rows sorted by expert.
struct RouterShape {
  double tokens = 0;
  double experts = 0;
  double top_k = 0;
};

/// Kernels that move bytes and compute little: time from the bytes they move.
enum class MemoryKernel {
  norm,
  norm_backward,
  activation,
  activation_backward,
  gated_activation,
  gated_activation_backward,
  residual_add,
  rotary,
  softmax,
  router,
  router_backward,
  permute,
  unpermute,
  unpermute_backward,
  unpermute_atomic,
  qkv_gradient,
  embedding,
  cross_entropy,
  optimizer,
  copy,
  cast
};
struct NamedMemoryKernel {
  std::string_view name;
  MemoryKernel kernel;
  std::optional<MemoryKernel> stand_in = {};  ///< whose law counts where this kernel was not measured by itself
};
inline constexpr std::array kMemoryKernels = {
    NamedMemoryKernel{"norm", MemoryKernel::norm},
    NamedMemoryKernel{"norm_backward", MemoryKernel::norm_backward, MemoryKernel::norm},
    NamedMemoryKernel{"activation", MemoryKernel::activation},
    NamedMemoryKernel{"activation_backward", MemoryKernel::activation_backward, MemoryKernel::activation},
    NamedMemoryKernel{"gated_activation", MemoryKernel::gated_activation},
    NamedMemoryKernel{"gated_activation_backward", MemoryKernel::gated_activation_backward,
                      MemoryKernel::gated_activation},
    NamedMemoryKernel{"residual_add", MemoryKernel::residual_add},
    NamedMemoryKernel{"rotary", MemoryKernel::rotary},
    NamedMemoryKernel{"softmax", MemoryKernel::softmax},
    NamedMemoryKernel{"router", MemoryKernel::router},
    NamedMemoryKernel{"router_backward", MemoryKernel::router_backward, MemoryKernel::softmax},
    NamedMemoryKernel{"permute", MemoryKernel::permute},
    NamedMemoryKernel{"unpermute", MemoryKernel::unpermute},
    NamedMemoryKernel{"unpermute_backward", MemoryKernel::unpermute_backward, MemoryKernel::unpermute},
    NamedMemoryKernel{"unpermute_atomic", MemoryKernel::unpermute_atomic},
    NamedMemoryKernel{"qkv_gradient", MemoryKernel::qkv_gradient, MemoryKernel::copy},
    NamedMemoryKernel{"embedding", MemoryKernel::embedding},
    NamedMemoryKernel{"cross_entropy", MemoryKernel::cross_entropy},
    NamedMemoryKernel{"optimizer", MemoryKernel::optimizer},
    NamedMemoryKernel{"copy", MemoryKernel::copy},
    NamedMemoryKernel{"cast", MemoryKernel::cast}};

/// What a memory-bound kernel goes over.
struct MemoryShape {
  Bytes moved;        ///< read plus written, each once
  double rows = 0;    ///< that it handles one by one, however narrow; 0: it goes over elements
  Bytes again = {};   ///< read a second time and more: a token's row by each of its experts
  Bytes source = {};  ///< size of what is read again
};

/// What a kernel cannot do without: FLOPs of its products (two per multiply-add), and bytes of its operands and
/// results, each moved once. Their ratio is the arithmetic intensity of the roofline model (Williams, Waterman,
/// Patterson 2009).
struct KernelAmount {
  Flops flops;
  Bytes bytes;
};
[[nodiscard]] KernelAmount kernel_amount(const GemmShape& shape);
[[nodiscard]] KernelAmount kernel_amount(const GroupedGemmShape& shape);  ///< weights of experts without rows stay put
[[nodiscard]] KernelAmount kernel_amount(const AttentionShape& shape);
[[nodiscard]] KernelAmount kernel_amount(const RouterShape& shape);  ///< its scores; sorting counts no FLOPs

/// How long kernels take on one device: data-sheet peaks and the fitted laws of its calibration. Pure: same arguments,
/// same result. Laws by name: `gemm.DTYPE`, `grouped_gemm.DTYPE`, `grouped_wgrad.DTYPE`, `batched_gemm.DTYPE`,
/// `attention.prefill.DTYPE`, `attention.backward.DTYPE`, `attention.decode.DTYPE`, `router`, `memory.KERNEL`. A 16-bit
/// type without a law takes the other's (equal peaks and bytes). A kernel without a law takes its roofline bound,
/// within a factor of two; its `law` is null. Law (checked): never faster than flops / peak.
class KernelModel {
 public:
  /// @throws InputError when a law lacks a coefficient or has one out of range
  KernelModel(Device device, Calibration calibration);

  [[nodiscard]] KernelEstimate gemm(const GemmShape& shape) const;
  [[nodiscard]] KernelEstimate grouped_gemm(const GroupedGemmShape& shape) const;
  [[nodiscard]] KernelEstimate attention(const AttentionShape& shape) const;
  /// By the law `router`, else by `memory.router` and the bytes of the scores.
  [[nodiscard]] KernelEstimate router(const RouterShape& shape) const;
  [[nodiscard]] KernelEstimate memory_kernel(MemoryKernel kernel, const MemoryShape& shape) const;

  /// What a kernel takes longer behind another kind of kernel than behind its like, as all others here are measured:
  /// law `chain`, 0 where it was not measured.
  [[nodiscard]] Seconds unlike() const;

  /// The same kernels, matrix products (attention among them) that the memory does not bound `slowdown` times as long:
  /// at the clocks that a device's power allows in the long run (docs/theory_kernels.md). @pre slowdown >= 1
  [[nodiscard]] KernelModel with_slower_products(double slowdown) const;

  [[nodiscard]] const Device& device() const;
  [[nodiscard]] const Calibration& calibration() const;

 private:
  struct Laws;
  std::shared_ptr<const Laws> laws_;
  double product_slowdown_ = 1;
};

}  // namespace moesim
