#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/gemm_law.hpp"
#include "moesim/cost/kernel_laws.hpp"
#include "moesim/cost/kernels.hpp"

namespace moesim {
namespace {

/// The law of a kernel for an element type; 16-bit types stand in for each other.
const FittedLaw* find_for(const Calibration& calibration, const std::string& kernel, DType dtype) {
  if (const FittedLaw* own = calibration.find(kernel + "." + std::string(dtype_name(dtype)))) return own;
  if (dtype == DType::bf16) return calibration.find(kernel + ".fp16");
  if (dtype == DType::fp16) return calibration.find(kernel + ".bf16");
  return nullptr;
}

/// A law's time with its spread; `covered` tells whether the shape lies in the samples' range.
KernelEstimate estimate(const LawTime& time, const FittedLaw* law, bool covered) {
  KernelEstimate result{.estimate = {.time = {time.seconds}, .spread = kUnmeasuredSpread},
                        .bound = time.bound,
                        .extrapolated = law != nullptr && !covered,
                        .law = law};
  if (law == nullptr) return result;
  const double inside = law->spread(time.region);
  if (covered) {
    result.estimate.spread = inside;
  } else if (law->has_spread("extrapolated")) {
    result.estimate.spread = std::max(inside, law->spread("extrapolated"));
  } else {
    result.estimate.spread = kExtrapolationFactor * inside;
  }
  return result;
}

}  // namespace

std::string_view bound_name(Bound bound) {
  switch (bound) {
    case Bound::compute:
      return "compute";
    case Bound::memory:
      return "memory";
    case Bound::launch:
      return "launch";
  }
  return "launch";
}

struct KernelModel::Laws {
  /// A product's law and where it is from; null: data-sheet bounds.
  struct Product {
    GemmKernel kernel;
    std::optional<StreamedGroupLaw> streamed;
    const FittedLaw* fitted;
  };
  /// Of one element type.
  struct Typed {
    Product gemm;
    Product grouped;
    Product grouped_gradient;  ///< of the weights
    Product batched;
    PrefillLaw prefill;
    const FittedLaw* prefill_fitted;
    PrefillLaw backward;
    const FittedLaw* backward_fitted;
    DecodeLaw decode;
    const FittedLaw* decode_fitted;
  };

  Laws(Device sheet, Calibration fitted) : device(std::move(sheet)), calibration(std::move(fitted)) {
    typed.reserve(kDTypes.size());
    for (const NamedDType& named : kDTypes) typed.push_back(laws_for(named.dtype));
    for (std::size_t i = 0; i < kMemoryKernels.size(); ++i) {
      memory_fitted[i] = memory_fit(kMemoryKernels[i]);
      if (memory_fitted[i] != nullptr) memory[i] = memory_law(*memory_fitted[i]);
    }
    if (const FittedLaw* law = calibration.find("chain")) {
      unlike = {law->coefficient("unlike_s")};
      if (unlike.value < 0) throw InputError("law chain: coefficients.unlike_s: must not be negative");
    }
    router_fitted = calibration.find("router");
    if (router_fitted != nullptr) router = router_law(*router_fitted);
  }

  [[nodiscard]] const FittedLaw* memory_fit(const NamedMemoryKernel& kernel) const {
    const FittedLaw* own = calibration.find("memory." + std::string(kernel.name));
    if (own != nullptr || !kernel.stand_in) return own;
    const auto other = std::ranges::find(kMemoryKernels, *kernel.stand_in, &NamedMemoryKernel::kernel);
    return calibration.find("memory." + std::string(other->name));
  }

  [[nodiscard]] Product product(const std::string& name, DType dtype) const {
    const FittedLaw* law = find_for(calibration, name, dtype);
    if (law != nullptr && is_streamed_group(*law)) {
      return {GemmKernel(GemmLaw{}, device, dtype), streamed_group_law(*law), law};
    }
    return {GemmKernel(law != nullptr ? gemm_law(*law) : GemmLaw{}, device, dtype), std::nullopt, law};
  }

  [[nodiscard]] Typed laws_for(DType dtype) const {
    const Product gemm = product("gemm", dtype);
    const FittedLaw* prefill = find_for(calibration, "attention.prefill", dtype);
    const FittedLaw* backward = find_for(calibration, "attention.backward", dtype);
    const FittedLaw* decode = find_for(calibration, "attention.decode", dtype);
    // Without a law of its own a group of products is taken as the tiles of all of them in one kernel.
    const bool own_group = find_for(calibration, "grouped_gemm", dtype) != nullptr;
    const bool own_gradient = find_for(calibration, "grouped_wgrad", dtype) != nullptr;
    const bool own_batch = find_for(calibration, "batched_gemm", dtype) != nullptr;
    return {.gemm = gemm,
            .grouped = own_group ? product("grouped_gemm", dtype) : gemm,
            .grouped_gradient = product(own_gradient ? "grouped_wgrad" : (own_group ? "grouped_gemm" : "gemm"), dtype),
            .batched = own_batch ? product("batched_gemm", dtype) : gemm,
            .prefill = prefill != nullptr ? prefill_law(*prefill) : PrefillLaw{},
            .prefill_fitted = prefill,
            .backward = backward != nullptr ? prefill_law(*backward) : PrefillLaw{.work = 2.5},
            .backward_fitted = backward,
            .decode = decode != nullptr ? decode_law(*decode) : DecodeLaw{},
            .decode_fitted = decode};
  }

