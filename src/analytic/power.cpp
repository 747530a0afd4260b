#include "analytic/power.hpp"

#include <algorithm>

#include "moesim/base/diagnostic.hpp"
#include "moesim/graph/build.hpp"

#include "analytic/evaluate.hpp"

namespace moesim {

double sustained_slowdown(const FittedLaw& law, const GraphTime& time) {
  if (time.total.value <= 0) return 1;
  const double at_full = law.coefficient("slowdown_at_full");
  const double beside_memory = law.coefficient("free_beside_memory");
  const double beside_idle = law.coefficient("free_beside_idle");
  const double beside_collectives = law.coefficient_or("free_beside_collectives", beside_idle);
  const auto is_share = [](double value) { return value >= 0 && value < 1; };
  if (!(at_full >= 0 && is_share(beside_memory) && is_share(beside_idle) && is_share(beside_collectives))) {
    throw InputError("law " + law.name + ": slowdown_at_full must be >= 0, the others in [0, 1)");
  }
  const double products = std::min(time.products / time.total, 1.0);
  const double memory = std::min(time.other_kernels / time.total, 1 - products);
  const double rest = 1 - products;
  const double collectives = std::min(time.communication / time.total, rest - memory);
  const double idle = rest - memory - collectives;
  const double free = rest > 0 ? (memory * beside_memory + collectives * beside_collectives + idle * beside_idle) / rest
                               : std::min({beside_memory, beside_collectives, beside_idle});
  return 1 + at_full * std::max(0.0, products - free) / (1 - free);
}

double sustained_slowdown(const Scenario& scenario) {
  const FittedLaw* law = scenario.kernels->calibration().find(kPowerLaw);
  return law != nullptr ? sustained_slowdown(*law, evaluate(scenario, build_graph(scenario))) : 1;
}

Scenario with_slower_products(const Scenario& scenario, double slowdown) {
  Scenario slowed = scenario;
  slowed.kernels = std::make_shared<const KernelModel>(scenario.kernels->with_slower_products(slowdown));
  return slowed;
}

Scenario at_sustained_clocks(const Scenario& scenario) {
  const double slowdown = sustained_slowdown(scenario);
  return slowdown == 1 ? scenario : with_slower_products(scenario, slowdown);
}

}  // namespace moesim
