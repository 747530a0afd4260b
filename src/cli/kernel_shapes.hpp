#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "moesim/cost/kernels.hpp"

// The kernels that `moesim kernel` knows, the names of their arguments (options, and columns of a batch), and how their
// text becomes a shape.
namespace moesim::cli {

struct KernelArgument {
  std::string_view name;  ///< "m": the option --m, the column m
  std::string_view value;
  std::string_view help;
  std::string_view fallback = {};  ///< taken when it is not given; empty: none
  std::span<const std::string_view> choices = {};
};

/// Expert matrix products with rows of their own (GroupedGemmShape only points to them).
struct ExpertGemms {
  std::vector<double> rows;
  double n = 0;
  double k = 0;
  DType dtype = DType::bf16;
  ExpertExecution execution = ExpertExecution::grouped;
};
struct MemoryTraffic {
  MemoryKernel kernel = MemoryKernel::copy;
  MemoryShape over;
};
using KernelCase = std::variant<GemmShape, ExpertGemms, AttentionShape, RouterShape, MemoryTraffic>;

struct ShapeProblem {
  std::size_t argument;  ///< index among the kernel's arguments
  std::string message;
};

struct KernelKind {
  std::string_view name;
  std::string_view summary;
  std::span<const KernelArgument> arguments;
  std::string_view example;  ///< its arguments, for the help page
};

/// Matrix products, attention, then every kernel of kMemoryKernels.
[[nodiscard]] const std::vector<KernelKind>& kernel_kinds();

/// @param texts by argument; null: not given, its fallback counts
/// @return nothing when there were problems
[[nodiscard]] std::optional<KernelCase> read_shape(const KernelKind& kind, std::span<const std::string* const> texts,
                                                   std::vector<ShapeProblem>& problems);

/// Element type whose matrix units the kernel needs; none for memory kernels.
[[nodiscard]] std::optional<DType> matrix_dtype(const KernelCase& shape);
[[nodiscard]] std::optional<Flops> matrix_work(const KernelCase& shape);
[[nodiscard]] KernelEstimate estimate(const KernelModel& model, const KernelCase& shape);

}  // namespace moesim::cli
