#include <algorithm>

#include "moesim/base/diagnostic.hpp"
#include "moesim/cost/gemm_law.hpp"
#include "moesim/cost/kernel_laws.hpp"

namespace moesim {

MemoryLaw memory_law(const FittedLaw& fitted) {
  MemoryLaw law{.overhead = fitted.coefficient("overhead_s"),
                .efficiency = fitted.coefficient("efficiency"),
                .power = fitted.coefficient("power"),
                .cache_speedup = fitted.coefficient_or("cache_speedup", 1),
                .cache_share = fitted.coefficient_or("cache_share", 0),
                .bend = fitted.coefficient_or("bend", 0),
                .row = fitted.coefficient_or("row_s", 0),
                .again_share = fitted.coefficient_or("again_share", 1)};
  if (!(law.overhead >= 0 && law.efficiency > 0 && law.efficiency <= 1 && law.power > 0 && law.cache_speedup >= 1 &&
        law.cache_share >= 0 && law.bend >= 0 && law.bend < 1 && law.row >= 0 && law.again_share >= 0)) {
    throw InputError("law " + fitted.name +
                     ": needs overhead_s, row_s, cache_share and again_share >= 0, 0 < efficiency <= 1, power > 0, "
                     "cache_speedup >= 1, 0 <= bend < 1");
  }
  return law;
}

LawTime memory_kernel_time(const MemoryLaw& law, const Device& device, const MemoryShape& shape) {
  MOESIM_EXPECTS(shape.moved.value >= 0 && shape.rows >= 0 && shape.again.value >= 0);
  double bytes = shape.moved.value;
  if (shape.again.value > 0) {
    bytes += shape.again.value * (1 - cached_share(shape.source.value, law.again_share * device.l2_cache.value));
  }
  double drain = stream_time(bytes, device.memory_bandwidth.value, law.efficiency, law.bend);
  if (law.cache_share > 0) {
    const double hit = cached_share(bytes, law.cache_share * device.l2_cache.value);
    drain *= 1 - hit + hit / law.cache_speedup;
  }
  drain = std::max(drain, shape.rows * law.row);
  const double seconds = soft_max(law.overhead, drain, law.power);
  return drain > law.overhead ? LawTime{seconds, Bound::memory, "memory"} : LawTime{seconds, Bound::launch, "launch"};
}

}  // namespace moesim
