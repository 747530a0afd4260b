#pragma once

#include <memory>
#include <vector>

#include "microbench/gpu.hpp"
#include "microbench/plan.hpp"

namespace moesim::microbench {

/// cuBLAS and cuBLASLt with their handles and workspace.
class Products {
 public:
  Products();
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  /// One product C[m,n] = A[m,k] B[k,n] with the algorithm that the library takes first. Null when it has none.
  /// Operands must outlive the launch. fp8: e4m3 operands, bf16 result.
  [[nodiscard]] Launch1 gemm(const GemmPoint& point, const void* a, const void* b, void* c);
  /// [rows_i, k] x [k, n] with weights [n, k], one kernel for all experts; null when the library refuses.
  [[nodiscard]] Launch1 grouped(const ExpertsPoint& point, const void* rows, const void* weights, void* out);
  /// Equal rows: a strided batch.
  [[nodiscard]] Launch1 batched(const ExpertsPoint& point, const void* rows, const void* weights, void* out);

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

}  // namespace moesim::microbench
