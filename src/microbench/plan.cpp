#include "microbench/plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "moesim/base/diagnostic.hpp"

namespace moesim::microbench {
namespace {

constexpr double kMostBytes = 6e9;  // operands of one product
constexpr double kMostFlops = 2e13;

}  // namespace

double PlanRandom::uniform() {
  // SplitMix64 (Steele, Lea, Flood 2014), the upper 53 bits.
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1.0p-53;
}

std::int64_t PlanRandom::size(double least, double most, std::int64_t multiple) {
  MOESIM_EXPECTS(least > 0 && least <= most && multiple >= 1);
  const double value = std::exp(std::log(least) + uniform() * std::log(most / least));
  const auto units = static_cast<std::int64_t>(std::llround(value / static_cast<double>(multiple)));
  return std::max<std::int64_t>(units, 1) * multiple;
}

std::size_t PlanRandom::index(std::size_t count) {
  MOESIM_EXPECTS(count > 0);
  return std::min(static_cast<std::size_t>(uniform() * static_cast<double>(count)), count - 1);
}

std::string_view layout_name(Layout layout) {
  switch (layout) {
    case Layout::TN:
      return "TN";
    case Layout::NN:
      return "NN";
    case Layout::NT:
      return "NT";
  }
  return "TN";
}

std::string_view precision_name(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return "bf16";
    case Precision::fp16:
      return "fp16";
    case Precision::fp8:
      return "fp8";
  }
  return "bf16";
}

double precision_bytes(Precision precision) { return precision == Precision::fp8 ? 1 : 2; }

GemmPoint gemm_point(PlanRandom& random, bool fp8) {
  GemmPoint point;
  while (true) {
    point.m = random.size(1, 40000);
    const bool widths_of_experts = random.uniform() < 0.7;
    point.n = widths_of_experts ? random.size(256, 7168, 64) : random.size(32, 32768, 32);
    point.k = widths_of_experts ? random.size(256, 7168, 64) : random.size(32, 32768, 32);
    const double kind = random.uniform();
    point.precision = kind < 0.8 ? Precision::bf16 : (kind < 0.95 && fp8 ? Precision::fp8 : Precision::fp16);
    constexpr Layout kLayouts[] = {Layout::TN, Layout::TN, Layout::TN, Layout::NN, Layout::NT};
    point.layout = kLayouts[random.index(5)];
    if (point.precision == Precision::fp8) point.layout = Layout::TN;
    // Operands that no library can read in whole vectors are another matter: 16-byte rows.
    if (point.layout == Layout::NT) point.m = (point.m + 7) / 8 * 8;
    const auto m = static_cast<double>(point.m);
    const auto n = static_cast<double>(point.n);
    const auto k = static_cast<double>(point.k);
    if (2 * (m * k + n * k + m * n) <= kMostBytes && 2 * m * n * k <= kMostFlops) return point;
  }
}

std::vector<std::int64_t> zipf_rows(PlanRandom& random, int experts, std::int64_t total, double s) {
  MOESIM_EXPECTS(experts > 0 && total >= 0);
  std::vector<double> weights;
  for (int i = 0; i < experts; ++i) weights.push_back(std::pow(i + 1.0, -s));
  for (std::size_t i = weights.size(); i > 1; --i) std::swap(weights[i - 1], weights[random.index(i)]);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> rows;
  std::int64_t left = total;
  for (const double weight : weights) {
    rows.push_back(static_cast<std::int64_t>(std::floor(static_cast<double>(total) * weight / sum)));
    left -= rows.back();
  }
  for (std::size_t i = 0; left > 0; ++i, --left) ++rows[i % rows.size()];
  return rows;
}

ExpertsPoint experts_point(PlanRandom& random) {
  constexpr int kExperts[] = {2, 4, 8, 16, 32, 64, 64};
  ExpertsPoint point;
  while (true) {
    const int experts = kExperts[random.index(7)];
    const std::int64_t rows = random.size(1, 8192);
    point.n = random.size(256, 7168, 64);
    point.k = random.size(256, 7168, 64);
    point.balanced = random.uniform() < 0.7;
    const std::int64_t total = rows * experts;
    constexpr double kExponents[] = {0.3, 0.6, 1.0};
    point.rows = point.balanced ? std::vector<std::int64_t>(static_cast<std::size_t>(experts), rows)
                                : zipf_rows(random, experts, total, kExponents[random.index(3)]);
    const auto n = static_cast<double>(point.n);
    const auto k = static_cast<double>(point.k);
    const auto all = static_cast<double>(total);
    if (2 * (all * (n + k) + experts * n * k) <= kMostBytes && 2 * all * n * k <= kMostFlops / 2) return point;
  }
}

std::vector<std::int64_t> sweep_sizes(std::int64_t least, std::int64_t most, int ranks, std::int64_t unit) {
  MOESIM_EXPECTS(least > 0 && ranks > 0 && unit > 0);
  const std::int64_t step = unit * ranks;
  std::vector<std::int64_t> sizes;
  const auto add = [&](std::int64_t wanted) {
    const std::int64_t size = std::max<std::int64_t>((wanted + step - 1) / step, 1) * step;
    if (size <= std::max(most, step) && (sizes.empty() || size > sizes.back())) sizes.push_back(size);
  };
  for (std::int64_t size = least; size <= most; size *= 2) {
    add(size);
    if (size / 2 * 3 <= most) add(size / 2 * 3);
  }
  return sizes;
}

std::vector<int> rank_counts(int world) {
  MOESIM_EXPECTS(world >= 1);
  std::vector<int> counts;
  for (int count = 2; count < world; count *= 2) counts.push_back(count);
  counts.push_back(world);
  return counts;
}

int rotated_sets(double footprint, double cache_bytes, double times) {
  constexpr double kMostSets = 64;
  return static_cast<int>(std::clamp(std::ceil(times * cache_bytes / std::max(footprint, 1.0)), 2.0, kMostSets));
}

}  // namespace moesim::microbench
