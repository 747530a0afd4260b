// Row-major C[m,n] = A[m,k] B[k,n] is column-major C'[n,m] = B'[n,k] A'[k,m]: the library's first operand is our B.

#include "microbench/matrix_product.hpp"

#include <array>
#include <cublasLt.h>
#include <cublas_v2.h>
#include <fmt/core.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {
namespace {

constexpr std::size_t kWorkspace = std::size_t{64} << 20U;

void check_blas(cublasStatus_t status, const std::source_location& place = std::source_location::current()) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw MachineError(
      fmt::format("cuBLAS: {} at {}:{}", cublasGetStatusString(status), place.file_name(), place.line()));
}

cudaDataType_t data_type(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return CUDA_R_16BF;
    case Precision::fp16:
      return CUDA_R_16F;
    case Precision::fp8:
      return CUDA_R_8F_E4M3;
  }
  return CUDA_R_16BF;
}

using Descriptor = std::shared_ptr<cublasLtMatmulDescOpaque_t>;
using MatrixLayout = std::shared_ptr<cublasLtMatrixLayoutOpaque_t>;

Descriptor make_descriptor(cublasOperation_t first, cublasOperation_t second) {
  cublasLtMatmulDesc_t raw = nullptr;
  check_blas(cublasLtMatmulDescCreate(&raw, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  Descriptor descriptor(raw, [](cublasLtMatmulDesc_t one) { cublasLtMatmulDescDestroy(one); });
  check_blas(cublasLtMatmulDescSetAttribute(raw, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof(first)));
  check_blas(cublasLtMatmulDescSetAttribute(raw, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof(second)));
  return descriptor;
}

MatrixLayout make_layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns) {
  cublasLtMatrixLayout_t raw = nullptr;
  check_blas(cublasLtMatrixLayoutCreate(&raw, type, static_cast<std::uint64_t>(rows),
                                        static_cast<std::uint64_t>(columns), rows));
  return {raw, [](cublasLtMatrixLayout_t one) { cublasLtMatrixLayoutDestroy(one); }};
}

}  // namespace

struct Products::Handles {
  cublasLtHandle_t lt = nullptr;
  cublasHandle_t blas = nullptr;
  DeviceBuffer workspace{kWorkspace};
};

Products::Products() : handles_(std::make_unique<Handles>()) {
  check_blas(cublasLtCreate(&handles_->lt));
  check_blas(cublasCreate(&handles_->blas));
  check_blas(cublasSetWorkspace(handles_->blas, handles_->workspace.as<void>(), kWorkspace));
}

Products::~Products() {
  cublasDestroy(handles_->blas);
  cublasLtDestroy(handles_->lt);
}

Launch1 Products::gemm(const GemmPoint& point, const void* a, const void* b, void* c) {
  const bool b_transposed = point.layout == Layout::TN;  // weights [n,k]: column-major k x n
  const bool a_transposed = point.layout == Layout::NT;  // A lies as [k,m]: column-major m x k
  const cudaDataType_t type = data_type(point.precision);
  const cudaDataType_t result = point.precision == Precision::fp16 ? CUDA_R_16F : CUDA_R_16BF;
  const Descriptor descriptor =
      make_descriptor(b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  const MatrixLayout first = b_transposed ? make_layout(type, point.k, point.n) : make_layout(type, point.n, point.k);
  const MatrixLayout second = a_transposed ? make_layout(type, point.m, point.k) : make_layout(type, point.k, point.m);
  const MatrixLayout out = make_layout(result, point.n, point.m);

  cublasLtMatmulPreference_t preference = nullptr;
  check_blas(cublasLtMatmulPreferenceCreate(&preference));
  const std::size_t workspace = kWorkspace;
  check_blas(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                                  sizeof(workspace)));
  cublasLtMatmulHeuristicResult_t heuristic{};
  int found = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handles_->lt, descriptor.get(), first.get(), second.get(), out.get(), out.get(),
                                     preference, 1, &heuristic, &found);
  cublasLtMatmulPreferenceDestroy(preference);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || found == 0) return nullptr;
  check_blas(status);
  return [this, descriptor, first, second, out, algorithm = heuristic.algo, a, b, c](cudaStream_t stream) {
    const float one = 1;
    const float zero = 0;
    check_blas(cublasLtMatmul(handles_->lt, descriptor.get(), &one, b, first.get(), a, second.get(), &zero, c,
                              out.get(), c, out.get(), &algorithm, handles_->workspace.as<void>(), kWorkspace, stream));
  };
}

