#include "moesim/sim/max_min.hpp"

#include <numeric>

#include "moesim/base/diagnostic.hpp"

#include "progressive_filling.hpp"

namespace moesim {

FairShare max_min_rates(std::span<const BytesPerSecond> capacities, const RouteList& routes,
                        std::span<const BytesPerSecond> rate_caps) {
  MOESIM_EXPECTS(rate_caps.empty() || rate_caps.size() == routes.size());
  std::vector<double> plain_capacities;
  for (const BytesPerSecond capacity : capacities) {
    MOESIM_EXPECTS(capacity.value > 0);
    plain_capacities.push_back(capacity.value);
  }
  std::vector<double> plain_caps;
  for (const BytesPerSecond cap : rate_caps) {
    MOESIM_EXPECTS(cap.value > 0);
    plain_caps.push_back(cap.value);
  }
  std::vector<std::uint32_t> flows(routes.size());
  std::iota(flows.begin(), flows.end(), 0U);
  std::vector<double> rates(routes.size());
  ProgressiveFilling filling(std::move(plain_capacities));
  filling.solve({.routes = routes, .route_of = flows, .caps = plain_caps}, flows, rates);

  FairShare share;
  share.rates.reserve(rates.size());
  for (const double rate : rates) share.rates.push_back({rate});
  share.levels.reserve(capacities.size());
  for (const double level : filling.levels()) share.levels.push_back({level});
  return share;
}

}  // namespace moesim
