#include "moesim/base/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace moesim {

double nearest_quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(std::floor(share * static_cast<double>(values.size() - 1) + 0.5));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

}  // namespace moesim
