// The router's decision as PyTorch runs it: softmax, top-k, and the order of the (token, expert) rows by expert, some
// 27 kernels of which few fill the device.

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/kernel_laws.hpp"

namespace moesim {
namespace {

constexpr double kScorePasses = 5;  // softmax reads and writes, top-k reads, the map of rows is written and read
constexpr double kScoreBytes = 4;   // fp32

}  // namespace

Bytes router_bytes(const RouterShape& shape) { return {shape.tokens * shape.experts * kScoreBytes * kScorePasses}; }

RouterLaw router_law(const FittedLaw& fitted) {
  const RouterLaw law{.overhead = fitted.coefficient("overhead_s"),
                      .block_sort = fitted.coefficient("block_sort_s"),
                      .block_sort_row = fitted.coefficient("block_sort_row_s"),
                      .device_sort = fitted.coefficient("device_sort_s"),
                      .token = fitted.coefficient("token_s"),
                      .score = fitted.coefficient("score_s"),
                      .row = fitted.coefficient("row_s"),
                      .power = fitted.coefficient("power"),
                      .block_sort_rows = fitted.coefficient("block_sort_rows"),
                      .device_sort_rows = fitted.coefficient("device_sort_rows")};
  const bool times = law.overhead >= 0 && law.block_sort >= 0 && law.block_sort_row >= 0 && law.device_sort >= 0 &&
                     law.token >= 0 && law.score >= 0 && law.row >= 0;
  if (!(times && law.power >= 1 && law.block_sort_rows >= 0 && law.device_sort_rows >= law.block_sort_rows)) {
    throw InputError("law " + fitted.name +
                     ": needs times >= 0, power >= 1 and 0 <= block_sort_rows <= device_sort_rows");
  }
  return law;
}

LawTime router_time(const RouterLaw& law, const Device& device, const RouterShape& shape) {
  MOESIM_EXPECTS(shape.tokens >= 0 && shape.experts > 0 && shape.top_k > 0);
  const double rows = shape.tokens * shape.top_k;
  double small = law.overhead;
  std::string_view region = "one_warp";
  if (rows > law.block_sort_rows) {
    small += law.block_sort + law.block_sort_row * std::min(rows, law.device_sort_rows);
    region = "block_sort";
  }
  if (rows > law.device_sort_rows) {
    small += law.device_sort;
    region = "device_sort";
  }
  const double passes = shape.tokens * law.token + shape.tokens * shape.experts * law.score + rows * law.row;
  const double memory = router_bytes(shape).value / device.memory_bandwidth.value;
  const double seconds = std::max(soft_max(small, passes, law.power), memory);
  if (passes > small) return {seconds, Bound::memory, "memory"};
  return {seconds, Bound::launch, region};
}

}  // namespace moesim
