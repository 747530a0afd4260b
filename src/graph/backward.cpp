// The backward pass of a phase, made by walking its forward operators from the last to the first: edges turn around, a
// collective becomes its adjoint, a matrix product becomes the product for its input's gradient and one for its
// weight's.

#include <utility>

#include "moesim/base/diagnostic.hpp"

#include "graph/forward_op.hpp"

namespace moesim {
namespace {

/// Adjoint of a linear collective: what all-gather copies out, reduce-scatter sums up, and the other way round.
CollectiveKind adjoint(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::all_gather:
      return CollectiveKind::reduce_scatter;
    case CollectiveKind::reduce_scatter:
      return CollectiveKind::all_gather;
    case CollectiveKind::all_to_all:
    case CollectiveKind::all_reduce:
    case CollectiveKind::send_recv:
      return kind;
  }
  return kind;
}

/// dA[m,k] = dC[m,n] B^T[n,k].
GemmShape input_gradient(const GemmShape& forward) {
  return {.m = forward.m, .n = forward.k, .k = forward.n, .dtype = forward.dtype};
}
/// dB[k,n] = A^T[k,m] dC[m,n].
GemmShape weight_gradient(const GemmShape& forward, Bytes result) {
  return {.m = forward.k, .n = forward.n, .k = forward.m, .dtype = forward.dtype, .result = result};
}

/// Gradients of the scores, in fp32: the softmax reads those of its result (the chosen experts', scattered into zeros)
/// and its result, and writes its input's.
KernelWork router_gradient(const RouterShape& forward) {
  constexpr double kPasses = 3;
  constexpr double kScoreBytes = 4;
  return {.shape = MemoryWork{.kernel = MemoryKernel::router_backward,
                              .over = {.moved = {kPasses * kScoreBytes * forward.tokens * forward.experts}}},
          .launches = 1};
}

/// The kernels of an operator's backward pass, in order.
std::vector<decltype(Op::work)> backward_work(const ForwardOp& forward, Bytes gradient) {
  if (const auto* collective = std::get_if<CollectiveWork>(&forward.op.work)) {
    CollectiveWork back = *collective;
    back.kind = adjoint(collective->kind);
    back.bytes_per_rank = collective->bytes_per_rank * forward.backward_scale;
    return {back};
  }
  if (const auto* exchange = std::get_if<ExchangeWork>(&forward.op.work)) {
    ExchangeWork back = *exchange;
    back.reversed = !exchange->reversed;
    back.bytes_per_row = exchange->bytes_per_row * forward.backward_scale;
    return {back};
  }
  const auto& kernel = std::get<KernelWork>(forward.op.work);
  if (forward.forward_only || std::holds_alternative<HostWait>(kernel.shape)) return {};
  std::vector<decltype(Op::work)> works;
  const double cast = forward.gradient_cast;  // of the result's gradient, which both products take
  if (const auto* gemm = std::get_if<GemmShape>(&kernel.shape)) {
    if (cast > 0) {
      const Bytes moved{cast * gemm->m * gemm->n * kernel.launches};
      works.emplace_back(
          KernelWork{.shape = MemoryWork{.kernel = MemoryKernel::cast, .over = {.moved = moved}}, .launches = 1});
    }
    works.emplace_back(KernelWork{.shape = input_gradient(*gemm), .launches = kernel.launches});
    works.emplace_back(KernelWork{.shape = weight_gradient(*gemm, forward.has_weight ? gradient : Bytes{}),
                                  .launches = kernel.launches});
    return works;
  }
  if (const auto* gemm = std::get_if<ExpertGemm>(&kernel.shape)) {
    ExpertGemm input = *gemm;
    std::swap(input.n, input.k);
    ExpertGemm weight = *gemm;
    weight.weight_gradient = true;
    weight.result = gradient;
    if (cast > 0) {
      works.emplace_back(KernelWork{
          .shape =
              ExpertMemoryWork{.kernel = MemoryKernel::cast, .moved_per_row = {cast * gemm->n}, .share = gemm->share},
          .launches = kernel.launches});
    }
    works.emplace_back(KernelWork{.shape = input, .launches = kernel.launches});
    works.emplace_back(KernelWork{.shape = weight, .launches = kernel.launches});
    return works;
  }
  if (const auto* router = std::get_if<RouterShape>(&kernel.shape)) return {router_gradient(*router)};
  KernelWork back = kernel;
  if (auto* attention = std::get_if<AttentionShape>(&back.shape)) attention->backward = true;
  if (auto* memory = std::get_if<MemoryWork>(&back.shape)) {
    memory->over = forward.backward_over.value_or(
        MemoryShape{.moved = memory->over.moved * forward.backward_scale, .rows = memory->over.rows});
    memory->kernel = forward.backward_kernel.value_or(memory->kernel);
  }
  if (auto* memory = std::get_if<ExpertMemoryWork>(&back.shape)) {
    memory->moved_per_row = memory->moved_per_row * forward.backward_scale;
    memory->kernel = forward.backward_kernel.value_or(memory->kernel);
  }
  return {back};
}

}  // namespace

Phase ForwardPhase::backward(std::string_view name, double repeat, bool full_recompute, Bytes gradient) const {
  Phase phase{.name = name, .ops = {}, .repeat = repeat};
  if (full_recompute) phase.ops = forward(1).ops;

  // Forward edge a -> b (b waits for a) becomes: the backward of a waits for the last operator of b's backward.
  std::vector<std::vector<OpId>> waits(ops_.size());
  for (std::size_t i = ops_.size(); i-- > 0;) {
    const ForwardOp& forward = ops_[i];
    if (forward.recomputed && !full_recompute) {
      Op again = forward.op;
      again.after.clear();
      phase.ops.push_back(std::move(again));
    }
    std::vector<decltype(Op::work)> works = backward_work(forward, gradient);
    if (works.empty()) {  // what waited for it waits for the operator before it
      MOESIM_EXPECTS(i > 0);
      waits[i - 1].insert(waits[i - 1].end(), waits[i].begin(), waits[i].end());
      continue;
    }
    bool first = true;
    std::size_t left = works.size();
    for (auto& work : works) {
      --left;
      Op op{.kind = forward.op.kind,
            .name = forward.op.name,
            .stream = forward.op.stream,
            .work = std::move(work),
            .after = {}};
      if (first) op.after = waits[i];
      op.weight_gradient = left == 0 && forward.has_weight;
      first = false;
      phase.ops.push_back(std::move(op));
    }
    if (forward.backward_end) {
      phase.ops.push_back({.kind = forward.op.kind,
                           .name = forward.backward_end->name,
                           .stream = forward.op.stream,
                           .work = forward.backward_end->work,
                           .after = {}});
    }
    const OpId last{phase.ops.size() - 1};
    for (const OpId before : forward.op.after) waits[before.index()].push_back(last);
  }
  return phase;
}

}  // namespace moesim
