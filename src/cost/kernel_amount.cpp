#include "moesim/cost/gemm_law.hpp"
#include "moesim/cost/kernel_laws.hpp"

namespace moesim {
namespace {

KernelAmount product_amount(double rows, double products, double n, double k, DType dtype, Bytes result) {
  return {.flops = {2 * rows * n * k},
          .bytes = {product_bytes(rows, products, n, k, bytes_per_element(dtype), result.value).sum()}};
}

}  // namespace

KernelAmount kernel_amount(const GemmShape& shape) {
  return product_amount(shape.m, 1, shape.n, shape.k, shape.dtype, shape.result);
}

KernelAmount kernel_amount(const GroupedGemmShape& shape) {
  double rows = 0;
  double products = 0;
  for (const double count : shape.rows) {
    rows += count;
    products += count > 0 ? 1 : 0;
  }
  return product_amount(rows, products, shape.n, shape.k, shape.dtype, shape.result);
}

KernelAmount kernel_amount(const RouterShape& shape) { return {.flops = {}, .bytes = router_bytes(shape)}; }

KernelAmount kernel_amount(const AttentionShape& shape) {
  return {.flops = attention_flops(shape), .bytes = attention_bytes(shape)};
}

}  // namespace moesim
