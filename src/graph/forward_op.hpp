#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "moesim/graph/op_graph.hpp"

namespace moesim {

/// A kernel that the backward pass alone has.
struct BackwardKernel {
  std::string_view name;
  KernelWork work;
};

/// An operator of the forward pass together with what its backward pass moves; the backward graph is made from these
/// alone (src/graph/backward.cpp), so a layer is written once.
struct ForwardOp {
  Op op;
  double backward_scale = 1;  ///< bytes moved backward / forward, of memory kernels and communication
  std::optional<MemoryKernel> backward_kernel = std::nullopt;  ///< memory kernels: when it is another one backward
  std::optional<MemoryShape> backward_over = std::nullopt;     ///< ... and goes over something else
  std::optional<BackwardKernel> backward_end = std::nullopt;   ///< runs after its backward pass
  bool has_weight = false;    ///< GEMMs: a weight gradient is due besides the input gradient
  bool recomputed = false;    ///< selective recompute: run forward again before its backward pass
  bool forward_only = false;  ///< nothing to do backward (the conversion of a product's operand)
  double gradient_cast = 0;   ///< products: bytes per element to convert the gradient of their result; 0: none
};

/// Products with weights in another type than the model's: their operands are converted before.
struct LowPrecision {
  DType dtype = DType::fp8;
  double bytes_per_element = 0;  ///< moved to convert an operand
};

/// Writes a forward phase operator by operator. Operators on one stream follow each other; an operator whose
/// predecessor in the data flow is on another stream names it through `after`.
class ForwardPhase {
 public:
  /// @param products with weights; absent: as their shapes say. The router's and the logits' keep their type
  explicit ForwardPhase(std::string_view name, std::optional<LowPrecision> products = std::nullopt)
      : name_(name), products_(products) {}

  /// C[m,n] = A[m,k] B[k,n] with weights B; `times` such products one after the other.
  OpId gemm(WorkKind kind, std::string_view name, const GemmShape& shape, double times = 1);
  /// A matrix product of two activations: both get an input gradient.
  OpId activation_gemm(WorkKind kind, std::string_view name, const GemmShape& shape);
  OpId attention(std::string_view name, const AttentionShape& shape);
  OpId memory(WorkKind kind, std::string_view name, MemoryKernel kernel, const MemoryShape& over, double backward_scale,
              double launches = 1);
  /// Backward: the scores' gradients.
  OpId router(std::string_view name, const RouterShape& shape);
  OpId expert_gemm(std::string_view name, const ExpertGemm& gemm, double launches);
  OpId expert_memory(WorkKind kind, std::string_view name, MemoryKernel kernel, double bytes_per_row,
                     double backward_scale, double share = 1);
  /// Not in the backward pass: what the host has read it still knows.
  OpId host_wait(std::string_view name, Seconds time);
  OpId collective(WorkKind kind, std::string_view name, Stream stream, const CollectiveWork& work,
                  double backward_scale = 1);
  OpId exchange(WorkKind kind, std::string_view name, const ExchangeWork& work, Bytes backward_bytes_per_row);

  /// The operator `op` waits for `before`, which is on another stream.
  void depend(OpId op, OpId before) { ops_[op.index()].op.after.push_back(before); }
  /// The next operator waits for `before`.
  void next_after(OpId before) { pending_.push_back(before); }
  /// The operator after the next waits for `before`.
  void next_but_one_after(OpId before) { pending_later_.push_back(before); }
  /// The backward pass of a memory kernel is another kernel.
  /// @param over what it goes over; absent: the same rows, backward_scale times the bytes
  void backward_by(OpId op, MemoryKernel kernel, std::optional<MemoryShape> over = std::nullopt) {
    ops_[op.index()].backward_kernel = kernel;
    ops_[op.index()].backward_over = over;
  }
  /// After the backward pass of `op`, on its stream: a kernel that the forward pass does not have.
  void backward_then(OpId op, std::string_view name, MemoryKernel kernel, double bytes) {
    ops_[op.index()].backward_end = {
        .name = name, .work = {.shape = MemoryWork{.kernel = kernel, .over = {.moved = {bytes}}}, .launches = 1}};
  }
  void mark_recomputed(OpId op) { ops_[op.index()].recomputed = true; }
  template <class Matches>
  void mark_recomputed(const Matches& matches) {
    for (ForwardOp& forward : ops_) forward.recomputed = forward.recomputed || matches(forward.op);
  }

  [[nodiscard]] const std::vector<ForwardOp>& ops() const { return ops_; }
  [[nodiscard]] Phase forward(double repeat) const;
  /// @param gradient bytes moved per element of a weight's gradient; 0: written once in the element type
  [[nodiscard]] Phase backward(std::string_view name, double repeat, bool full_recompute, Bytes gradient = {}) const;

 private:
  OpId add(WorkKind kind, std::string_view name, Stream stream, decltype(Op::work) work, double backward_scale = 1,
           bool has_weight = false);

  /// The conversion of an operand, before its product.
  void add_cast(WorkKind kind, std::string_view name, decltype(Op::work) work);

  std::string_view name_;
  std::optional<LowPrecision> products_;
  std::vector<ForwardOp> ops_;
  std::vector<OpId> pending_;        ///< what the next operator waits for
  std::vector<OpId> pending_later_;  ///< ... and the one after it
};

}  // namespace moesim
