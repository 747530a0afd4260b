#include "sim/overlap.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "moesim/base/diagnostic.hpp"

namespace moesim {
namespace {

double positive(const FittedLaw& law, std::string_view key, double least) {
  const double value = law.coefficient_or(key, -1);
  if (value >= least && value > 0) return value;
  throw InputError(fmt::format("law {}: coefficients.{}: must be there and {} (got {})", law.name, key,
                               least > 0 ? fmt::format("at least {}", least) : "positive", value));
}

bool is_16_bit(DType type) { return type == DType::bf16 || type == DType::fp16; }

bool is_measured_product(const KernelWork& work) {
  if (const auto* gemm = std::get_if<GemmShape>(&work.shape)) return is_16_bit(gemm->dtype);
  if (const auto* experts = std::get_if<ExpertGemm>(&work.shape)) return is_16_bit(experts->dtype);
  return false;
}

}  // namespace

OverlapLaw::OverlapLaw(const Scenario& scenario, const SimulationOptions& options)
    : compute_(options.compute_slowdown), communication_(options.communication_slowdown) {
  MOESIM_EXPECTS(compute_.value_or(1) >= 1 && communication_.value_or(1) >= 1);
  if (compute_ && communication_) return;
  law_ = scenario.kernels->calibration().find("overlap.bf16");
  if (law_ == nullptr) return;
  doubling_ = positive(*law_, "doubling_s", 0);
  power_ = positive(*law_, "power", 0);
  measured_communication_ = positive(*law_, "communication_slowdown", 1);
}

double OverlapLaw::compute_slowdown(const KernelWork& work, Seconds time) const {
  if (compute_) return *compute_;
  if (law_ == nullptr || time.value <= 0 || !is_measured_product(work)) return 1;
  double alone = time.value / work.launches;
  if (const auto range = law_->ranges.find("kernel_s"); range != law_->ranges.end()) {
    alone = std::clamp(alone, range->second.lo, range->second.hi);
  }
  return 1 + std::pow(doubling_ / alone, power_);
}

double OverlapLaw::communication_slowdown(bool within_machine) const {
  if (communication_) return *communication_;
  return within_machine ? measured_communication_ : 1;
}

}  // namespace moesim
