#include "graph/forward_op.hpp"

#include <utility>

namespace moesim {

OpId ForwardPhase::add(WorkKind kind, std::string_view name, Stream stream, decltype(Op::work) work,
                       double backward_scale, bool has_weight) {
  const OpId id{ops_.size()};
  ForwardOp forward;
  forward.op = Op{.kind = kind, .name = name, .stream = stream, .work = std::move(work), .after = std::move(pending_)};
  forward.backward_scale = backward_scale;
  forward.has_weight = has_weight;
  ops_.push_back(std::move(forward));
  pending_ = std::exchange(pending_later_, {});
  return id;
}

/// What the product waits for beside the operator before it still waits with the product.
void ForwardPhase::add_cast(WorkKind kind, std::string_view name, decltype(Op::work) work) {
  std::vector<OpId> later = std::exchange(pending_later_, {});
  const OpId cast = add(kind, name, Stream::compute, std::move(work));
  ops_[cast.index()].forward_only = true;
  pending_ = std::move(later);
  pending_later_ = {};
}

OpId ForwardPhase::gemm(WorkKind kind, std::string_view name, const GemmShape& shape, double times) {
  GemmShape product = shape;
  const bool low = products_ && kind != WorkKind::router && kind != WorkKind::logits;
  if (low) {
    const double bytes = products_->bytes_per_element * shape.m * shape.k * times;
    add_cast(kind, name,
             KernelWork{.shape = MemoryWork{.kernel = MemoryKernel::cast, .over = {.moved = {bytes}}}, .launches = 1});
    product.dtype = products_->dtype;
  }
  const OpId id = add(kind, name, Stream::compute, KernelWork{.shape = product, .launches = times}, 1, true);
  if (low) ops_[id.index()].gradient_cast = products_->bytes_per_element;
  return id;
}

OpId ForwardPhase::activation_gemm(WorkKind kind, std::string_view name, const GemmShape& shape) {
  // Backward: two products as well, one gradient for each factor, of the same shapes as for a weight.
  return add(kind, name, Stream::compute, KernelWork{.shape = shape, .launches = 1});
}

OpId ForwardPhase::attention(std::string_view name, const AttentionShape& shape) {
  return add(WorkKind::attention, name, Stream::compute, KernelWork{.shape = shape, .launches = 1});
}

OpId ForwardPhase::memory(WorkKind kind, std::string_view name, MemoryKernel kernel, const MemoryShape& over,
                          double backward_scale, double launches) {
  return add(kind, name, Stream::compute,
             KernelWork{.shape = MemoryWork{.kernel = kernel, .over = over}, .launches = launches}, backward_scale);
}

OpId ForwardPhase::router(std::string_view name, const RouterShape& shape) {
  return add(WorkKind::router, name, Stream::compute, KernelWork{.shape = shape, .launches = 1});
}

OpId ForwardPhase::expert_gemm(std::string_view name, const ExpertGemm& gemm, double launches) {
  ExpertGemm product = gemm;
  if (products_) {
    add_cast(WorkKind::experts, name,
             KernelWork{.shape = ExpertMemoryWork{.kernel = MemoryKernel::cast,
                                                  .moved_per_row = {products_->bytes_per_element * gemm.k},
                                                  .share = gemm.share},
                        .launches = launches});
    product.dtype = products_->dtype;
  }
  const OpId id =
      add(WorkKind::experts, name, Stream::compute, KernelWork{.shape = product, .launches = launches}, 1, true);
  if (products_) ops_[id.index()].gradient_cast = products_->bytes_per_element;
  return id;
}

OpId ForwardPhase::expert_memory(WorkKind kind, std::string_view name, MemoryKernel kernel, double bytes_per_row,
                                 double backward_scale, double share) {
  return add(kind, name, Stream::compute,
             KernelWork{.shape = ExpertMemoryWork{.kernel = kernel, .moved_per_row = {bytes_per_row}, .share = share},
                        .launches = 1},
             backward_scale);
}

OpId ForwardPhase::host_wait(std::string_view name, Seconds time) {
  return add(WorkKind::launch, name, Stream::compute, KernelWork{.shape = HostWait{time}, .launches = 0});
}

OpId ForwardPhase::collective(WorkKind kind, std::string_view name, Stream stream, const CollectiveWork& work,
                              double backward_scale) {
  return add(kind, name, stream, work, backward_scale);
}

OpId ForwardPhase::exchange(WorkKind kind, std::string_view name, const ExchangeWork& work,
                            Bytes backward_bytes_per_row) {
  return add(kind, name, Stream::expert_communication, work, backward_bytes_per_row / work.bytes_per_row);
}

Phase ForwardPhase::forward(double repeat) const {
  Phase phase{.name = name_, .ops = {}, .repeat = repeat};
  phase.ops.reserve(ops_.size());
  for (const ForwardOp& forward : ops_) phase.ops.push_back(forward.op);
  return phase;
}

}  // namespace moesim