Launch1 Products::batched(const ExpertsPoint& point, const void* rows, const void* weights, void* out) {
  const std::int64_t m = point.rows.front();
  const auto count = static_cast<int>(point.rows.size());
  return [this, m, count, n = point.n, k = point.k, rows, weights, out](cudaStream_t stream) {
    const float one = 1;
    const float zero = 0;
    check_blas(cublasSetStream(handles_->blas, stream));
    check_blas(cublasSetWorkspace(handles_->blas, handles_->workspace.as<void>(), kWorkspace));
    check_blas(cublasGemmStridedBatchedEx(
        handles_->blas, CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(n), static_cast<int>(m), static_cast<int>(k), &one,
        weights, CUDA_R_16BF, static_cast<int>(k), n * k, rows, CUDA_R_16BF, static_cast<int>(k), m * k, &zero, out,
        CUDA_R_16BF, static_cast<int>(n), m * n, count, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
  };
}

Launch1 Products::grouped(const ExpertsPoint& point, const void* rows, const void* weights, void* out) {
  /// Arguments of one call; pointers to operands lie in device memory.
  struct Arguments {
    std::vector<cublasOperation_t> transposed, plain;
    std::vector<int> n, m, k, ldc, counts;
    std::vector<float> one, zero;
    DeviceBuffer pointers;
    std::size_t groups;
  };
  std::vector<const void*> first;
  std::vector<const void*> second;
  std::vector<void*> result;
  std::vector<int> m;
  const auto* row = static_cast<const char*>(rows);
  const auto* weight = static_cast<const char*>(weights);
  auto* to = static_cast<char*>(out);
  for (const std::int64_t count : point.rows) {
    if (count > 0) {
      first.push_back(weight);
      second.push_back(row);
      result.push_back(to);
      m.push_back(static_cast<int>(count));
    }
    weight += 2 * point.n * point.k;
    row += 2 * count * point.k;
    to += 2 * count * point.n;
  }
  const std::size_t groups = m.size();
  auto arguments = std::make_shared<Arguments>(Arguments{.transposed = std::vector(groups, CUBLAS_OP_T),
                                                         .plain = std::vector(groups, CUBLAS_OP_N),
                                                         .n = std::vector(groups, static_cast<int>(point.n)),
                                                         .m = m,
                                                         .k = std::vector(groups, static_cast<int>(point.k)),
                                                         .ldc = std::vector(groups, static_cast<int>(point.n)),
                                                         .counts = std::vector(groups, 1),
                                                         .one = std::vector(groups, 1.0F),
                                                         .zero = std::vector(groups, 0.0F),
                                                         .pointers = DeviceBuffer(3 * groups * sizeof(void*)),
                                                         .groups = groups});
  auto** device = arguments->pointers.as<void*>();
  check(cudaMemcpy(device, first.data(), groups * sizeof(void*), cudaMemcpyHostToDevice));
  check(cudaMemcpy(device + groups, second.data(), groups * sizeof(void*), cudaMemcpyHostToDevice));
  check(cudaMemcpy(device + 2 * groups, result.data(), groups * sizeof(void*), cudaMemcpyHostToDevice));
  return [this, arguments](cudaStream_t stream) {
    const Arguments& all = *arguments;
    auto** pointers = all.pointers.as<void*>();
    check_blas(cublasSetStream(handles_->blas, stream));
    check_blas(cublasGemmGroupedBatchedEx(
        handles_->blas, all.transposed.data(), all.plain.data(), all.n.data(), all.m.data(), all.k.data(),
        all.one.data(), const_cast<const void* const*>(pointers), CUDA_R_16BF, all.k.data(),
        const_cast<const void* const*>(pointers + all.groups), CUDA_R_16BF, all.k.data(), all.zero.data(),
        pointers + 2 * all.groups, CUDA_R_16BF, all.ldc.data(), static_cast<int>(all.groups), all.counts.data(),
        CUBLAS_COMPUTE_32F));
  };
}

}  // namespace moesim::microbench