  [[nodiscard]] const Typed& of(DType dtype) const { return typed[static_cast<std::size_t>(dtype)]; }

  Device device;
  Calibration calibration;
  std::vector<Typed> typed;
  std::array<MemoryLaw, kMemoryKernels.size()> memory;
  std::array<const FittedLaw*, kMemoryKernels.size()> memory_fitted{};
  Seconds unlike;
  RouterLaw router;
  const FittedLaw* router_fitted = nullptr;
};

namespace {

/// At lower clocks; the memory has its own.
KernelEstimate slower(KernelEstimate estimate, double slowdown) {
  if (estimate.bound == Bound::compute) estimate.estimate.time = estimate.estimate.time * slowdown;
  return estimate;
}

bool covers_product(const FittedLaw* law, double rows, double n, double k) {
  return law == nullptr || (law->covers("m", rows) && law->covers("n", n) && law->covers("k", k));
}

}  // namespace

KernelModel::KernelModel(Device device, Calibration calibration)
    : laws_(std::make_shared<const Laws>(std::move(device), std::move(calibration))) {}

KernelModel KernelModel::with_slower_products(double slowdown) const {
  MOESIM_EXPECTS(slowdown >= 1);
  KernelModel slower = *this;
  slower.product_slowdown_ = slowdown;
  return slower;
}

const Device& KernelModel::device() const { return laws_->device; }
const Calibration& KernelModel::calibration() const { return laws_->calibration; }
Seconds KernelModel::unlike() const { return laws_->unlike; }

KernelEstimate KernelModel::gemm(const GemmShape& shape) const {
  const Laws::Product& law = laws_->of(shape.dtype).gemm;
  return slower(estimate(law.kernel.time(shape.m, shape.n, shape.k, 1, shape.result), law.fitted,
                         covers_product(law.fitted, shape.m, shape.n, shape.k)),
                product_slowdown_);
}

KernelEstimate KernelModel::grouped_gemm(const GroupedGemmShape& shape) const {
  const Laws::Typed& laws = laws_->of(shape.dtype);
  if (shape.execution != ExpertExecution::sequential) {
    const Laws::Product& group = shape.weight_gradient ? laws.grouped_gradient : laws.grouped;
    const Laws::Product& law = shape.execution == ExpertExecution::grouped ? group : laws.batched;
    double rows = 0;
    double products = 0;
    for (const double count : shape.rows) {
      rows += count;
      products += count > 0 ? 1 : 0;
    }
    const LawTime time =
        law.streamed ? streamed_group_time(*law.streamed, laws_->device, shape.rows, shape.n, shape.k, shape.dtype)
                     : law.kernel.time(shape.rows, shape.n, shape.k, shape.result);
    return slower(
        estimate(time, law.fitted, products == 0 || covers_product(law.fitted, rows / products, shape.n, shape.k)),
        product_slowdown_);
  }
  KernelEstimate total;
  total.law = laws.gemm.fitted;
  KernelEstimate one;
  double deviation = 0;
  double rows_of_one = 0;
  for (const double rows : shape.rows) {
    if (rows <= 0) continue;
    if (rows != rows_of_one) {
      one = gemm({.m = rows, .n = shape.n, .k = shape.k, .dtype = shape.dtype, .result = shape.result});
    }
    rows_of_one = rows;
    total.estimate.time += one.estimate.time;
    deviation += one.estimate.time.value * one.estimate.spread;
    total.bound = one.bound;
    total.extrapolated = total.extrapolated || one.extrapolated;
  }
  if (total.estimate.time.value > 0) total.estimate.spread = deviation / total.estimate.time.value;
  return total;
}

KernelEstimate KernelModel::attention(const AttentionShape& shape) const {
  const Laws::Typed& laws = laws_->of(shape.dtype);
  const bool decode = !shape.backward && shape.query_tokens <= 1;
  const FittedLaw* law = shape.backward ? laws.backward_fitted : (decode ? laws.decode_fitted : laws.prefill_fitted);
  const LawTime time = decode ? decode_time(laws.decode, laws_->device, shape)
                              : prefill_time(shape.backward ? laws.backward : laws.prefill, laws_->device, shape);
  const bool covered = law == nullptr ||
                       (law->covers("sequences", shape.sequences) && law->covers("query_tokens", shape.query_tokens) &&
                        law->covers("context_tokens", shape.context_tokens) && law->covers("head_dim", shape.head_dim));
  return slower(estimate(time, law, covered), product_slowdown_);
}

KernelEstimate KernelModel::router(const RouterShape& shape) const {
  const FittedLaw* law = laws_->router_fitted;
  if (law == nullptr) return memory_kernel(MemoryKernel::router, {.moved = router_bytes(shape)});
  return estimate(router_time(laws_->router, laws_->device, shape), law,
                  law->covers("tokens", shape.tokens) && law->covers("experts", shape.experts) &&
                      law->covers("top_k", shape.top_k));
}

KernelEstimate KernelModel::memory_kernel(MemoryKernel kernel, const MemoryShape& shape) const {
  const auto index = static_cast<std::size_t>(kernel);
  const FittedLaw* law = laws_->memory_fitted[index];
  return estimate(memory_kernel_time(laws_->memory[index], laws_->device, shape), law,
                  law == nullptr || law->covers("bytes", shape.moved.value));
}

}  // namespace moesim
