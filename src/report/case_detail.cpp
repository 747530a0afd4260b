#include "report/case_detail.hpp"

#include <utility>

#include "moesim/graph/build.hpp"

#include "report/json_text.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

Json roofs_json(const Device& device) {
  Json matrix = Json::array();
  for (const MatrixPeak& peak : device.matrix_peaks) {
    matrix.push_back({{"dtype", dtype_name(peak.dtype)}, {"peak_FLOPS", json_number(peak.rate.value)}});
  }
  return {{"device", device.name},
          {"memory_bandwidth_Bps", json_number(device.memory_bandwidth.value)},
          {"vector_FLOPS", json_number(device.vector_peak.value)},
          {"matrix", std::move(matrix)}};
}

Json kernels_json(const std::vector<KernelUse>& uses) {
  Json kernels = Json::array();
  for (const KernelUse& use : uses) {
    kernels.push_back({{"name", use.name},
                       {"kind", work_kind_name(use.kind)},
                       {"dtype", use.dtype ? Json(dtype_name(*use.dtype)) : Json(nullptr)},
                       {"count", json_number(use.count)},
                       {"time_s", json_number(use.time.value)},
                       {"flops", json_number(use.amount.flops.value)},
                       {"bytes", json_number(use.amount.bytes.value)},
                       {"bound", bound_name(use.bound)},
                       {"fitted", use.fitted}});
  }
  return kernels;
}

Json expert_load_json(const RoutingResult& routing, std::size_t routings) {
  Json ranks = Json::array();
  for (int rank = 0; rank < routing.ranks(); ++rank) {
    Json experts = Json::array();
    for (const double rows : routing.expert_rows(rank)) experts.push_back(json_number(rows));
    ranks.push_back({{"rank", rank}, {"rows", json_number(routing.rows_received(rank))}, {"expert_rows", experts}});
  }
  return {{"imbalance", json_number(routing.imbalance())},
          {"dropped_fraction", json_number(routing.dropped_fraction())},
          {"routings", routings},
          {"ranks", std::move(ranks)}};
}

}  // namespace

CaseDetail case_detail(const Scenario& scenario) {
  CaseDetail detail{.device = scenario.kernels->device(), .kernels = kernel_uses(scenario)};
  if (!scenario.model.moe) return detail;
  const OpGraph graph = build_graph(scenario);
  detail.routing = graph.routing;
  detail.routings = distinct_routings(scenario, graph);
  return detail;
}

Json detail_json(const CaseDetail& detail) {
  return {{"roofs", roofs_json(detail.device)},
          {"kernels", kernels_json(detail.kernels)},
          {"expert_load", detail.routing ? expert_load_json(*detail.routing, detail.routings) : Json(nullptr)}};
}

}  // namespace moesim
