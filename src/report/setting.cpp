#include <string>

#include "moesim/report/prediction_report.hpp"

namespace moesim {

Setting describe(const Scenario& scenario) {
  return {.model = scenario.model.name,
          .cluster = scenario.cluster.name,
          .device = scenario.cluster.device_name,
          .framework = scenario.framework.name,
          .parallelism = scenario.parallelism,
          .workload = scenario.workload};
}

}  // namespace moesim
